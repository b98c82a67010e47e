"""How far the samples of some series reach and how many they are, without decoding what lies between."""

from collections.abc import Collection
from typing import Any, NamedTuple

from monitoring import store
from monitoring.store import fetch
from monitoring.store.chunkstore import ChunkStore
from monitoring.store.database import database
from monitoring.store.fetch import ALL_TIME
from monitoring.store.models import Chunk
from monitoring.store.retention import default
from monitoring.store.samples import BLOCK_BITS, Samples
from monitoring.store.windows import DAY, now_ms

_RAW = f"tier IN ({int(Chunk.Tier.WINDOW)}, {int(Chunk.Tier.DAY)})"


class Extent(NamedTuple):
    """Times in ms of the oldest and the newest sample, None without samples."""

    count: int  # type: ignore[assignment]  # not the method of tuple
    first: int | None
    last: int | None


NOTHING = Extent(0, None, None)


def begins(sids: Collection[int]) -> int | None:
    """A time in ms before which these series have no sample: at most a day, or a retention elsewhere, too early. None without samples."""
    if not isinstance(store.current(), ChunkStore):
        return now_ms() - default().raw
    tables, known = database(), database().ids(sids)
    # One index look-up per tier; with both tiers in one condition every row of the series would be read.
    parts = [f"SELECT min(t0) FROM monitoring_chunk WHERE sid {tables.among} AND tier = {int(tier)}" for tier in fetch.RAW]  # noqa: S608
    parts.append(f"SELECT min(t0) FROM monitoring_hot WHERE block {tables.among}")  # noqa: S608
    found = tables.read(" UNION ALL ".join(parts), [known, known, _blocks(sids)])
    return min((t for (t,) in found if t is not None), default=None)


def measure(sids: Collection[int]) -> Extent:
    """A sample that came twice may be counted twice until its day is merged."""
    if not sids:
        return NOTHING
    if not isinstance(store.current(), ChunkStore):
        return _measure_elsewhere(sids)
    tables = database()
    sql = f"SELECT sum(count), min(t0), max(t0) FROM monitoring_chunk WHERE sid {tables.among} AND {_RAW}"  # noqa: S608
    [(count, first, last)] = tables.read(sql, [tables.ids(sids)])
    times: list[int] = []
    if count:
        times += _edges(fetch.samples(sids, first, first + DAY)) + _edges(fetch.samples(sids, last, last + DAY))
    hot = _hot(sids)
    times += _edges(hot)
    return Extent(int(count or 0) + len(hot), min(times, default=None), max(times, default=None))


def _edges(samples: Samples) -> list[int]:
    return [int(samples.t.min()), int(samples.t.max())] if len(samples) else []


def _hot(sids: Collection[int]) -> Samples:
    tables = database()
    rows = tables.read(f"SELECT block, t0, data FROM monitoring_hot WHERE block {tables.among} ORDER BY id", [_blocks(sids)])  # noqa: S608
    return fetch.hot_samples(rows, sids, -ALL_TIME, ALL_TIME).settled()


def _blocks(sids: Collection[int]) -> Any:
    return database().ids({sid >> BLOCK_BITS for sid in sids})


def _measure_elsewhere(sids: Collection[int]) -> Extent:
    now, span = now_ms(), default().raw
    found = store.current().raw_many(sids, now - span, now)
    if not found:
        return NOTHING
    return Extent(
        sum(len(t) for t, _v in found.values()), min(int(t[0]) for t, _v in found.values()), max(int(t[-1]) for t, _v in found.values())
    )
