"""Deletes merged days and rollups past their retention, and series nobody writes whose samples are all gone."""

import datetime
from collections import defaultdict
from typing import NamedTuple

from django.utils import timezone

from monitoring.store import retention
from monitoring.store.database import SEAL_LOCK, SERIES_LOCK, database, exclusive
from monitoring.store.models import Chunk, Series
from monitoring.store.tally import Difference
from monitoring.store.windows import DAY, floor, now_ms

UNUSED = datetime.timedelta(days=2)  # a process that still writes a series says so every day: series.FRESH, series.GENERATION
SERIES_AT_ONCE = 1000


class _Scope(NamedTuple):
    """Series with one retention; `others` = all but these."""

    kept: retention.Retention
    sids: list[int]
    others: bool = False


def expire(now: int | None = None) -> int:
    """Only merged days go, so nothing is lost unseen by its rollup. Whole days UTC. Returns the chunks deleted."""
    now = now_ms() if now is None else now
    deleted = 0
    for scope in _scopes():
        deleted += _expire(Chunk.Tier.DAY, floor(now - scope.kept.raw, DAY), scope)
        deleted += _expire(Chunk.Tier.ROLLUP, floor(now - scope.kept.rollup, DAY), scope)
    _delete_unused_series()
    return deleted


def _scopes() -> list[_Scope]:
    default = retention.default()
    if not retention.overridden():
        return [_Scope(default, [], others=True)]
    metrics: defaultdict[retention.Retention, list[str]] = defaultdict(list)
    for metric in Series.objects.order_by("metric").values_list("metric", flat=True).distinct():
        metrics[retention.of(metric)].append(metric)
    metrics.pop(default, None)
    scopes = [_Scope(kept, list(Series.objects.filter(metric__in=names).values_list("id", flat=True))) for kept, names in metrics.items()]
    return [*scopes, _Scope(default, [sid for scope in scopes for sid in scope.sids], others=True)]


def _expire(tier: Chunk.Tier, before: int, scope: _Scope) -> int:
    sql = "SELECT DISTINCT t0 FROM monitoring_chunk WHERE tier = %s AND t0 < %s ORDER BY t0"
    return sum(_delete(tier, day, scope) for (day,) in database().read(sql, [int(tier), before]))


def _delete(tier: Chunk.Tier, day: int, scope: _Scope) -> int:
    """A day at a time, so that writers are not kept waiting long."""
    with exclusive(SEAL_LOCK) as tables:
        which = f" AND {'NOT ' if scope.others else ''}(sid {tables.among})" if scope.sids or not scope.others else ""
        params = [int(tier), day, *([tables.ids(scope.sids)] if which else [])]
        gone = tables.read(f"DELETE FROM monitoring_chunk WHERE tier = %s AND t0 = %s{which} RETURNING count, length(data)", params)  # noqa: S608
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
