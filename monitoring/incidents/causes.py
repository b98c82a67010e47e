"""What may have caused an incident, as far as the alerts, the inventory and its changes tell: ranked by points, with what speaks for each
and against it. Points: up to 50 for the share of the other alerts that hang on it, up to 30 for how early it was, 20 for what it is about
(the root alert's resource or one that it hangs on, or an alert bad enough to open an incident)."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import QuerySet

from aiops.templatetags.ui import duration
from monitoring.alerts.models import Alert
from monitoring.alerts.rows import value_and_limit
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.incidents.opening import opens
from monitoring.incidents.root import caused
from monitoring.inventory.models import ResourceChange
from monitoring.inventory.topology import Topology

MOST = 4
LOOKED_AT = 2000  # alerts, the earliest
BEFORE, AFTER = timedelta(minutes=45), timedelta(minutes=2)  # of the beginning: changes that may have caused it
TELLING = ("facts", "labels", "rebooted", "clock", "deleted")  # states and health are effects; to be seen for the first time is no change
EARLY = timedelta(minutes=30)  # so long before the rest, or later, counts in full, or not at all


class Evidence(NamedTuple):
    icon: str
    text: str
    strong: str = ""  # the decisive part, in front
    url_name: str = ""
    url_arg: int | None = None
    against: bool = False


@dataclass
class Cause:
    title: str
    points: float
    why: str
    evidence: list[Evidence] = field(default_factory=list)


@dataclass
class Ranked:
    causes: list[Cause]
    candidates: int


@dataclass
class Scene:
    """The incident's alerts, the earliest first, and what they hang on."""

    incident: Incident
    alerts: list[Alert]
    topology: Topology
    below: Counter[int]  # resource -> how many alerts are about it or about what hangs on it

    @classmethod
    def of(cls, incident: Incident) -> "Scene":
        members = IncidentAlert.objects.filter(incident=incident).select_related("alert").order_by("alert__started_at", "pk")
        slim = ("alert__evidence", "alert__fires", "alert__annotations", "alert__suppressed_by", "alert__labels")
        alerts = [one.alert for one in members.defer(*slim)[:LOOKED_AT]]
        topology = Topology.of(alert.resource_id or 0 for alert in alerts)
        below = Counter(pk for one in alerts if one.resource_id for pk in (one.resource_id, *topology.above(one.resource_id)))
        return cls(incident, alerts, topology, below)

    def others_below(self, alert: Alert) -> int:
        return self.below[alert.resource_id] - 1 if alert.resource_id else 0

    def onset(self, alert: Alert) -> datetime:
        """When the first of the others began."""
        return next((one.started_at for one in self.alerts if one.pk != alert.pk), alert.started_at)


def causes(incident: Incident) -> Ranked:
    """The likeliest first. A fixed number of statements."""
    scene = Scene.of(incident)
    if not scene.alerts:
        return Ranked([], 0)
    alerts = sorted(((_points(scene, one), one) for one in _deepest(scene)), key=lambda pair: -pair[0])
    whole = Alert.objects.select_related("resource").in_bulk([one.pk for _, one in alerts[:MOST]])
    changes = _of_changes(scene)
    found = [_of_alert(scene, whole[one.pk], points) for points, one in alerts[:MOST] if one.pk in whole] + changes
    return Ranked(sorted(found, key=lambda one: -one.points)[:MOST], len(alerts) + len(changes))


# -- alerts ------------------------------------------------------------------------------------------------------------
def _deepest(scene: Scene) -> list[Alert]:
    """Of each resource its earliest alert; a resource that hangs on another one here is an effect."""
    first: dict[object, Alert] = {}
    for alert in scene.alerts:
        first.setdefault(alert.resource_id or f"alert {alert.name}", alert)
    alerting = {alert.resource_id for alert in scene.alerts if alert.resource_id}
    deepest = [one for one in first.values() if not caused(one.resource_id, scene.topology, alerting)]
    return deepest or list(first.values())


def _points(scene: Scene, alert: Alert) -> float:
    share = _share(scene.others_below(alert), len(scene.alerts) - 1)
    return 50 * share + 30 * _early(alert.started_at, scene.onset(alert)) + (20 if opens(alert) else 0)


def _of_alert(scene: Scene, alert: Alert, points: float) -> Cause:
    others, below = len(scene.alerts) - 1, scene.others_below(alert)
    value = value_and_limit(alert)
    evidence = [Evidence("alerts", "opens the alert", value, "alert", alert.pk)] if value else []
    if below:
        evidence.append(Evidence("topology", "of the other alerts hang on it", f"{below:,} of {others:,}"))
    elif others and alert.resource_id:
        evidence.append(Evidence("topology", "of the other alerts hang on it", "none", against=True))
    if others:
        evidence.append(_when(alert.started_at, scene.onset(alert)))
    where = f" on {alert.resource.name}" if alert.resource and alert.resource.name not in alert.summary else ""
    return Cause(f"{alert.summary}{where}"[:200], points, _because(scene, alert, below, others), evidence)


def _because(scene: Scene, alert: Alert, below: int, others: int) -> str:
    if not others:
        return "It is the only alert of the incident."
    if below and alert.resource:
        some = f"{below:,} of the {others:,}" if below < others else "All" if others > 1 else "The"
        words = "other alerts are" if others > 1 else "other alert is"
        return f"{some} {words} about {alert.resource.name} or about what runs on it or needs it."
    earlier = sum(one.started_at > alert.started_at for one in scene.alerts)
    which = "all others" if earlier == others else f"{earlier:,} of the {others:,} others"
    return f"It began before {which}; nothing it is known to hang on has an alert."


# -- changes -----------------------------------------------------------------------------------------------------------
def _of_changes(scene: Scene) -> list[Cause]:
    began = scene.incident.started_at
    rows = changes_of(scene.topology, began - BEFORE, began + AFTER).filter(kind__in=TELLING)
    root = next((one.resource_id for one in scene.alerts if one.pk == scene.incident.root_alert_id), None)
    upwards = {root, *scene.topology.above(root or 0)}
    return [_of_change(scene, row, row.resource_id in upwards) for row in rows.order_by("-time")[:20]]


def changes_of(topology: Topology, since: datetime, until: datetime) -> QuerySet[ResourceChange]:
    """Changes of what the alerts are about, and of what that hangs on."""
    return ResourceChange.objects.filter(resource__in=list(topology.places)[:5000], time__range=(since, until))


def _of_change(scene: Scene, row: ResourceChange, upwards: bool) -> Cause:
    below, many, lead = scene.below[row.resource_id or 0], len(scene.alerts), scene.incident.started_at - row.time
    near = 1 - min(1.0, max(0.0, lead / BEFORE))
    points = 0.6 * (50 * _share(below, many) + (20 if upwards else 0)) + 30 * near
    when = (duration(lead, 2), "before the impact began") if lead > timedelta(0) else (duration(-lead, 2), "after the impact began")
    hang = Evidence("topology", "of the alerts hang on it", f"{below:,} of {many:,}", "resource", row.resource_id, against=not below)
    evidence = [Evidence("clock", when[1], when[0], against=lead <= timedelta(0)), hang]
    why = "A change shortly before; whether it is the cause, the alerts do not tell."
    return Cause(f"{row.resource_name}: {row.text}"[:200], points, why, evidence)


# -- points ------------------------------------------------------------------------------------------------------------
def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _early(began: datetime, onset: datetime) -> float:
    """1 for well before the others, 0.5 for together with them, 0 for well after."""
    return 0.5 + max(-0.5, min(0.5, (onset - began) / EARLY / 2))


def _when(began: datetime, onset: datetime) -> Evidence:
    apart = abs(began - onset)
    if apart < timedelta(seconds=1):
        return Evidence("clock", "as the others began", "at the same time")
    words = duration(apart, 2)
    return Evidence("clock", "before the others", words) if began < onset else Evidence("clock", "after the first", words, against=True)
