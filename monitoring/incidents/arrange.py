"""People choose which alerts are one incident: merge, split, add, take out. What people chose stays so: correlation adds to it, never
takes it apart, never merges it. Raises Refused, with one sentence, where it cannot be done."""

from collections.abc import Collection, Sequence

from django.utils import timezone

from accounts import audit
from monitoring.alerts.models import Alert
from monitoring.alerts.transitions import Actor, Who
from monitoring.incidents import memory
from monitoring.incidents.absorb import absorb, refresh
from monitoring.incidents.lifecycle import GOING_ON, Refused, get
from monitoring.incidents.locking import arranging
from monitoring.incidents.models import Incident, IncidentAlert, TakenOut
from monitoring.incidents.steps import Status, Steps, back

MOST_AT_ONCE = 10_000


def merge(target_id: int, source_ids: Collection[int], actor: Who, note: str = "") -> Incident:
    """The sources' alerts become the target's; the sources are over and say where they went."""
    with arranging():
        target = get(target_id)
        sources = [get(pk) for pk in sorted(set(source_ids) - {target_id})]
        if not sources:
            raise Refused("Say which incidents to merge into this one.")
        if not target.is_open and any(one.is_open for one in sources):
            raise Refused(f"{target.number} is resolved: reopen it first, or merge it into the other.")
        steps = Steps(timezone.now(), actor)
        target.arranged = True
        if target.status == Status.MITIGATED and any(one.status in GOING_ON for one in sources):
            steps.move(target, back(target), f"{sources[0].number} goes on")
        absorb(steps, [(steps.touch(target), one) for one in sources], note or f"{Actor.of(actor).name} says so")
        _again(steps, [target.pk])
        after = {"merged": [one.number for one in sources], **({"note": note} if note else {})}
        audit.record("incidents.merged", target=target, after=after, actor=actor)
    return target


def split(incident_id: int, alert_ids: Collection[int], actor: Who, title: str = "") -> Incident:
    """Some of its alerts become an incident of their own. Returns that."""
    now = timezone.now()
    with arranging():
        incident = get(incident_id)
        ids = _members(incident, alert_ids)
        if len(ids) == incident.members.count():
            raise Refused("At least one alert stays: an incident cannot be split into itself.")
        other = Incident.objects.create(
            title=title.strip()[:300], named=bool(title.strip()), arranged=True, status=incident.status, commander=incident.commander,
            acknowledged_at=incident.acknowledged_at, mitigated_at=incident.mitigated_at, resolved_at=incident.resolved_at,
            resolution=incident.resolution, created_by_id=Actor.of(actor).user_id, opened_at=now,
        )  # fmt: skip
        steps = Steps(now, actor)
        _put(ids, other, actor, f"Split off {incident.number} by {Actor.of(actor).name}")
        steps.begin(other, f"Split off {incident.number}")
        if not other.is_open:
            steps.opened.discard(other.pk)
        steps.tell(incident, "merge", f"{len(ids):,} alerts became {other.number}", data={"incident": other.pk})
        incident.arranged = True
        _again(steps, [incident.pk, other.pk])
        audit.record("incidents.split", target=incident, after={"into": other.number, "alerts": ids[:200], "count": len(ids)}, actor=actor)
    return other


def add(incident_id: int, alert_ids: Collection[int], actor: Who) -> list[int]:
    """Returns the ids of those that are new to it; they leave the incident they were in."""
    with arranging():
        incident = get(incident_id)
        known = set(IncidentAlert.objects.filter(incident=incident).values_list("alert_id", flat=True))
        found = Alert.objects.filter(pk__in=list(alert_ids), fired_at__isnull=False)
        rows = [row for row in found.only("id", "state", "name").order_by("id") if row.pk not in known]
        if not incident.is_open and any(row.is_open for row in rows):
            raise Refused(f"{incident.number} is resolved and the alert goes on: reopen it first.")
        if not rows:
            return []
        ids = [row.pk for row in rows]
        left = list(IncidentAlert.objects.filter(alert__in=ids).values_list("incident_id", flat=True).distinct())
        steps = Steps(timezone.now(), actor)
        _put(ids, incident, actor, f"Added by {Actor.of(actor).name}")
        incident.arranged = True
        steps.tell(incident, "alert", _told(rows, "added"), data={"alerts": ids[:200], "count": len(ids)})
        for other in Incident.objects.filter(pk__in=left):
            other.arranged = True
            steps.tell(other, "alert", f"{_told(rows, 'moved')} to {incident.number}", data={"incident": incident.pk})
        _again(steps, [incident.pk, *left])
        audit.record("incidents.alerts_added", target=incident, after={"alerts": ids[:200], "count": len(ids)}, actor=actor)
    return ids


def take_out(incident_id: int, alert_ids: Collection[int], actor: Who) -> list[int]:
    """They do not belong to it, and correlation leaves them alone from now on."""
    with arranging():
        incident = get(incident_id)
        ids = _members(incident, alert_ids)
        rows = list(Alert.objects.filter(pk__in=ids).only("id", "name").order_by("id"))
        IncidentAlert.objects.filter(incident=incident, alert__in=ids).delete()
        who = Actor.of(actor).name
        TakenOut.objects.bulk_create([TakenOut(alert_id=pk, incident=incident, actor=who) for pk in ids], batch_size=500)
        steps = Steps(timezone.now(), actor)
        incident.arranged = True
        steps.tell(incident, "alert", _told(rows, "taken out"), data={"alerts": ids[:200], "count": len(ids)})
        _again(steps, [incident.pk])
        audit.record("incidents.alerts_taken_out", target=incident, after={"alerts": ids[:200], "count": len(ids)}, actor=actor)
    return ids


def _members(incident: Incident, alert_ids: Collection[int]) -> list[int]:
    ids = list(incident.members.filter(alert__in=list(alert_ids)).order_by("alert_id").values_list("alert_id", flat=True))
    if not ids:
        raise Refused(f"None of these alerts belongs to {incident.number}.")
    return ids


def _put(alert_ids: Sequence[int], incident: Incident, actor: Who, reason: str) -> None:
    """The alerts belong there, because a person says so."""
    TakenOut.objects.filter(alert__in=alert_ids).delete()
    IncidentAlert.objects.filter(alert__in=alert_ids).delete()
    who = Actor.of(actor).name
    rows = [IncidentAlert(incident=incident, alert_id=pk, relation="person", reason=reason[:300], actor=who) for pk in alert_ids]
    IncidentAlert.objects.bulk_create(rows, batch_size=500)


def _again(steps: Steps, incident_ids: Sequence[int]) -> None:
    refresh(steps, incident_ids)
    memory.rebuild([pk for pk in incident_ids if steps.touched[pk].is_open])
    steps.save()


def _told(rows: Sequence[Alert], verb: str) -> str:
    return f"{rows[0].name} {verb}" if len(rows) == 1 else f"{len(rows):,} alerts {verb}"
