"""Alerts and incidents that the demonstration would have had before it was made: written as rows of the past, of which nobody is told.

What happens from then on is seen by the rules, as everywhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q

from monitoring.alerts.models import RANKS, Alert, AlertRule, AlertTransition
from monitoring.alerts.observations import fingerprint
from monitoring.alerts.transitions import changing, portions
from monitoring.demo.families import Key
from monitoring.demo.fleet import MARK
from monitoring.demo.story import KINDS
from monitoring.demo.story import Incident as Trouble
from monitoring.demo.world import World
from monitoring.incidents.models import Incident, IncidentAlert, StatusChange, TimelineEntry
from monitoring.inventory.models import Resource
from monitoring.kpis.demo_signs import DAY, Past, alerts

DAYS = 180  # as far as the longest range of the page and the time before it reach
SOURCE = "demo"
CARRIED = ("instance", "job", "site", "role", "namespace", "pod", "app", "uuid")  # labels of the resource that its alerts carry
AT_ONCE = 500


class Told(NamedTuple):
    """A trouble, and its alerts as rows."""

    trouble: Trouble
    past: list[Past]
    rows: list[Alert]

    @property
    def opens(self) -> bool:
        """Whether it is worth an incident."""
        return any(RANKS[row.severity] >= RANKS["medium"] for row in self.rows)


def write(world: World, resources: Mapping[Key, Resource]) -> int:
    """Adds what is missing; returns how many alerts that was."""
    since = world.since
    rules = dict(AlertRule.objects.filter(kind=AlertRule.Kind.ALERT).values_list("name", "pk"))
    known = set(Alert.objects.filter(source=SOURCE).values_list("fingerprint", "fired_at"))
    told = []
    for trouble in world.incidents(since - DAYS * DAY, since):
        past = alerts(trouble, since) if trouble.end < since - 600 else []
        rows = [_alert(one, resources[one.resource], rules) for one in past]
        if rows and (rows[0].fingerprint, rows[0].fired_at) not in known:
            told.append(Told(trouble, past, rows))
    with transaction.atomic():
        _save_alerts(told)
        _save_incidents([one for one in told if one.opens])
    return sum(len(one.rows) for one in told)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds), UTC)


def _alert(one: Past, resource: Resource, rules: Mapping[str, int]) -> Alert:
    sign = one.sign
    carried = {name: str(resource.labels[name]) for name in CARRIED if resource.labels.get(name)}
    labels = {"alertname": sign.rule, "severity": sign.severity, **carried, **MARK}
    summary = f"{resource.name}: {sign.rule}, {sign.value:g} {sign.op} {sign.limit:g}"
    return Alert(
        fingerprint=fingerprint(SOURCE, {**labels, "resource": resource.name}), rule_id=rules.get(sign.rule), source=SOURCE, name=sign.rule,
        severity=sign.severity, labels=labels, annotations={"summary": summary},
        resource=resource, state=Alert.State.RESOLVED, value=sign.value, started_at=_at(one.began), fired_at=_at(one.fired),
        observed_at=_at(one.ended), acknowledged_at=_at(one.acknowledged) if one.acknowledged else None, resolved_at=_at(one.ended),
        ownership=Alert.Ownership.ACKNOWLEDGED if one.acknowledged else Alert.Ownership.NEW,
        resolution=Alert.Resolution.MANUAL if one.manual else Alert.Resolution.RECOVERED,
        evidence={"at": int(one.fired * 1000), "value": sign.value, "threshold": sign.limit, "op": sign.op},
    )  # fmt: skip


def _save_alerts(told: Iterable[Told]) -> None:
    pairs = [pair for one in told for pair in zip(one.rows, one.past, strict=True)]
    with changing():
        Alert.objects.bulk_create([row for row, _ in pairs], batch_size=AT_ONCE)
        changes = [change for row, past in pairs for change in _changes(row, past)]
        AlertTransition.objects.bulk_create(sorted(changes, key=lambda change: change.time), batch_size=AT_ONCE)


def _changes(row: Alert, past: Past) -> list[AlertTransition]:
    steps = [("state", "", "pending", past.began, "system"), ("state", "pending", "firing", past.fired, "system")]
    if past.acknowledged:
        steps.append(("ownership", "new", "acknowledged", past.acknowledged, past.by))
    steps.append(("state", "firing", "resolved", past.ended, past.by if past.manual else "system"))
    reason = {"resolved": row.resolution}
    return [
        AlertTransition(alert=row, axis=axis, before=before, after=after, time=_at(time), actor=actor, reason=reason.get(after, ""))
        for axis, before, after, time, actor in steps
    ]


# -- incidents -----------------------------------------------------------------------------------------------------------
def _save_incidents(told: Sequence[Told]) -> None:
    incidents = Incident.objects.bulk_create([_incident(one) for one in told], batch_size=AT_ONCE)
    both = list(zip(incidents, told, strict=True))
    IncidentAlert.objects.bulk_create([member for incident, one in both for member in _members(incident, one)], batch_size=AT_ONCE)
    StatusChange.objects.bulk_create([step for incident, one in both for step in _steps(incident, one)], batch_size=AT_ONCE)
    TimelineEntry.objects.bulk_create([entry for incident, one in both for entry in _timeline(incident, one)], batch_size=AT_ONCE)


def _incident(one: Told) -> Incident:
    root, rows = one.rows[0], one.rows
    acknowledged = min((row.acknowledged_at for row in rows if row.acknowledged_at), default=None)
    ended = max(row.resolved_at for row in rows if row.resolved_at)
    services = sorted({row.labels.get("role") or row.labels.get("app", "") for row in rows} - {""})
    return Incident(
        title=f"{KINDS[one.trouble.kind].title}: {root.labels.get('instance') or root.labels.get('pod', '')}", named=True,
        severity=max((row.severity for row in rows), key=RANKS.__getitem__), status=Incident.Status.RESOLVED, root_alert=root,
        services=services, alert_count=len(rows), started_at=_at(min(past.began for past in one.past)),
        detected_at=min(row.fired_at for row in rows if row.fired_at), opened_at=min(row.fired_at for row in rows if row.fired_at),
        last_alert_at=max(row.fired_at for row in rows if row.fired_at), acknowledged_at=acknowledged, mitigated_at=ended,
        resolved_at=ended, resolution=Incident.Resolution.RECOVERED,
    )  # fmt: skip


def _members(incident: Incident, one: Told) -> list[IncidentAlert]:
    root, *others = one.rows
    of_root = IncidentAlert(incident=incident, alert=root, role="root", reason="It fired first", joined_at=_at(one.past[0].fired))
    rest = [
        IncidentAlert(
            incident=incident, alert=row, role="symptom", relation="resource" if row.resource_id == root.resource_id else "on",
            reason=f"About the same time, on {row.resource.name if row.resource else 'it'}", joined_at=_at(past.fired),
        )
        for row, past in zip(others, one.past[1:], strict=True)
    ]  # fmt: skip
    return [of_root, *rest]


def _points(incident: Incident) -> list[tuple[str, datetime]]:
    times = [("open", incident.detected_at), ("acknowledged", incident.acknowledged_at), ("resolved", incident.resolved_at)]
    return [(status, time) for status, time in times if time]


def _steps(incident: Incident, one: Told) -> list[StatusChange]:
    by = {"acknowledged": one.past[0].by}
    steps = pairwise([("", incident.detected_at), *_points(incident)])
    return [
        StatusChange(incident=incident, time=time, before=before, after=after, actor=by.get(after, "system"))
        for (before, _), (after, time) in steps
    ]


def _timeline(incident: Incident, one: Told) -> list[TimelineEntry]:
    words = {
        "open": ("opened", KINDS[one.trouble.kind].says),
        "acknowledged": ("status", "Acknowledged"),
        "resolved": ("status", "Resolved"),
    }
    return [
        TimelineEntry(
            incident=incident, time=time, kind=words[status][0], text=words[status][1],
            actor=one.past[0].by if status == "acknowledged" else "system", key="opened" if status == "open" else "",
        )
        for status, time in _points(incident)
    ]  # fmt: skip


def take_away(resources: Collection[int]) -> int:
    """Alerts of the past and those that rules raised about its resources since, and the incidents that hold nothing else."""
    ours = Alert.objects.filter(Q(source=SOURCE, labels__demo=MARK["demo"]) | Q(resource__in=resources))
    ids = list(ours.values_list("pk", flat=True))
    for part in portions(ids):
        of_ours = set(IncidentAlert.objects.filter(alert__in=part).values_list("incident_id", flat=True))
        Alert.objects.filter(pk__in=part).delete()
        left = set(IncidentAlert.objects.filter(incident__in=of_ours).values_list("incident_id", flat=True))
        Incident.objects.filter(pk__in=of_ours - left, manual=False).delete()
    return len(ids)
