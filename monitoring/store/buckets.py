"""Buckets of one series: from 5-minute rollups where they do, from raw samples elsewhere."""

from operator import itemgetter

import numpy as np

from monitoring.store import fetch, rollups
from monitoring.store.database import Row
from monitoring.store.models import Chunk
from monitoring.store.samples import Buckets, Samples, Sums, aggregate, chain, combine, concatenate
from monitoring.store.windows import DAY, HOUR, ROLLUP


def read(sid: int, a: int, b: int, step: int) -> Buckets:
    """Rollups round a bucket's edges to 5 minutes. They serve steps from an hour or on that grid, and days whose raw samples are gone."""
    coarse = step >= HOUR or (step % ROLLUP == 0 and a % ROLLUP == 0)
    sums = _read(sid, a, b, step, with_days=not coarse)
    if sums is None:
        sums = _read(sid, a, b, step, with_days=True)
    assert sums is not None
    return sums.buckets()


def _read(sid: int, a: int, b: int, step: int, with_days: bool) -> Sums | None:
    """None when samples arrived late for a day that was read from its rollup alone: only its raw samples can settle that."""
    tiers = [Chunk.Tier.ROLLUP, Chunk.Tier.WINDOW] + ([Chunk.Tier.DAY] if with_days else [])
    chunks, hot = fetch.rows([sid], a, b, tiers)
    raw = concatenate([fetch.chunk_samples(row, a, b) for row in chunks if row[0] != Chunk.Tier.ROLLUP])
    raw = concatenate([raw, fetch.hot_samples(hot, [sid], a, b)]).settled()
    by_day = {row[3]: row for row in chunks if row[0] == Chunk.Tier.ROLLUP}
    if not with_days and by_day.keys() & set(np.unique(raw.t // DAY * DAY).tolist()):
        return None
    for row in chunks:
        if row[0] == Chunk.Tier.DAY:
            by_day.pop(row[3], None)
    return combine([_regroup(list(by_day.values()), a, b, step), _group(raw, a, step)])


def _group(raw: Samples, a: int, step: int) -> Sums:
    keep = ~np.isnan(raw.v)
    t, v = (raw.t, raw.v) if keep.all() else (raw.t[keep], raw.v[keep])
    return aggregate(t, v, a + (t - a) // step * step)


def _regroup(rows: list[Row], a: int, b: int, step: int) -> Sums:
    """Rollups as they lie, day after day, in buckets of `step`. The first may begin before `a`."""
    sums = chain([rollups.decode(row[4]) for row in sorted(rows, key=itemgetter(3))])
    i, j = np.searchsorted(sums.t, (a - ROLLUP + 1, b))
    sums = sums.where(slice(i, j))
    t = np.maximum(sums.t, a)
    return combine([sums._replace(t=a + (t - a) // step * step)])
