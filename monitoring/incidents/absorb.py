"""Incidents become one; what an incident says of itself is found anew from its alerts. Inside `arranging`."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from django.db.models import BigIntegerField, Case, Value, When

from monitoring.alerts.models import Alert
from monitoring.alerts.transitions import portions
from monitoring.incidents import describe, memory, root
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.incidents.opening import fired, opens
from monitoring.incidents.root import Candidate
from monitoring.incidents.steps import Status, Steps
from monitoring.inventory.topology import Topology

NEEDED = ("id", "name", "severity", "kind", "labels", "resource_id", "fired_at", "started_at")


def absorb(steps: Steps, pairs: Sequence[tuple[Incident, Incident]], reason: str) -> None:
    """Of each pair the second's alerts are the first's from now on; `refresh` has to follow."""
    if not pairs:
        return
    moves = {one.pk: target.pk for target, one in pairs}
    for rows, field in ((IncidentAlert.objects, "incident"), (Incident.objects, "merged_into")):
        where = Case(*(When(**{field: source}, then=Value(target)) for source, target in moves.items()), output_field=BigIntegerField())
        rows.filter(**{f"{field}__in": list(moves)}).update(**{field: where})
    memory.hand_over(moves)
    for target, one in pairs:
        _end(steps, one, target)
        steps.tell(one, "merge", f"Merged into {target.number}: {reason}", data={"incident": target.pk})
        steps.tell(target, "merge", f"{one.number}, {one.title}, became part of this one: {reason}", data={"incident": one.pk})


def _end(steps: Steps, one: Incident, target: Incident) -> None:
    one.merged_into, one.root_alert, one.alert_count = target, None, 0
    steps.move(one, Status.RESOLVED, f"merged into {target.number}")
    one.resolution = Incident.Resolution.MERGED
    seen = [at for at in (one.acknowledged_at, target.acknowledged_at) if at]
    target.acknowledged_at = min(seen, default=None) if target.status != Status.OPEN else target.acknowledged_at
    target.opened_at = min(one.opened_at, target.opened_at)


def refresh(steps: Steps, incident_ids: Collection[int]) -> None:
    """Counts, times, severity, services, title, root and everybody's role. A fixed number of statements per 5,000 alerts."""
    missing = [pk for pk in incident_ids if pk not in steps.touched]
    incidents = {pk: steps.touched[pk] for pk in incident_ids if pk in steps.touched} | Incident.objects.in_bulk(missing)
    members = list(IncidentAlert.objects.filter(incident_id__in=incidents).values_list("incident_id", "alert_id", "role"))
    alerts: dict[int, Alert] = {}
    for ids in portions([alert for _, alert, _ in members]):
        alerts |= Alert.objects.only(*NEEDED).in_bulk(list(ids))
    topology = Topology.of(alert.resource_id or 0 for alert in alerts.values())
    of: defaultdict[int, list[Alert]] = defaultdict(list)
    before: dict[int, str] = {}
    for incident, alert, role in members:
        of[incident].append(alerts[alert])
        before[alert] = role
    roles: dict[int, str] = {}
    for pk, incident in incidents.items():
        roles |= _again(steps.touch(incident), of[pk], topology)
    _title([one for pk, one in incidents.items() if of[pk]], of)
    _save({pk: role for pk, role in roles.items() if before[pk] != role})


def _again(incident: Incident, alerts: Sequence[Alert], topology: Topology) -> dict[int, str]:
    incident.alert_count = 0
    if not alerts:
        incident.root_alert, incident.services = None, []
        return {}
    describe.grow(incident, alerts)
    found, roles = root.roles([Candidate(one.pk, one.resource_id, fired(one), one.severity, opens(one)) for one in alerts], topology)
    incident.root_alert_id = found.pk if found else None
    return roles


def _title(incidents: Sequence[Incident], of: dict[int, list[Alert]]) -> None:
    nameless = [one for one in incidents if not one.named]
    summaries = describe.summaries(one.root_alert_id for one in nameless)
    for one in nameless:
        top = next(alert for alert in of[one.pk] if alert.pk == one.root_alert_id)
        one.title = describe.title(summaries[top.pk], top.name, of[one.pk])


def _save(roles: dict[int, str]) -> None:
    by_role: defaultdict[str, list[int]] = defaultdict(list)
    for alert, role in roles.items():
        by_role[role].append(alert)
    for role, alert_ids in by_role.items():
        for ids in portions(alert_ids):
            IncidentAlert.objects.filter(alert_id__in=ids).update(role=role)
