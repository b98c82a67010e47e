"""The metric store in the application's own database: hot blocks, sealed windows, merged days."""

from collections.abc import Collection, Sequence

import numpy as np

from monitoring.store import buckets, fetch
from monitoring.store.batch import Ids, Times, Values, is_stale
from monitoring.store.commit import GroupCommit
from monitoring.store.protocol import Series
from monitoring.store.samples import Buckets, Samples, runs, starts

_commit = GroupCommit()


class ChunkStore:
    def write(self, sid: Ids, t: Times, v: Values) -> int:
        if len(t):
            _commit.write(Samples(sid, t, v))
        return 0

    def raw_many(self, sids: Collection[int], a: int, b: int, *, stale: bool = False) -> dict[int, Series]:
        if not sids or a >= b:
            return {}
        found = fetch.samples(sids, a, b)
        if not stale:
            found = _without(found, is_stale(found.v))
        ends = zip(*runs(found.sid), strict=True)
        return {int(found.sid[i]): (found.t[i:j], found.v[i:j]) for i, j in ends}

    def buckets_many(self, sids: Collection[int], a: int, b: int, step: int) -> dict[int, Buckets]:
        return buckets.read(sids, a, b, step) if sids and a < b else {}

    def latest(self, sids: Collection[int] | None, since: int) -> tuple[Ids, Times, Values]:
        found = fetch.samples(sids, since, fetch.ALL_TIME)
        _, end = runs(found.sid)
        found = found.where(end - 1)
        found = _without(found, is_stale(found.v))
        return found.sid, found.t, found.v

    def reduce(self, sids: Sequence[int], a: int, b: int) -> Values:
        found = fetch.samples(set(sids), a, b)
        found = _without(found, np.isnan(found.v))
        first = starts(found.sid)
        means = np.add.reduceat(found.v, first) / np.diff(np.append(first, len(found))) if len(first) else np.empty(0)
        return _in_order(found.sid[first], means, sids)


def _without(found: Samples, drop: np.ndarray) -> Samples:
    return found.where(~drop) if drop.any() else found


def _in_order(have: Ids, means: Values, sids: Sequence[int]) -> Values:
    at = np.searchsorted(have, sids)
    at[at == len(have)] = 0
    answer: Values = np.full(len(sids), np.nan)
    if len(have):
        hit = have[at] == np.asarray(sids)
        answer[hit] = means[at[hit]]
    return answer
