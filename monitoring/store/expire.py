"""Deletes merged days and rollups past their retention, and series nobody writes whose samples are all gone."""

import datetime
from collections import defaultdict
from collections.abc import Iterator

from django.utils import timezone

from monitoring.store import retention
from monitoring.store.database import SEAL_LOCK, SERIES_LOCK, exclusive
from monitoring.store.models import Chunk, ForgottenSeries, Series
from monitoring.store.remove import remove_all
from monitoring.store.tally import Difference
from monitoring.store.windows import DAY, floor, now_ms

UNUSED = datetime.timedelta(days=2)  # a process that still writes a series says so every day: series.FRESH, series.GENERATION
SERIES_AT_ONCE = 500


def expire(now: int | None = None) -> int:
    """Only merged days go, so nothing is lost unseen by its rollup. Whole days UTC. Returns the chunks deleted."""
    now = now_ms() if now is None else now
    deleted = 0
    for kept, sids in _portions():
        deleted += _delete(Chunk.Tier.DAY, floor(now - kept.raw, DAY), sids)
        deleted += _delete(Chunk.Tier.ROLLUP, floor(now - kept.rollup, DAY), sids)
    _delete_unused_series()
    _release_forgotten_ids()
    return deleted


def _portions() -> Iterator[tuple[retention.Retention, list[int]]]:
    """Series of one retention, a few at a time, so that writers are not kept waiting long."""
    metrics: dict[str, retention.Retention] = {}
    by_retention: defaultdict[retention.Retention, list[int]] = defaultdict(list)
    promised = retention.promised()
    for sid, metric in Series.objects.order_by("id").values_list("id", "metric").iterator(chunk_size=10_000):
        kept = metrics.get(metric) or metrics.setdefault(metric, retention.of(metric))
        longer = kept._replace(raw=max(kept.raw, promised[sid])) if sid in promised else kept
        by_retention[longer].append(sid)
    for kept, sids in by_retention.items():
        for place in range(0, len(sids), SERIES_AT_ONCE):
            yield kept, sids[place : place + SERIES_AT_ONCE]


def _delete(tier: Chunk.Tier, before: int, sids: list[int]) -> int:
    with exclusive(SEAL_LOCK) as tables:
        sql = f"DELETE FROM monitoring_chunk WHERE sid {tables.among} AND tier = %s AND t0 < %s RETURNING count, length(data)"  # noqa: S608
        gone = tables.read(sql, [tables.ids(sids), int(tier), before])
        difference = Difference()
        difference.add(int(tier), -sum(count for count, _ in gone), -sum(size for _, size in gone), chunks=-len(gone))
        difference.save(tables)
    return len(gone)


def _delete_unused_series() -> None:
    unused = Series.objects.filter(seen__lt=timezone.now() - UNUSED).order_by("id").values_list("id", flat=True)
    after = 0
    while sids := list(unused.filter(id__gt=after)[:SERIES_AT_ONCE]):
        after = sids[-1]
        with exclusive(SERIES_LOCK):
            held = set(Chunk.objects.filter(sid__in=sids).values_list("sid", flat=True).distinct())
            Series.objects.filter(id__in=set(sids) - held, seen__lt=timezone.now() - UNUSED).delete()


def _release_forgotten_ids() -> None:
    """A write that was under way when its series was forgotten may have left samples."""
    rows = ForgottenSeries.objects.filter(since__lt=timezone.now() - UNUSED).order_by("id")
    while found := list(rows[:SERIES_AT_ONCE]):
        remove_all([row.sid for row in found])
        ForgottenSeries.objects.filter(pk__in=[row.pk for row in found]).delete()
