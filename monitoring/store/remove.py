"""Takes samples out of the chunk tables, and series out of the store.

Under the sealing jobs' lock nothing moves between Hot and Chunk. Rows that keep some of their samples are changed in place: of two
samples with the same time, the ids of their rows say which was written last.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
from django.db import transaction

from monitoring import store
from monitoring.store import codec, fetch, rollups, series
from monitoring.store.chunkstore import ChunkStore
from monitoring.store.database import SEAL_LOCK, SERIES_LOCK, Database, Row, exclusive
from monitoring.store.errors import CannotRemove
from monitoring.store.fetch import ALL_TIME, chunk_samples
from monitoring.store.merge import day_chunks
from monitoring.store.models import Chunk, ForgottenSeries, Series
from monitoring.store.samples import BLOCK_BITS, NONE, RECORD, Samples, concatenate, pack, unpack
from monitoring.store.tally import Difference
from monitoring.store.windows import ROLLUP, WINDOW, floor

SERIES_AT_ONCE, DELETED_AT_ONCE = 256, 1000
_WINDOW, _DAY, _ROLLUP = int(Chunk.Tier.WINDOW), int(Chunk.Tier.DAY), int(Chunk.Tier.ROLLUP)


class _Range(NamedTuple):
    a: int
    b: int

    def holds(self, t: np.ndarray) -> np.ndarray:
        inside: np.ndarray = (t >= self.a) & (t < self.b)
        return inside


def remove(sids: Collection[int], a: int, b: int) -> int:
    """Deletes the series' samples in [a, b) ms and what rollups know of them. Returns how many raw samples that were.

    A 5-minute bucket that has outlived its raw samples goes when it lies in the range as a whole. May be called again: what is gone
    is not counted twice. Raises CannotRemove where samples live in an engine elsewhere.
    """
    if not isinstance(store.current(), ChunkStore):
        raise CannotRemove("Samples are kept by a metric engine elsewhere; remove them there.")
    return sum(_remove(part, _Range(a, b)) for part in _portions(sids)) if a < b else 0


def forget(sids: Collection[int]) -> None:
    """Deletes series and all their samples. A sender that goes on writing gets a new series; the old ids are not used again.

    Samples in an engine elsewhere stay there until its own retention removes them.
    """
    for part in _portions(sids):
        with exclusive(SERIES_LOCK):
            known = list(Series.objects.filter(pk__in=part).values_list("pk", flat=True))
            ForgottenSeries.objects.bulk_create(ForgottenSeries(sid=sid) for sid in known)
            Series.objects.filter(pk__in=known).delete()
            transaction.on_commit(series.forget)
        remove_all(part)


def remove_all(sids: list[int]) -> None:
    if isinstance(store.current(), ChunkStore):
        _remove(sids, _Range(-ALL_TIME, ALL_TIME))


def _portions(sids: Collection[int]) -> Iterator[list[int]]:
    """A few at a time, so that writers are not kept waiting long."""
    ordered = sorted({int(sid) for sid in sids})
    for place in range(0, len(ordered), SERIES_AT_ONCE):
        yield ordered[place : place + SERIES_AT_ONCE]


def _remove(sids: list[int], span: _Range) -> int:
    """One transaction."""
    with exclusive(SEAL_LOCK) as tables:
        chunks = _Chunks(tables, span)
        chunks.remove(sids)
        gone = concatenate([_remove_hot(tables, sids, span), *chunks.gone])
    return len(gone.settled())


def _remove_hot(tables: Database, sids: list[int], span: _Range) -> Samples:
    blocks = {sid >> BLOCK_BITS for sid in sids}
    sql = f"SELECT id, block, t0, data FROM monitoring_hot WHERE block {tables.among} AND t1 >= %s AND t1 < %s AND t0 < %s"  # noqa: S608
    rows = tables.read(sql, [tables.ids(blocks), span.a, floor(span.b - 1, WINDOW) + WINDOW, span.b])
    if not rows:
        return NONE
    found = unpack([row[1:] for row in rows])
    hit = span.holds(found.t) & np.isin(found.sid, sids)
    ends = np.cumsum([len(row[3]) // RECORD.itemsize for row in rows]).tolist()
    emptied = []
    for row, i, j in zip(rows, [0, *ends], ends, strict=False):
        if hit[i:j].all():
            emptied.append(row[0])
        elif hit[i:j].any():
            _keep_hot(tables, row[0], found.where(slice(i, j)).where(~hit[i:j]))
    _delete(tables, "monitoring_hot", emptied)
    return found.where(hit)


def _keep_hot(tables: Database, row: int, samples: Samples) -> None:
    [(t0, t1, _, count, data)] = pack(samples)
    tables.execute("UPDATE monitoring_hot SET t0 = %s, t1 = %s, count = %s, data = %s WHERE id = %s", [t0, t1, count, data, row])


def _delete(tables: Database, table: str, ids: list[int]) -> None:
    """Row ids outgrow the integers of `Database.ids`."""
    for place in range(0, len(ids), DELETED_AT_ONCE):
        part = ",".join(map(str, ids[place : place + DELETED_AT_ONCE]))
        tables.execute(f"DELETE FROM {table} WHERE id IN ({part})")  # noqa: S608


class _Chunks:
    """The chunks of some series while samples in a range are taken out of them."""

    def __init__(self, tables: Database, span: _Range) -> None:
        self._tables, self._span, self._difference = tables, span, Difference()
        self._emptied: list[int] = []
        self.gone: list[Samples] = []

    def remove(self, sids: list[int]) -> None:
        by_tier: defaultdict[int, list[Row]] = defaultdict(list)
        for row in fetch.chunks(self._tables, sids, self._span.a, self._span.b):
            by_tier[row[0]].append(row)
        for row in by_tier[_WINDOW]:
            kept = self._kept(row)
            if kept is not None:
                self._put(row, len(kept), codec.encode([kept.t, kept.v], [codec.STEADY] * 2) if len(kept) else b"")
        rolled = {(row[2], row[3]): row for row in by_tier[_ROLLUP]}
        for row in by_tier[_DAY]:
            self._remove_of_day(row, rolled.pop((row[2], row[3]), None))
        for row in rolled.values():
            self._remove_of_rollup(row)
        _delete(self._tables, "monitoring_chunk", self._emptied)
        self._difference.save(self._tables)

    def _kept(self, row: Row) -> Samples | None:
        """What stays of a chunk's samples; None where all do."""
        samples = chunk_samples(row)
        inside = self._span.holds(samples.t)
        if not inside.any():
            return None
        self.gone.append(samples.where(inside))
        return samples.where(~inside)

    def _remove_of_day(self, day: Row, rollup: Row | None) -> None:
        kept = self._kept(day)
        if kept is None:
            return
        fresh = {tier: (count, data) for _, _, count, tier, data in day_chunks(day[3], kept, {})}
        self._put(day, *fresh.get(_DAY, (0, b"")))
        if rollup is not None:
            self._put(rollup, *fresh.get(_ROLLUP, (0, b"")))

    def _remove_of_rollup(self, row: Row) -> None:
        """Its raw samples are past their retention."""
        sums = rollups.decode(row[4])
        kept = sums.where((sums.t < self._span.a) | (sums.t + ROLLUP > self._span.b))
        if len(kept.t) < len(sums.t):
            self._put(row, len(kept.t), rollups.encode(kept) if len(kept.t) else b"")

    def _put(self, row: Row, count: int, data: bytes) -> None:
        """An empty chunk goes."""
        tier, key, _, _, old, before = row
        self._difference.add(tier, count - before, len(data) - len(old), chunks=0 if count else -1)
        if count:
            self._tables.execute("UPDATE monitoring_chunk SET count = %s, data = %s WHERE id = %s", [count, data, key])
        else:
            self._emptied.append(key)
