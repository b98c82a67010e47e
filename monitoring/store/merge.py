"""Merges the windows of a finished day into one chunk per series and adds its 5-minute rollup."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

import numpy as np

from monitoring.store import codec, rollups
from monitoring.store.database import SEAL_LOCK, Database, Row, database, exclusive
from monitoring.store.fetch import chunk_samples
from monitoring.store.models import Chunk
from monitoring.store.samples import Samples, Sums, combine, concatenate, runs
from monitoring.store.seal import GRACE
from monitoring.store.tally import Difference
from monitoring.store.windows import DAY, floor, now_ms

SERIES_AT_ONCE = 256
_WINDOW, _DAY, _ROLLUP = int(Chunk.Tier.WINDOW), int(Chunk.Tier.DAY), int(Chunk.Tier.ROLLUP)
_RETURNING = "RETURNING tier, id, sid, count, data"


def merge_days(now: int | None = None) -> int:
    """Merges every day that is over, and again every day that got late samples since. Returns the series and days merged."""
    today = floor((now_ms() if now is None else now) - GRACE, DAY)
    return sum(_merge(day, sids) for day, sids in _portions(today))


def _portions(today: int) -> Iterator[tuple[int, list[int]]]:
    sql = "SELECT DISTINCT t0 - t0 %% %s, sid FROM monitoring_chunk WHERE tier = %s AND t0 < %s ORDER BY 1, 2"
    for day, found in groupby(database().read(sql, [DAY, _WINDOW, today]), key=itemgetter(0)):
        sids = [sid for _, sid in found]
        for place in range(0, len(sids), SERIES_AT_ONCE):
            yield day, sids[place : place + SERIES_AT_ONCE]


def _merge(day: int, sids: list[int]) -> int:
    with exclusive(SEAL_LOCK) as tables:
        taken = _take(tables, day, sids)
        if not taken:
            return 0
        chunks = list(_merged(day, taken))
        difference = Difference()
        for tier, _, _, count, data in taken:
            difference.add(tier, -count, -len(data), chunks=-1)
        tables.insert("monitoring_chunk", chunks)
        difference.added(chunks).save(tables)
    return len(sids)


def _take(tables: Database, day: int, sids: list[int]) -> list[Row]:
    """Everything of these series and this day, by series and in the order it was written."""
    among = tables.ids(sids)
    delete = f"DELETE FROM monitoring_chunk WHERE sid {tables.among} AND tier"  # noqa: S608
    windows = tables.read(f"{delete} = %s AND t0 >= %s AND t0 < %s {_RETURNING}", [among, _WINDOW, day, day + DAY])
    earlier = tables.read(f"{delete} IN (%s, %s) AND t0 = %s {_RETURNING}", [among, _DAY, _ROLLUP, day])
    return sorted(windows + earlier, key=lambda row: (row[2], row[1]))


def _merged(day: int, taken: list[Row]) -> Iterator[Row]:
    samples = concatenate([chunk_samples(row) for row in taken if row[0] != _ROLLUP]).settled()
    return day_chunks(day, samples, _outliving(taken))


def day_chunks(day: int, samples: Samples, outliving: dict[int, Sums]) -> Iterator[Row]:
    """The day's chunk and rollup of every series in these settled samples; `outliving` are rollups without raw samples."""
    decimals = {}
    for i, j in zip(*runs(samples.sid), strict=True):
        sid, plain = int(samples.sid[i]), codec.plain(samples.v[i:j])
        decimals[sid] = plain.kind
        yield day, sid, int(j - i), _DAY, codec.encode([samples.t[i:j], plain], [codec.THOROUGH] * 2)
    for sid, sums in _rollups(samples, decimals, outliving):
        yield day, sid, len(sums.t), _ROLLUP, rollups.encode(sums, min(decimals[sid], codec.MOST_DECIMALS))


def _rollups(samples: Samples, decimals: dict[int, int], outliving: dict[int, Sums]) -> Iterator[tuple[int, Sums]]:
    sids, sums = rollups.rolled_up(samples)
    sums = rollups.rounded(sums, np.array([decimals[sid] for sid in sids.tolist()], np.int64))
    fresh = {int(sids[i]): sums.where(slice(i, j)) for i, j in zip(*runs(sids), strict=True)}
    for sid in sorted(fresh.keys() | outliving.keys()):
        kept, new = outliving.get(sid), fresh.get(sid)
        if kept is not None and new is not None:
            new = combine([kept, new.where(~np.isin(new.t, kept.t))])
        found = new or kept
        assert found is not None
        yield sid, found


def _outliving(taken: list[Row]) -> dict[int, Sums]:
    """Rollups of series whose raw day is gone already: their buckets keep their figures."""
    with_day = {row[2] for row in taken if row[0] == _DAY}
    return {row[2]: rollups.decode(row[4]) for row in taken if row[0] == _ROLLUP and row[2] not in with_day}
