"""Merges the windows of a finished day into one chunk per series and adds its 5-minute rollup."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from monitoring.store.batch import Times, Values
from monitoring.store.buckets import decode_rollup, encode_rollup, rolled_up
from monitoring.store.codec import decode, encode
from monitoring.store.database import SEAL_LOCK, Database, Row, database, exclusive
from monitoring.store.models import Chunk
from monitoring.store.samples import Sums, combine, settle
from monitoring.store.seal import GRACE
from monitoring.store.tally import Difference
from monitoring.store.windows import DAY, floor, now_ms

SERIES_AT_ONCE = 256
_WINDOW, _DAY, _ROLLUP = int(Chunk.Tier.WINDOW), int(Chunk.Tier.DAY), int(Chunk.Tier.ROLLUP)
_RETURNING = "RETURNING id, tier, sid, count, data"


def merge_days(now: int | None = None) -> int:
    """Merges every day that is over, and again every day that got late samples since. Returns the series and days merged."""
    today = floor((now_ms() if now is None else now) - GRACE, DAY)
    merged = 0
    for day in _days(today):
        sids = _series(day)
        for place in range(0, len(sids), SERIES_AT_ONCE):
            merged += _merge(day, sids[place : place + SERIES_AT_ONCE])
    return merged


def _days(today: int) -> list[int]:
    sql = "SELECT DISTINCT t0 - t0 %% %s FROM monitoring_chunk WHERE tier = %s AND t0 < %s ORDER BY 1"
    return [day for (day,) in database().read(sql, [DAY, _WINDOW, today])]


def _series(day: int) -> list[int]:
    sql = "SELECT DISTINCT sid FROM monitoring_chunk WHERE tier = %s AND t0 >= %s AND t0 < %s ORDER BY sid"
    return [sid for (sid,) in database().read(sql, [_WINDOW, day, day + DAY])]


def _merge(day: int, sids: list[int]) -> int:
    with exclusive(SEAL_LOCK) as tables:
        found = sorted(_take(tables, day, sids))
        by_series: defaultdict[int, list[Row]] = defaultdict(list)
        difference = Difference()
        for row in found:
            by_series[row[2]].append(row)
            difference.add(row[1], -row[3], -len(row[4]), chunks=-1)
        chunks = [chunk for sid, rows in sorted(by_series.items()) for chunk in _merged(day, sid, rows)]
        tables.insert("monitoring_chunk", chunks)
        difference.added(chunks).save(tables)
    return len(by_series)


def _take(tables: Database, day: int, sids: list[int]) -> list[Row]:
    among = tables.ids(sids)
    delete = f"DELETE FROM monitoring_chunk WHERE sid {tables.among} AND tier"  # noqa: S608
    windows = tables.read(f"{delete} = %s AND t0 >= %s AND t0 < %s {_RETURNING}", [among, _WINDOW, day, day + DAY])
    earlier = tables.read(f"{delete} IN (%s, %s) AND t0 = %s {_RETURNING}", [among, _DAY, _ROLLUP, day])
    return windows + earlier


def _merged(day: int, sid: int, rows: list[Row]) -> Iterator[Row]:
    """Rows in the order they were written."""
    raw = [decode(row[4], 2) for row in rows if row[1] != _ROLLUP]
    t, v = settle(*(np.concatenate(column) for column in zip(*raw, strict=True)))
    yield day, sid, len(t), _DAY, encode(t, v)
    rollup = _rollup(t, v, rows)
    if len(rollup.t):
        yield day, sid, len(rollup.t), _ROLLUP, encode_rollup(rollup)


def _rollup(t: Times, v: Values, rows: list[Row]) -> Sums:
    fresh = rolled_up(t, v)
    if any(row[1] == _DAY for row in rows):
        return fresh
    # Rollups outlive raw samples: a bucket whose samples are gone keeps its figures.
    for row in rows:
        if row[1] == _ROLLUP:
            kept = decode_rollup(row[4])
            new = ~np.isin(fresh.t, kept.t)
            fresh = combine([kept, fresh.where(new)])
    return fresh
