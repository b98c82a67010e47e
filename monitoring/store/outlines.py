"""Means of thousands of series in buckets, all at once and in flat columns: half the CPU of settling each series by itself.

Made for comparing series, not for showing them: a sample that arrives late for a day that has a rollup is added to what is there,
so one that was written twice counts twice, and is taken for the last of its bucket.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from monitoring.store import fetch, rollups
from monitoring.store.batch import Ids, Times, Values
from monitoring.store.database import Row
from monitoring.store.models import Chunk
from monitoring.store.samples import Buckets, Sums, aggregate, chain, combine, concatenate
from monitoring.store.windows import ROLLUP

_SID, _PLACE = 32, 0xFFFFFFFF


class Outlines(NamedTuple):
    """One row per bucket that holds something, by series, then time: the bucket's start in ms, its mean, its last value."""

    sid: Ids
    t: Times
    mean: Values
    last: Values


NOTHING = Outlines(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0))


def read(sids: Collection[int], a: int, b: int, step: int) -> Outlines:
    """Buckets a + k * step in [a, b); `a` and `step` lie on the grid of the rollups. One statement."""
    if a % ROLLUP or step % ROLLUP:
        raise ValueError(f"{a} and {step} must be multiples of {ROLLUP}")
    chunks, hot = fetch.rows(sids, a, b, [Chunk.Tier.ROLLUP, Chunk.Tier.WINDOW])
    rolled = [_rolled(row, a, b, step) for row in chunks if row[0] == Chunk.Tier.ROLLUP]
    raw = concatenate(
        [*(fetch.chunk_samples(row, a, b) for row in chunks if row[0] != Chunk.Tier.ROLLUP), fetch.hot_samples(hot, sids, a, b)]
    )
    raw = raw.settled()
    raw = raw.where(~np.isnan(raw.v))
    sums = combine([chain(rolled), aggregate(raw.t, raw.v, (raw.sid.astype(np.int64) << _SID) + (raw.t - a) // step)])
    sid, place = (sums.t >> _SID).astype(np.int32), sums.t & _PLACE
    return Outlines(sid, a + place * step, sums.total / np.maximum(sums.count, 1), sums.last)


def _rolled(row: Row, a: int, b: int, step: int) -> Sums:
    """A day's rollup with keys of series and bucket for times."""
    sums = rollups.decode(row[4])
    i, j = np.searchsorted(sums.t, (a, b))
    sums = sums.where(slice(i, j))
    return sums._replace(t=(int(row[2]) << _SID) + (sums.t - a) // step)


def of_buckets(found: Mapping[int, Buckets]) -> Outlines:
    """The same from what a store answers series by series."""
    if not found:
        return NOTHING
    sid = np.repeat(np.fromiter(found, np.int32, len(found)), [len(one.t) for one in found.values()])
    t, mean, last = (np.concatenate([getattr(one, name) for one in found.values()]) for name in ("t", "mean", "last"))
    return Outlines(sid, t, mean, last)
