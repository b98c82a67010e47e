"""What keeps an alert quiet now, also where the copy on its row is not written yet: rules look within a moment of its firing."""

from datetime import datetime
from typing import NamedTuple

from monitoring.alerts import silences
from monitoring.alerts.models import Alert, Silence


class Quiet(NamedTuple):
    maintenance: bool = False
    silence: str = ""  # its reason


def reasons(alert: Alert, now: datetime) -> Quiet:
    active = silences.matching(silences.subject(alert), now)
    kinds = {one.silence.kind for one in active}
    silence = next((one.silence.reason for one in active if one.silence.kind == Silence.Kind.SILENCE), "")
    return Quiet(Silence.Kind.MAINTENANCE in kinds, silence[:200])
