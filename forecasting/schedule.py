"""Whose turn it is: watches to be scored and tracks to be forecast, each claimed by a lease that ends when its worker died."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from aiops import resume
from forecasting.models import Track, Watch

PATIENCE = timedelta(minutes=10)  # a lease holds so long: then its worker is taken to be dead
DELAY = 20  # seconds after a step that its samples may still come in
LOOKED_FOR, MISSED = 1800, 900  # seconds; shipped watches are of much that a small installation does not have
TRACKS_AT_ONCE = 100


def slot(step: int, now: datetime) -> int:
    """The latest time on the step's grid whose samples have come, ms."""
    return (int(now.timestamp()) - DELAY) // step * step * 1000


def due_after(watch: Watch, at: int, nobody: bool = False) -> datetime:
    """When the row after `at` (ms) is to be scored; of a watch that is only forecast or that nobody answers, when it is looked again."""
    step = max(watch.step, MISSED) if nobody else watch.step if watch.detect else max(watch.step, LOOKED_FOR)
    return datetime.fromtimestamp(at // 1000 + step + DELAY, UTC)


def claim_watch(now: datetime | None = None) -> tuple[Watch, str] | None:
    """The watch that has waited longest, with its lease; None when none is due. Two that ask at once get different ones."""
    now = now or timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    due = Watch.objects.filter(free, enabled=True, due_at__lte=now)
    while (pk := due.order_by("due_at", "pk").values_list("pk", flat=True).first()) is not None:
        if (claimed := claim(pk, now)) is not None:
            return claimed
    return None


def claim(pk: int, now: datetime) -> tuple[Watch, str] | None:
    """This watch with its lease, due or not; None where somebody has it."""
    lease = uuid.uuid4().hex
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    taken = Watch.objects.filter(free, pk=pk).update(lease=lease, leased_until=now + PATIENCE)
    return (Watch.objects.get(pk=pk), lease) if taken else None


def release_watch(watch: Watch, lease: str, due_at: datetime | None = None, error: str | None = None) -> bool:
    """False when the lease was somebody else's by now."""
    said = {} if error is None else {"last_error": error[:2000]}
    rows = Watch.objects.filter(pk=watch.pk, lease=lease)
    return bool(rows.update(lease="", leased_until=None, due_at=due_at or watch.due_at, **said))


def claim_tracks(now: datetime | None = None, most: int = TRACKS_AT_ONCE) -> tuple[str, list[Track]]:
    """Tracks whose forecast is due, of one watch, so that they are read together."""
    now = now or timezone.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    due = Track.objects.filter(free, due_at__lte=now, watch__enabled=True, watch__forecast=True).exclude(state=Track.State.ENDED)
    first = due.order_by("due_at", "pk").values_list("watch_id", flat=True).first()
    if first is None:
        return "", []
    ids = list(due.filter(watch=first).order_by("due_at", "pk").values_list("pk", flat=True)[:most])
    lease = uuid.uuid4().hex
    Track.objects.filter(free, pk__in=ids).update(lease=lease, leased_until=now + PATIENCE)
    return lease, list(Track.objects.filter(lease=lease).select_related("watch").order_by("pk"))


def release_tracks(tracks: Sequence[Track], lease: str, due_at: datetime | None = None) -> int:
    said = {"due_at": due_at} if due_at else {}
    return Track.objects.filter(pk__in=[track.pk for track in tracks], lease=lease).update(lease="", leased_until=None, **said)


@resume.register
def free_leases() -> int:
    """In embedded mode nobody else works: leases of the process that ended are nobody's."""
    watches = Watch.objects.exclude(lease="").update(lease="", leased_until=None)
    return watches + Track.objects.exclude(lease="").update(lease="", leased_until=None)
