"""What happened in a span, in figures: what a digest rests on."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from forecasting.forecast_board import what
from forecasting.models import Forecast
from forecasting.words import figure
from monitoring.alerts.models import RANKS, Alert
from monitoring.incidents.models import Incident
from monitoring.inventory.models import ResourceChange
from remediation.models import Approval, Execution

NOISY, OPEN, CASES, SOON = 5, 10, 8, 5  # rows of each table
HORIZON = timedelta(days=7)
Json = dict[str, Any]


def gather(start: datetime, end: datetime) -> Json:
    """Of the span, and how many it was in the one before. A fixed number of statements."""
    before = (start - (end - start), start)
    return {
        "alerts": _alerts(start, end, before),
        "incidents": _incidents(start, end, before),
        "remediation": _remediation(start, end),
        "forecasts": _forecasts(end),
        "changes": ResourceChange.objects.filter(time__gte=start, time__lt=end).exclude(kind=ResourceChange.Kind.HEALTH).count(),
    }


# -- alerts ----------------------------------------------------------------------------------------------------------------
def _fired(start: datetime, end: datetime) -> QuerySet[Alert]:
    return Alert.objects.filter(fired_at__gte=start, fired_at__lt=end, kind=Alert.Kind.REAL)


def _alerts(start: datetime, end: datetime, before: tuple[datetime, datetime]) -> Json:
    rows = _fired(start, end).order_by()
    severities = dict(rows.values_list("severity").annotate(Count("pk")))
    noisy = rows.values("name").annotate(count=Count("pk"), alert=Max("pk"), acted=Count("pk", filter=~Q(ownership="new")))
    return {
        "fired": sum(severities.values()),
        "before": _fired(*before).count(),
        "severities": {name: severities[name] for name in reversed(RANKS) if severities.get(name)},
        "noisy": list(noisy.order_by("-count", "name")[:NOISY]),
        "still": rows.filter(state=Alert.State.FIRING).count(),
    }  # fmt: skip


# -- incidents -------------------------------------------------------------------------------------------------------------
def _incidents(start: datetime, end: datetime, before: tuple[datetime, datetime]) -> Json:
    rows = Incident.counted()
    resolved = list(rows.filter(resolved_at__gte=start, resolved_at__lt=end).order_by("resolved_at").defer("notes_md"))
    going_on = rows.filter(Q(resolved_at=None) | Q(resolved_at__gte=end), detected_at__lt=end).order_by("detected_at").defer("notes_md")
    return {
        "opened": rows.filter(detected_at__gte=start, detected_at__lt=end).count(),
        "before": rows.filter(detected_at__gte=before[0], detected_at__lt=before[1]).count(),
        "resolved": [_incident(one) for one in resolved[-OPEN:]],
        "resolved_count": len(resolved),
        "open": [_incident(one) for one in going_on[:OPEN]],
        "open_count": going_on.count(),
        "to_resolve": _median(one.resolved_at - one.started_at for one in resolved if one.resolved_at),
        "to_acknowledge": _median(one.acknowledged_at - one.detected_at for one in resolved if one.acknowledged_at),
    }


def _incident(one: Incident) -> Json:
    lasted = (one.resolved_at - one.started_at).total_seconds() if one.resolved_at else None
    return {
        "id": one.pk, "number": one.number, "title": one.title, "severity": one.severity, "status": one.status,
        "since": one.started_at.isoformat(), "lasted": lasted, "reviewed": bool(one.notes_md.strip()),
    }  # fmt: skip


def _median(lengths: Iterable[timedelta]) -> float | None:
    """Seconds."""
    known = [one.total_seconds() for one in lengths]
    return median(known) if known else None


# -- what was done, and what comes --------------------------------------------------------------------------------------------
def _remediation(start: datetime, end: datetime) -> Json:
    rows = Execution.objects.filter(finished_at__gte=start, finished_at__lt=end, dry_run=False)
    told = rows.order_by("-finished_at").select_related("resource")[:CASES]
    return {
        "finished": rows.count(),
        "held": rows.filter(verification=Execution.Verification.HELD).count(),
        "escalated": rows.exclude(escalated_at=None).count(),
        "waiting": Approval.objects.filter(state=Approval.State.WAITING).count(),
        "cases": [_case(one) for one in told],
    }


def _case(one: Execution) -> Json:
    told = {"id": one.pk, "number": one.number, "title": one.title, "target": one.target}
    return {**told, "state": one.get_state_display(), "outcome": one.outcome}


def _forecasts(end: datetime) -> list[Json]:
    """What reaches its limit within a week."""
    rows = Forecast.objects.filter(latest=True, eta__gte=end, eta__lt=end + HORIZON).select_related("track__watch", "track__resource")
    return [_forecast(one) for one in rows.order_by("eta")[:SOON]]


def _forecast(one: Forecast) -> Json:
    track, unit = one.track, one.track.watch.unit
    return {
        "id": one.pk, "track": track.pk, "what": what(track), "on": track.resource.name if track.resource else track.vm,
        "eta": one.eta.isoformat() if one.eta else None, "value": figure(one.value, unit), "limit": figure(one.limit, unit),
    }  # fmt: skip
