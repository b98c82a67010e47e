"""Silences are made, changed and ended by people; all of it shows at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from monitoring.alerts.models import Silence
from monitoring.alerts.overlays import overlay
from monitoring.alerts.transitions import Actor, Who


def create(silence: Silence, actor: Who) -> Silence:
    """Stores a checked silence (see checks.check_silence) and lays it over the alerts at once."""
    silence.created_by_id = Actor.of(actor).user_id
    silence.save()
    audit.record(f"{silence.kind}.created", target=silence, after=told(silence), actor=actor)
    overlay()
    return silence


def end(silence: Silence, actor: Who) -> bool:
    """Ends it now, with all its later windows; False where it was over already."""
    now = timezone.now()
    if not _going_on(silence).update(ended_at=now, ended_by=Actor.of(actor).name):
        return False
    silence.refresh_from_db()
    audit.record(f"{silence.kind}.ended", target=silence, after={"ended_at": now}, actor=actor)
    overlay()
    return True


def change(silence: Silence, given: Mapping[str, Any], actor: Who) -> bool:
    """Other matchers, times or words, checked before (see checks.check_silence); False where it is over already."""
    before = told(silence)
    if not _going_on(silence).update(**given):
        return False
    silence.refresh_from_db()
    audit.record(f"{silence.kind}.changed", target=silence, **audit.changes(before, told(silence)), actor=actor)
    overlay()
    return True


def extend(silence: Silence, until: datetime, actor: Who) -> bool:
    """Later, never earlier; False where it is over, repeats, or ends later anyway."""
    if silence.rrule or until <= silence.ends_at:
        return False
    return change(silence, {"ends_at": until}, actor)


def _going_on(silence: Silence) -> QuerySet[Silence]:
    over = Q(ended_at__isnull=False) | (Q(rrule="") & Q(ends_at__lte=timezone.now()))
    return Silence.objects.filter(pk=silence.pk).exclude(over)


def told(silence: Silence) -> dict[str, Any]:
    return {
        "matchers": " ".join(f"{one['name']}{one['op']}{one['value']!r}" for one in silence.matchers),
        "from": silence.starts_at,
        "to": silence.ends_at,
        "repeats": silence.rrule,
        "time zone": silence.time_zone,
        "reason": silence.reason,
    }
