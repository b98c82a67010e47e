"""Who polls what, and when: leases, a fixed grid, back-off, circuit breaker. All state stands on the source's row."""

import random
import uuid
from datetime import UTC, datetime, timedelta

from django.db import models
from django.utils import timezone

from aiops.prepared import Prepared
from monitoring.sources.doors import PUSHED
from monitoring.sources.models import KEPT_OUTCOMES, Source

QUEUE_PATIENCE = 30  # seconds a claim may wait for a worker, beyond the poll's own time-out
FRESH = 5  # seconds for which a lease need not be renewed
FIRST_RETRY, LONGEST_RETRY = 5, 300  # seconds
BREAKS_AFTER, FIRST_COOL_DOWN, LONGEST_COOL_DOWN = 5, 60, 900  # failures in a row, seconds


def free(now: datetime) -> models.Q:
    return models.Q(leased_until=None) | models.Q(leased_until__lt=now)


POLLED = ~models.Q(kind__startswith=PUSHED)  # a sender that pushes is never asked


def due(now: datetime) -> models.Q:
    closed = models.Q(broken_until=None) | models.Q(broken_until__lte=now)
    return models.Q(enabled=True, due_at__lte=now) & free(now) & closed & POLLED


_due = Prepared(lambda now: Source.objects.filter(due(now)).order_by("due_at").values_list("id", "timeout"), now=datetime)


def claim_due(now: datetime | None = None, most: int = 1000) -> tuple[str, list[int]]:
    """Claims every source that is due: at most three statements however many there are, one when there is none."""
    now = now or timezone.now()
    found = _due(now=now)[:most]
    if not found:
        return "", []
    lease = uuid.uuid4().hex
    until = now + timedelta(seconds=max(timeout for _pk, timeout in found) + QUEUE_PATIENCE)
    ids = [pk for pk, _timeout in found]
    claimed = Source.objects.filter(due(now), id__in=ids).update(lease=lease, leased_until=until)
    if claimed < len(ids):  # another process was quicker with some
        ids = list(Source.objects.filter(id__in=ids, lease=lease).values_list("id", flat=True))
    return lease, ids


def claim_now(source_id: int, now: datetime | None = None) -> str | None:
    """Claims one source whether due or not; None while somebody else polls it."""
    now = now or timezone.now()
    lease = uuid.uuid4().hex
    until = now + timedelta(seconds=QUEUE_PATIENCE)
    return lease if Source.objects.filter(free(now) & POLLED, pk=source_id).update(lease=lease, leased_until=until) else None


def begin(source_id: int, lease: str, now: datetime | None = None) -> Source | None:
    """Turns a claim into a poll under way. None when the claim is not ours any more: ended, taken over, delivered twice."""
    now = now or timezone.now()
    source = Source.objects.filter(pk=source_id, lease=lease).first()
    if source is None:
        return None
    under_way = uuid.uuid4().hex
    until = now + timedelta(seconds=source.timeout + QUEUE_PATIENCE)
    held = Source.objects.filter(pk=source_id, lease=lease, enabled=True)
    if not held.update(lease=under_way, leased_until=until, last_attempt=now):
        release([source_id], lease)
        return None
    source.lease, source.leased_until, source.last_attempt = under_way, until, now
    return source


def hold(source: Source, now: datetime | None = None) -> bool:
    """Goes on holding the lease of a poll that takes long to store; False when somebody else has it by now."""
    now = now or timezone.now()
    until = now + timedelta(seconds=source.timeout + QUEUE_PATIENCE)
    if source.leased_until and until - source.leased_until < timedelta(seconds=FRESH):
        return True
    source.leased_until = until
    return bool(Source.objects.filter(pk=source.pk, lease=source.lease).update(leased_until=until))


def release(ids: list[int], lease: str) -> None:
    """Gives claims back unused; the next poll_due takes them again."""
    Source.objects.filter(id__in=ids, lease=lease).update(lease="", leased_until=None)


def next_slot(source: Source, now: datetime) -> datetime:
    """The next time on the source's grid. The grid is fixed by id and interval, so polls do not drift and missed ones are skipped.

    Sources of one interval are spread over it by their id.
    """
    step = max(source.interval, 1) * 1000
    phase = (source.pk * 7919) % step
    ms = int(now.timestamp() * 1000)
    slot = (ms - phase) // step * step + phase + step
    return datetime.fromtimestamp(slot / 1000, UTC)


def succeeded(source: Source, now: datetime, duration_ms: float, samples: int, cursor: int | None = None) -> bool:
    """Ends a poll that worked; False when the lease had been lost."""
    return _end(
        source, now, duration_ms, samples, "",
        due_at=next_slot(source, now), last_success=now, failures=0, broken_until=None, last_samples=samples,
        cursor=source.cursor if cursor is None else cursor,
    )  # fmt: skip


def troubled(source: Source, now: datetime, duration_ms: float, samples: int, error: str) -> bool:
    """Ends a poll that found out what is wrong: a failure, but the next one comes at its usual time and no circuit opens."""
    return _end(
        source, now, duration_ms, samples, error,
        due_at=next_slot(source, now), last_error=error, last_error_at=now, failures=source.failures + 1, broken_until=None,
    )  # fmt: skip


def failed(source: Source, now: datetime, duration_ms: float, error: str, permanent: bool = False) -> bool:
    """Ends a poll that did not: tried again after a pause that doubles; after five in a row, or a permanent fault, the circuit opens."""
    failures = max(source.failures + 1, BREAKS_AFTER) if permanent else source.failures + 1
    broken_until = now + timedelta(seconds=cool_down(failures)) if failures >= BREAKS_AFTER else None
    due_at = now + timedelta(seconds=pause(failures) * random.uniform(0.9, 1.1))  # noqa: S311 jitter, so that many do not retry in step
    return _end(
        source, now, duration_ms, 0, error,
        due_at=due_at, last_error=error, last_error_at=now, failures=failures, broken_until=broken_until,
    )  # fmt: skip


def pause(failures: int) -> float:
    return min(FIRST_RETRY * 2.0 ** (failures - 1), LONGEST_RETRY) if failures < BREAKS_AFTER else 0.0


def cool_down(failures: int) -> float:
    return min(FIRST_COOL_DOWN * 2.0 ** min(failures - BREAKS_AFTER, 10), LONGEST_COOL_DOWN)


def _end(source: Source, now: datetime, duration_ms: float, samples: int, error: str, **columns: object) -> bool:
    outcome = [int(now.timestamp() * 1000), round(duration_ms, 1), samples, error[:300]]
    outcomes = [*source.outcomes[-(KEPT_OUTCOMES - 1) :], outcome]
    held = Source.objects.filter(pk=source.pk, lease=source.lease)
    return bool(held.update(lease="", leased_until=None, last_duration_ms=duration_ms, outcomes=outcomes, **columns))
