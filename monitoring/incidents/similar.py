"""Other incidents that looked like this one: the same alerts, about the same resources and services."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.incidents.words import Shown

WEIGHTS = {"root": 0.3, "name": 0.35, "resource": 0.2, "service": 0.15}
LEAST, MOST = 0.25, 8
LOOKED_AT = 300  # incidents that share the most with it
NAMES, RESOURCES = 200, 500  # of one incident, that are looked for
Traits = dict[str, set[Any]]


@dataclass
class Likeness(Shown):
    score: float = 0.0
    shared: str = ""  # in words

    @property
    def share(self) -> int:
        return round(100 * self.score)


def similar(incident: Incident) -> list[Likeness]:
    """The most alike first. A fixed number of statements, whatever there is."""
    own = _traits([incident])[incident.pk]
    if not own["name"]:
        return []
    others = IncidentAlert.objects.exclude(incident=incident).filter(alert__name__in=sorted(own["name"])[:NAMES])
    near = dict(
        others.order_by().values_list("incident").annotate(n=Count("alert__name", distinct=True)).order_by("-n", "-incident")[:LOOKED_AT]
    )
    rows = list(Incident.counted().filter(pk__in=near).select_related("commander").defer("notes_md"))
    traits = _traits(rows)
    found = [_likeness(one, own, traits[one.pk]) for one in rows]
    alike = [one for one in found if one.score >= LEAST]
    return sorted(alike, key=lambda one: (-one.score, -one.incident.pk))[:MOST]


def _traits(incidents: Iterable[Incident]) -> dict[int, Traits]:
    found: defaultdict[int, Traits] = defaultdict(lambda: {name: set() for name in WEIGHTS})
    listed = list(incidents)
    members = IncidentAlert.objects.filter(incident__in=[one.pk for one in listed]).order_by()
    for pk, name in members.values_list("incident", "alert__name").distinct():
        found[pk]["name"].add(name)
    about = members.exclude(alert__resource=None)
    for pk, kind, name in about.values_list("incident", "alert__resource__kind", "alert__resource__name").distinct():
        found[pk]["resource"].add((kind, name))
    roots = Alert.objects.filter(pk__in=[one.root_alert_id for one in listed if one.root_alert_id])
    top = {pk: set(told) for pk, *told in roots.values_list("pk", "name", "resource__name")}
    for one in listed:
        found[one.pk]["service"] = set(one.services)
        found[one.pk]["root"] = top.get(one.root_alert_id or 0, set()) - {None}
    return found


def _likeness(incident: Incident, own: Traits, other: Traits) -> Likeness:
    """The share that both have of what either has, weighted; what neither has does not count."""
    parts = {name: len(own[name] & other[name]) / len(own[name] | other[name]) for name in WEIGHTS if own[name] | other[name]}
    score = sum(WEIGHTS[name] * share for name, share in parts.items()) / sum(WEIGHTS[name] for name in parts)
    return Likeness(incident, score=score, shared=_words(own, other))


def _words(own: Traits, other: Traits) -> str:
    names = sorted(own["name"] & other["name"])
    places = sorted(name for _, name in own["resource"] & other["resource"])
    told = [_some(names, "alerts"), _some(places, "resources"), _some(sorted(own["service"] & other["service"]), "services")]
    return "; ".join(one for one in told if one)


def _some(names: list[str], many: str) -> str:
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} and {len(names) - 1} more {many}"
