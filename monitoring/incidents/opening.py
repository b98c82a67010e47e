"""Which alerts are worth an incident: real ones, bad enough. Anomalies, forecasts and lesser ones join where they belong."""

from datetime import datetime

from django.conf import settings
from django.db.models import Q

from monitoring.alerts.models import RANKS, Alert


def which_open() -> Q:
    least = RANKS[settings.INCIDENT_SEVERITY]
    return Q(severity__in=[name for name, rank in RANKS.items() if rank >= least], kind=Alert.Kind.REAL)


def opens(alert: Alert) -> bool:
    return alert.kind == Alert.Kind.REAL and RANKS[alert.severity] >= RANKS[settings.INCIDENT_SEVERITY]


def fired(alert: Alert) -> datetime:
    """When it fired; of one that came back, when it began again."""
    return max(alert.fired_at or alert.started_at, alert.started_at)
