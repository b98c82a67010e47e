"""Which processes keep the machine in trouble busy, as its source said last: all there is of them, and the only thing that can be said
of a machine that has no past yet."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from aiops.templatetags.ui import NBSP, significant
from genai.causes import lines, words
from genai.causes.scene import Scene
from genai.causes.signs import Sign
from monitoring.dashboards import facts
from monitoring.inventory.models import Resource
from monitoring.store.models import Series

NOW = timedelta(minutes=10)  # facts are of now: they tell nothing of a trouble that is over
LEAST = {"CPU": 25.0, "Memory": 10.0}  # % of one core, % of the memory
MOST = 3
TITLES = {"CPU": "Busy processor time", "Memory": "Available memory"}
ABOUT, BESIDE = 0.5, 0.1  # weight of all cores, where the trouble is about that, and where it is not


def signs(scene: Scene) -> Iterator[Sign]:
    if scene.alerting is None or timezone.now() - scene.end > NOW:
        return
    resource = Resource.objects.filter(pk=scene.alerting, state=Resource.State.REPORTING).first()
    if resource is None:
        return
    told, about = facts.processes(resource.facts), _families(scene)
    for family, key in (("CPU", "cpu"), ("Memory", "memory")):
        found = [one for one in _programs(told, key) if one.used >= LEAST[family]][:MOST]
        if found:
            yield _sign(resource, family, found, ABOUT if family in about else BESIDE, scene.what)


class Program(NamedTuple):
    """Processes of one name together."""

    name: str
    used: float  # %


def _programs(told: list[Mapping[str, Any]], key: str) -> list[Program]:
    groups: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in told:
        groups[str(one.get("name", ""))[:60]].append(one)
    found = []
    for name, members in groups.items():
        which = f"{len(members)} processes" if len(members) > 1 else f"process {members[0].get('pid', '?')}"
        found.append(Program(f"{name} ({which})", sum(_figure(one, key) for one in members)))
    return sorted(found, key=lambda one: -one.used)


def _families(scene: Scene) -> set[str]:
    """What the alerts are about: their expressions, else their names."""
    told = {words.family(metric) for resource, metric in scene.symptoms if resource == scene.alerting}
    return told or {words.family(one.name) for one in scene.alerts if one.resource_id == scene.alerting}


def _sign(resource: Resource, family: str, found: list[Program], weight: float, what: str) -> Sign:
    of = "of a core" if family == "CPU" else "of the memory"
    shown = [f"{one.name} {significant(round(one.used, 1))}{NBSP}%" for one in found]
    cores = resource.facts.get("cores")
    whole = 100.0 * (cores if family == "CPU" and isinstance(cores, int) and cores > 0 else 1)
    share = min(1.0, sum(one.used for one in found) / whole)
    first = f"{found[0].name} keeps the {'processor' if family == 'CPU' else 'memory'} of {resource.name} busy"
    return Sign(
        "process", resource.pk, None, f"Busiest on {resource.name} when this was looked at: {words.listed(shown)} {of}", first,
        weight * share, (("resource", {"id": resource.pk}, f"Processes of {resource.name}", words.listed(shown)),),
        f"That these processes are why {what} began is concluded from what they use now", family=family,
        facts={"query": _query(resource, family), "title": f"{TITLES[family]} of {resource.name}"},
    )  # fmt: skip


def _query(resource: Resource, family: str) -> str:
    """How much of it is used in all; empty where the machine's exporter does not say."""
    metric = "node_cpu_seconds_total" if family == "CPU" else "node_memory_MemAvailable_bytes"
    labels = Series.objects.filter(resource=resource, metric=metric).order_by("id").values_list("labels", flat=True).first()
    if labels is None:
        return ""
    whose = lines.selector(metric, {name: value for name, value in labels.items() if name not in ("cpu", "mode")})
    if family == "Memory":
        return whose
    busy = whose[:-1] + ', mode!="idle"}' if whose.endswith("}") else whose + '{mode!="idle"}'
    return f"sum(rate({busy}[5m]))"


def _figure(process: Mapping[str, Any], key: str) -> float:
    value = process.get(key)
    return float(value) if isinstance(value, int | float) else 0.0
