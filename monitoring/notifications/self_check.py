"""Whether people would be told: channels that are dead, work that does not move."""

import time

from django.core.cache import cache
from django.utils import timezone

from aiops.health import Health
from monitoring.alerts.models import AlertTransition
from monitoring.notifications import send
from monitoring.notifications.grouping import CURSOR
from monitoring.notifications.models import Channel, Cursor, Delivery

PATIENCE = 120.0  # seconds for which the same work may be the next


def check() -> Health:
    """Four small statements."""
    now = timezone.now()
    channels = list(Channel.objects.filter(enabled=True).order_by("name").only("name", "enabled", "dead_since"))
    position = Cursor.objects.filter(name=CURSOR).values_list("position", flat=True).first() or 0
    behind = AlertTransition.objects.filter(pk__gt=position).exists()
    if _stands_still("transitions", position if behind else None):
        return Health("failed", "changes of alerts are not read: nobody is told")
    oldest = (
        Delivery.objects.filter(send.due(now), channel__enabled=True).order_by("next_attempt_at", "pk").values_list("pk", "attempts_count")
    )
    if _stands_still("deliveries", oldest.first()):
        return Health("degraded", "notices have waited for longer than two minutes")
    if dead := [one.name for one in channels if one.dead_since]:
        return Health("degraded", f"notices do not get out by {', '.join(dead[:3])}{' and others' if len(dead) > 3 else ''}")
    return Health("ok", f"{len(channels)} channel{'s' if len(channels) != 1 else ''}" if channels else "no channel is enabled")


def _stands_still(what: str, first: object) -> bool:
    """Whether this has been the first to do ever since it was seen, for longer than anybody's patience."""
    key = f"notifications-first-{what}"
    seen = cache.get(key)
    if first is None:
        return False
    if not seen or seen[0] != first:
        cache.set(key, (first, time.time()), None)
        return False
    return bool(time.time() - seen[1] > PATIENCE)
