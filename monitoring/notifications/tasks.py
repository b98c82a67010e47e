import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import Error
from django.db.models import QuerySet
from django.utils import timezone

from aiops.errors import is_outage
from monitoring.notifications import grouping, inbox, send, telling
from monitoring.notifications.lanes import lanes
from monitoring.notifications.models import Message, NotificationGroup

ROUNDS = 100  # of one call, so that it ends
EXPIRED_AT_ONCE = 500
log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()


@shared_task
def tend_notifications() -> int:
    """Every 2 s, and when alerts change: reads transitions, writes what is to be told, has it sent. Two at once do no harm; in one process
    the second leaves it to the first."""
    if not _one_at_a_time.acquire(blocking=False):
        return 0
    try:
        return prepare() + start()
    except Error as fault:
        if not is_outage(fault):
            raise
        log.warning("notifications wait until the database answers: %s", " ".join(str(fault).split()))
        return 0
    finally:
        _one_at_a_time.release()


def prepare() -> int:
    """All that has happened becomes messages and deliveries."""
    return _until_done(grouping.read_on) + _until_done(telling.tell_due)


def _until_done(work: Callable[[], int]) -> int:
    count = 0
    for _ in range(ROUNDS):
        done = work()
        if not done:
            break
        count += done
    return count


def start() -> int:
    waiting = send.waiting()
    lanes.wake(waiting)
    return sum(waiting.values())


@shared_task
def expire_notifications() -> int:
    """Every night: what was told longer ago than AIOPS_ALERT_RETENTION_DAYS; behind the bell, longer than a month."""
    since = timezone.now() - timedelta(days=settings.ALERT_RETENTION_DAYS)
    groups = NotificationGroup.objects.filter(closed_at__lt=since)
    return _expire(groups) + _expire(Message.objects.filter(group=None, at__lt=since)) + _expire(inbox.old())


def _expire(rows: QuerySet) -> int:
    gone = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:EXPIRED_AT_ONCE]):
        rows.model._default_manager.filter(pk__in=ids).delete()
        gone += len(ids)
    return gone
