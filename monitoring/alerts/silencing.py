"""Silences are made and ended by people; both show at once."""

from typing import Any

from django.db.models import Q
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
    over = Q(ended_at__isnull=False) | (Q(rrule="") & Q(ends_at__lte=now))
    if not Silence.objects.filter(pk=silence.pk).exclude(over).update(ended_at=now, ended_by=Actor.of(actor).name):
        return False
    silence.refresh_from_db()
    audit.record(f"{silence.kind}.ended", target=silence, after={"ended_at": now}, actor=actor)
    overlay()
    return True


def told(silence: Silence) -> dict[str, Any]:
    return {
        "matchers": " ".join(f"{one['name']}{one['op']}{one['value']!r}" for one in silence.matchers),
        "from": silence.starts_at,
        "to": silence.ends_at,
        "repeats": silence.rrule,
        "time zone": silence.time_zone,
        "reason": silence.reason,
    }
