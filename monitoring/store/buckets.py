"""Buckets of series: from 5-minute rollups where they do, from raw samples elsewhere."""

from collections import defaultdict
from collections.abc import Collection
from operator import itemgetter

import numpy as np

from monitoring.store import fetch, rollups
from monitoring.store.database import Row
from monitoring.store.models import Chunk
from monitoring.store.samples import NONE, Buckets, Samples, Sums, aggregate, chain, combine, concatenate, runs
from monitoring.store.windows import DAY, HOUR, ROLLUP


def read(sids: Collection[int], a: int, b: int, step: int) -> dict[int, Buckets]:
    """One statement for all series, two when some of them need the raw samples of a day that has a rollup.

    Rollups round a bucket's edges to 5 minutes. They serve steps from an hour or on that grid, and days whose raw samples are gone.
    """
    coarse = step >= HOUR or (step % ROLLUP == 0 and a % ROLLUP == 0)
    found, unsettled = _read(sids, a, b, step, with_days=not coarse)
    if unsettled:
        again, _ = _read(unsettled, a, b, step, with_days=True)
        found |= again
    return {sid: sums.buckets() for sid, sums in found.items() if len(sums.t)}


def _read(sids: Collection[int], a: int, b: int, step: int, with_days: bool) -> tuple[dict[int, Sums], list[int]]:
    """The second are series with samples that arrived late for a day read from its rollup alone: only its raw samples can settle that."""
    tiers = [Chunk.Tier.ROLLUP, Chunk.Tier.WINDOW] + ([Chunk.Tier.DAY] if with_days else [])
    chunks, hot = fetch.rows(sids, a, b, tiers)
    raw_of = _raw(chunks, hot, sids, a, b)
    days_of: defaultdict[int, dict[int, Row]] = defaultdict(dict)
    for row in chunks:
        if row[0] == Chunk.Tier.ROLLUP:
            days_of[row[2]][row[3]] = row
    present = raw_of.keys() | days_of.keys()
    unsettled = [] if with_days else [sid for sid in present if _touches(raw_of.get(sid, NONE), days_of[sid])]
    for row in chunks:
        if row[0] == Chunk.Tier.DAY:
            days_of[row[2]].pop(row[3], None)
    settled = present - set(unsettled)
    found = {sid: [_regroup(list(days_of[sid].values()), a, b, step), _group(raw_of.get(sid, NONE), a, step)] for sid in settled}
    return {sid: combine(parts) for sid, parts in found.items()}, unsettled


def _touches(raw: Samples, by_day: Collection[int]) -> bool:
    return bool(by_day) and not set(by_day).isdisjoint(np.unique(raw.t // DAY * DAY).tolist())


def _raw(chunks: list[Row], hot: list[Row], sids: Collection[int], a: int, b: int) -> dict[int, Samples]:
    parts = [fetch.chunk_samples(row, a, b) for row in chunks if row[0] != Chunk.Tier.ROLLUP]
    samples = concatenate([*parts, fetch.hot_samples(hot, sids, a, b)]).settled()
    return {int(samples.sid[i]): samples.where(slice(i, j)) for i, j in zip(*runs(samples.sid), strict=True)}


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
