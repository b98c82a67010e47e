"""Silence: reporting → stale → gone → (ephemeral ones) deleted."""

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
    if not rows.exists():  # nothing to do is the usual case, and takes no write lock
        return 0
    with transaction.atomic():
        found = list(rows.select_for_update(of=("self",), no_key=True).order_by("id"))
        told = [changes.state_changed(row, after, now) for row in found]
        reasons = {row.pk: [_reason(row, now)] for row in found}
        for row in found:
            row.state, row.health, row.health_since, row.reasons = after, None, now, reasons[row.pk]
        Resource.objects.bulk_update(found, ["state", "health", "health_since", "reasons"], batch_size=500)
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
    if not rows.exists():
        return 0
    with transaction.atomic():
        found = list(rows.select_for_update(of=("self",)).order_by("id"))
        told = [changes.deleted(row, now) for row in found]
        _tell(told)
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
