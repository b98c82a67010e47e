"""Which processes keep the machine in trouble busy, as its source said last: all there is of them, and the only thing that can be said
of a machine that has no past yet."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from aiops.templatetags.ui import NBSP, significant
from genai.causes import words
from genai.causes.scene import Scene
from genai.causes.signs import Sign
from monitoring.dashboards import facts
from monitoring.inventory.models import Resource

NOW = timedelta(minutes=10)  # facts are of now: they tell nothing of a trouble that is over
LEAST = {"CPU": 25.0, "Memory": 10.0}  # % of one core, % of the memory
MOST = 3
ABOUT, BESIDE = 0.5, 0.1  # weight of all cores, where the trouble is about that, and where it is not


def signs(scene: Scene) -> Iterator[Sign]:
    if scene.alerting is None or timezone.now() - scene.end > NOW:
        return
    resource = Resource.objects.filter(pk=scene.alerting, state=Resource.State.REPORTING).first()
    if resource is None:
        return
    told, about = facts.processes(resource.facts), _families(scene)
    for family, key in (("CPU", "cpu"), ("Memory", "memory")):
        found = sorted((one for one in told if _figure(one, key) >= LEAST[family]), key=lambda one: -_figure(one, key))[:MOST]
        if found:
            yield _sign(resource, family, key, found, ABOUT if family in about else BESIDE, scene.what)


def _families(scene: Scene) -> set[str]:
    """What the alerts are about: their expressions, else their names."""
    told = {words.family(metric) for resource, metric in scene.symptoms if resource == scene.alerting}
    return told or {words.family(one.name) for one in scene.alerts if one.resource_id == scene.alerting}


def _sign(resource: Resource, family: str, key: str, found: list[Mapping[str, Any]], weight: float, what: str) -> Sign:
    of = "of a core" if family == "CPU" else "of the memory"
    shown = [f"{_name(one)} {significant(_figure(one, key))}{NBSP}%" for one in found]
    cores = resource.facts.get("cores")
    whole = 100.0 * (cores if family == "CPU" and isinstance(cores, int) and cores > 0 else 1)
    share = min(1.0, sum(_figure(one, key) for one in found) / whole)
    first = f"{_name(found[0])} uses {significant(_figure(found[0], key))}{NBSP}% {of} on {resource.name}"
    return Sign(
        "process", resource.pk, None, f"Busiest on {resource.name} when this was looked at: {words.listed(shown)} {of}", first,
        weight * share, (("resource", {"id": resource.pk}, f"Processes of {resource.name}", words.listed(shown)),),
        f"That these processes are why {what} began is concluded from what they use now", family=family,
    )  # fmt: skip


def _name(process: Mapping[str, Any]) -> str:
    return f"{str(process.get('name', ''))[:60]} ({process.get('pid', '?')})"


def _figure(process: Mapping[str, Any], key: str) -> float:
    value = process.get(key)
    return float(value) if isinstance(value, int | float) else 0.0
