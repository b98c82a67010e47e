"""What keeps an alert quiet now. The copy on its row was written when it fired, in the same transaction, and is kept since."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.dateparse import parse_datetime

from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.silences import Active
from monitoring.inventory.models import Resource


class Quiet(NamedTuple):
    maintenance: bool = False
    silence: str = ""  # its reason


def reasons(alert: Alert, now: datetime) -> Quiet:
    over = [one for one in alert.suppressed_by if (until := parse_datetime(str(one.get("until", "")))) is None or until > now]
    silence = next((str(one.get("reason", "")) for one in over if one.get("kind") == Silence.Kind.SILENCE), "")
    return Quiet(any(one.get("kind") == Silence.Kind.MAINTENANCE for one in over), silence[:200])


def in_maintenance(alert: Alert | None, resource: Resource | None, active: Sequence[Active], now: datetime) -> bool:
    """Whether a maintenance window lies over the alert, or, of those that are `active`, over what would be acted on."""
    if alert is not None and reasons(alert, now).maintenance:
        return True
    if resource is None:
        return False
    labels = {**resource.labels, "instance": resource.name, "host": resource.name, resource.kind: resource.name}
    return any(one.silence.kind == Silence.Kind.MAINTENANCE and one.accepts(labels) for one in active)
