"""What happens to incidents by itself: acknowledged with their root alert, mitigated when their alerts are over, resolved when it stays so,
open again when one of their alerts comes back. Set-based and idempotent: whoever calls it twice changes nothing more."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from monitoring.alerts.models import Alert, AlertTransition
from monitoring.incidents import memory
from monitoring.incidents.locking import arranging
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.incidents.steps import Status, Steps, back

AT_ONCE = 1000
RETURNED = 2000


def tend(now: datetime | None = None) -> int:
    """Returns how many incidents changed."""
    now = now or timezone.now()
    with arranging():
        steps = Steps(now)
        _reopen(steps)
        _acknowledge(steps)
        _mitigate(steps)
        _resolve(steps)
        return len(steps.save())


def _reopen(steps: Steps) -> None:
    """An alert of theirs fires anew. What a person resolved or mitigated while its alerts went on stays so until then."""
    fires = AlertTransition.objects.filter(alert=OuterRef("alert"), axis="state", after=Alert.State.FIRING)
    since_resolved = Exists(fires.filter(time__gt=OuterRef("incident__resolved_at")))
    since_mitigated = Exists(fires.filter(time__gt=OuterRef("incident__mitigated_at")))
    rows = IncidentAlert.objects.filter(alert__state=Alert.State.FIRING, alert__suppressed=False, incident__merged_into=None)
    rows = rows.filter(Q(since_resolved, incident__status=Status.RESOLVED) | Q(since_mitigated, incident__status=Status.MITIGATED))
    back_with = dict(rows.order_by("-incident_id").values_list("incident_id", "alert__name")[:RETURNED])
    found = Incident.objects.in_bulk(back_with)
    over = [pk for pk, incident in found.items() if not incident.is_open]
    for pk, incident in found.items():
        steps.move(steps.touch(incident), back(incident), f"{back_with[pk]} came back")
    memory.rebuild(over)


def _acknowledge(steps: Steps) -> None:
    """Who acknowledges the root alert has seen the incident."""
    rows = Incident.objects.filter(status=Status.OPEN).exclude(root_alert=None).exclude(root_alert__ownership=Alert.Ownership.NEW)
    for incident in rows.exclude(pk__in=steps.touched).select_related("root_alert")[:AT_ONCE]:
        alert = incident.root_alert
        when = alert.acknowledged_at if alert else None
        steps.move(steps.touch(incident), Status.ACKNOWLEDGED, "its root alert was", at=when)


def _mitigate(steps: Steps) -> None:
    rows = _over().filter(status__in=(Status.OPEN, Status.ACKNOWLEDGED, Status.INVESTIGATING))
    for incident in _as_touched(steps, rows[:AT_ONCE]):
        steps.move(incident, Status.MITIGATED, _all_over(incident), at=incident.last_over)  # type: ignore[attr-defined]


def _all_over(incident: Incident) -> str:
    return "its alert is over" if incident.alert_count == 1 else f"all {incident.alert_count:,} alerts are over"


def _resolve(steps: Steps) -> None:
    """Calm for a while: over since its last alert was."""
    calm = timedelta(minutes=settings.INCIDENT_CALM_MINUTES)
    rows = _over().filter(status=Status.MITIGATED, last_over__lte=steps.now - calm)
    for incident in _as_touched(steps, rows[:AT_ONCE]):
        over: datetime = incident.last_over  # type: ignore[attr-defined]
        steps.move(incident, Status.RESOLVED, f"calm for {settings.INCIDENT_CALM_MINUTES:g} min", at=max(over, incident.detected_at))
        incident.resolution = Incident.Resolution.RECOVERED


def _over() -> QuerySet[Any]:
    """Those that have alerts, all of them over, with when the last ended. What people opened is people's."""
    going_on = Count("members", filter=~Q(members__alert__state=Alert.State.RESOLVED))
    last = Max("members__alert__resolved_at", filter=Q(members__alert__state=Alert.State.RESOLVED))
    rows = Incident.objects.filter(manual=False).annotate(going_on=going_on, last_over=last)
    return rows.filter(going_on=0, last_over__isnull=False).order_by("id")


def _as_touched(steps: Steps, rows: Iterable[Incident]) -> Iterable[Incident]:
    """One row of each incident counts: the one that this call has changed already, if it has."""
    for row in rows:
        if row.pk not in steps.touched:
            yield steps.touch(row)
