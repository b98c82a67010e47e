"""Silence: reporting → stale → gone → (ephemeral ones) deleted."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from monitoring.inventory import changes
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.inventory.signals import resource_state_changed

EPHEMERAL_GONE, EPHEMERAL_DELETED = timedelta(minutes=10), timedelta(hours=1)  # since last seen
KEEP_CHANGES = timedelta(days=90)
AT_ONCE = 500  # resources in one transaction
State = Resource.State


def age(now: datetime | None = None) -> int:
    """Moves everything silent to where it belongs; returns how many moved. Two at the same time do each move once."""
    now = now or timezone.now()
    rows = Resource.objects.all()
    usual_end = now - timedelta(seconds=settings.RESOURCE_GONE_AFTER)
    silent = models.Q(ephemeral=False, last_seen__lt=usual_end) | models.Q(ephemeral=True, last_seen__lt=now - EPHEMERAL_GONE)
    stale = _move(rows.filter(state=State.REPORTING, stale_at__lt=now), State.STALE, now)
    gone = _move(rows.filter(silent, state=State.STALE), State.GONE, now)
    return stale + gone + _delete(rows.filter(state=State.GONE, ephemeral=True, last_seen__lt=now - EPHEMERAL_DELETED), now)


def _move(rows: models.QuerySet[Resource], after: str, now: datetime) -> int:
    return _portions(rows, lambda: _move_some(rows, after, now))


def _portions(rows: models.QuerySet[Resource], work: Callable[[], int]) -> int:
    """When a whole site falls silent, others write in between."""
    done = 0
    while rows.exists() and (some := work()):  # nothing to do is the usual case, and takes no write lock
        done += some
    return done


def _move_some(rows: models.QuerySet[Resource], after: str, now: datetime) -> int:
    with transaction.atomic():
        found = list(rows.select_for_update(of=("self",), no_key=True).order_by("id")[:AT_ONCE])
        told = [changes.state_changed(row, after, now) for row in found]
        for row in found:
            row.reasons = [_reason(row, now)]
        Resource.objects.bulk_update(found, ["reasons"], batch_size=AT_ONCE)
        moved = Resource.objects.filter(pk__in=[row.pk for row in found])
        moved.update(state=after, health=None, health_since=now)
        _tell(told)
    return len(found)


def _reason(row: Resource, now: datetime) -> dict[str, object]:
    silent = (now - row.last_seen).total_seconds()
    text = f"No report for {changes.span(silent)}, expected every {changes.span(row.report_interval)}"
    return {
        "severity": "high", "text": text, "metric": "", "value": round(silent), "limit": row.report_interval, "points": 0,
        "rule": "silence", "where": "",
    }  # fmt: skip


def _delete(rows: models.QuerySet[Resource], now: datetime) -> int:
    return _portions(rows, lambda: _delete_some(rows, now))


def _delete_some(rows: models.QuerySet[Resource], now: datetime) -> int:
    with transaction.atomic():
        found = list(rows.select_for_update(of=("self",)).order_by("id")[:AT_ONCE])
        _tell([changes.deleted(row, now) for row in found])
        Resource.objects.filter(pk__in=[row.pk for row in found]).delete()
    return len(found)


def _tell(told: list[ResourceChange]) -> None:
    ResourceChange.objects.bulk_create(told)
    for change in told:
        sent = partial(
            resource_state_changed.send_robust, sender=Resource, resource_id=change.resource_id, before=change.before, after=change.after
        )
        transaction.on_commit(sent)


def expire_changes(now: datetime | None = None) -> int:
    return ResourceChange.objects.filter(time__lt=(now or timezone.now()) - KEEP_CHANGES).delete()[0]
