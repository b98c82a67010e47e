"""Reads samples of the chunk tables: Chunk and Hot in ONE statement, since a seal between two would leave a hole."""

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from monitoring.store.batch import Ids, Mask
from monitoring.store.codec import decode
from monitoring.store.database import Database, Row, database
from monitoring.store.models import Chunk
from monitoring.store.samples import BLOCK_BITS, Samples, concatenate, unpack
from monitoring.store.windows import DAY, WINDOW, floor

ALL_TIME = 1 << 62
RAW = (Chunk.Tier.WINDOW, Chunk.Tier.DAY)
_SPAN = {Chunk.Tier.WINDOW: WINDOW, Chunk.Tier.DAY: DAY, Chunk.Tier.ROLLUP: DAY}
_HOT = 99  # stands for a tier: Hot is newer than any chunk


def _among(column: str, values: Collection[int] | None) -> tuple[str, list[Any]]:
    if values is None:
        return "", []
    if len(values) == 1:
        return f" AND {column} = %s", [int(next(iter(values)))]
    store = database()
    return f" AND {column} {store.among}", [store.ids(values)]


def _chunks(tier: Chunk.Tier, sids: Collection[int] | None, a: int, b: int) -> tuple[str, list[Any]]:
    which, params = _among("sid", sids)
    sql = f"SELECT tier, id, sid, t0, data FROM monitoring_chunk WHERE tier = %s AND t0 >= %s AND t0 < %s{which}"  # noqa: S608
    return sql, [int(tier), floor(a, _SPAN[tier]), b, *params]


def _hot(sids: Collection[int] | None, a: int, b: int) -> tuple[str, list[Any]]:
    blocks = None if sids is None else {sid >> BLOCK_BITS for sid in sids}
    which, params = _among("block", blocks)
    sql = f"SELECT {_HOT}, id, block, t0, data FROM monitoring_hot WHERE t1 >= %s AND t1 < %s AND t0 < %s{which}"  # noqa: S608
    # a row lies within one window, so the index on t1 has an upper bound too
    return sql, [a, floor(b - 1, WINDOW) + WINDOW, b, *params]


def rows(sids: Collection[int] | None, a: int, b: int, tiers: Sequence[Chunk.Tier] = RAW) -> tuple[list[Row], list[Row]]:
    """Chunks (tier, id, sid, t0, data) and Hot rows (block, t0, data) that may hold samples in [a, b), each in the order written."""
    parts = [_chunks(tier, sids, a, b) for tier in tiers] + [_hot(sids, a, b)]
    found = database().read(" UNION ALL ".join(sql for sql, _ in parts), [value for _, params in parts for value in params])
    found.sort(key=itemgetter(1))
    return [row for row in found if row[0] != _HOT], [row[2:] for row in found if row[0] == _HOT]


def chunks(tables: Database, sids: Collection[int], a: int, b: int) -> list[Row]:
    """Every tier's chunks (tier, id, sid, t0, data, count) that may hold samples in [a, b)."""
    found = []
    for tier, span in _SPAN.items():
        sql = f"SELECT tier, id, sid, t0, data, count FROM monitoring_chunk WHERE sid {tables.among} AND tier = %s AND t0 >= %s AND t0 < %s"  # noqa: S608
        found += tables.read(sql, [tables.ids(sids), int(tier), floor(a, span), b])
    return found


def membership(sid: Ids, sids: Collection[int]) -> Mask:
    if len(sids) == 1:
        mask: Mask = sid == next(iter(sids))
        return mask
    wanted = np.fromiter(sids, np.int64, len(sids))
    table = np.zeros(int(max(wanted.max(), sid.max(initial=0))) + 1, np.bool_)
    table[wanted] = True
    return table[sid]


def hot_samples(rows: list[Row], sids: Collection[int] | None, a: int, b: int) -> Samples:
    found = unpack(rows)
    keep = (found.t >= a) & (found.t < b)
    if sids is not None:
        keep &= membership(found.sid, sids)
    return found.where(np.flatnonzero(keep))


def chunk_samples(chunk: Row, a: int = -ALL_TIME, b: int = ALL_TIME) -> Samples:
    """Samples in [a, b) of a row (tier, id, sid, …, data)."""
    t, v = decode(chunk[4], 2)
    i, j = np.searchsorted(t, (a, b))
    t, v = t[i:j], v[i:j]
    return Samples(np.full(len(t), chunk[2], np.int32), t, v)


def written(sids: Collection[int] | None, a: int, b: int) -> Samples:
    """Samples in [a, b) as they were written, stale markers included."""
    chunks, hot = rows(sids, a, b)
    parts = [chunk_samples(chunk, a, b) for chunk in chunks]
    return concatenate([*parts, hot_samples(hot, sids, a, b)])


def samples(sids: Collection[int] | None, a: int, b: int) -> Samples:
    """The same, settled."""
    return written(sids, a, b).settled()
