"""The metric store in the application's own database: hot blocks, sealed windows, merged days."""

import os
from collections.abc import Collection, Sequence

import numpy as np

from monitoring.store import ahead, buckets, fetch, gather, outlines
from monitoring.store.batch import Ids, Times, Values, is_stale
from monitoring.store.commit import GroupCommit
from monitoring.store.protocol import Series
from monitoring.store.samples import NONE, Buckets, Samples, runs
from monitoring.store.windows import FUTURE, now_ms

_commit = GroupCommit()
# A forked worker starts with nobody waiting, whatever its parent was doing.
os.register_at_fork(after_in_child=_commit.forget)


class ChunkStore:
    def write(self, sid: Ids, t: Times, v: Values) -> int:
        if len(t):
            _commit.write(Samples(sid, t, v))
        return 0

    def foretell(self, sids: Ids, sid: Ids, t: Times, v: Values, now: int) -> int:
        if len(sids):
            ahead.replace(sids, Samples(sid, t, v), now)
        return 0

    def raw_many(self, sids: Collection[int], a: int, b: int, *, stale: bool = False) -> dict[int, Series]:
        return gather.series(sids, a, b, stale=stale) if sids and a < b else {}

    def flat(self, sids: Collection[int], a: int, b: int) -> tuple[Ids, Times, Values]:
        found = fetch.samples(sids, a, b) if sids and a < b else NONE
        found = _without(found, is_stale(found.v))
        return found.sid, found.t, found.v

    def buckets_many(self, sids: Collection[int], a: int, b: int, step: int) -> dict[int, Buckets]:
        return buckets.read(sids, a, b, step) if sids and a < b else {}

    def outlines(self, sids: Collection[int], a: int, b: int, step: int) -> outlines.Outlines:
        return outlines.read(sids, a, b, step) if sids and a < b else outlines.NOTHING

    def latest(self, sids: Collection[int] | None, since: int) -> tuple[Ids, Times, Values]:
        found = fetch.samples(sids, since, max(now_ms(), since) + FUTURE + 1)  # not what is foretold
        _, end = runs(found.sid)
        found = found.where(end - 1)
        found = _without(found, is_stale(found.v))
        return found.sid, found.t, found.v

    def reduce(self, sids: Sequence[int], a: int, b: int) -> Values:
        found = fetch.written(set(sids), a, b)
        if not found.in_order():
            found = found.settled()
        found = _without(found, np.isnan(found.v))
        wanted = np.asarray(sids, np.int32)
        place = np.zeros(int(wanted.max(initial=0)) + 1, np.int32)
        place[wanted] = np.arange(len(wanted))
        at = place[found.sid]
        counts = np.bincount(at, minlength=len(wanted))
        means = np.full(len(wanted), np.nan)
        np.divide(np.bincount(at, found.v, len(wanted)), counts, out=means, where=counts > 0)
        return means[place[wanted]]  # a series asked for twice is answered twice


def _without(found: Samples, drop: np.ndarray) -> Samples:
    return found.where(~drop) if drop.any() else found
