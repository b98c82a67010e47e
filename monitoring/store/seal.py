"""Turns finished windows of Hot into one compressed chunk per series."""

from collections.abc import Iterator

from monitoring.store.codec import STEADY, encode
from monitoring.store.database import SEAL_LOCK, Row, database, exclusive
from monitoring.store.models import Chunk
from monitoring.store.samples import Samples, runs, unpack
from monitoring.store.tally import Difference
from monitoring.store.windows import MINUTE, WINDOW, floor, now_ms

GRACE = 15 * MINUTE  # stragglers find their window still open, and `latest` its answer in Hot
AT_ONCE = 300_000  # samples


def seal(now: int | None = None) -> int:
    """Seals every window that ended GRACE ago; later samples for it are sealed by a later run. Returns the samples moved."""
    until = (now_ms() if now is None else now) - GRACE
    return sum(_seal(blocks, window) for window in _finished(until) for blocks in _portions(window))


def _finished(until: int) -> Iterator[int]:
    after = -(1 << 62)
    while True:
        [(oldest,)] = database().read("SELECT min(t1) FROM monitoring_hot WHERE t1 >= %s", [after])
        if oldest is None or (window := floor(oldest, WINDOW)) + WINDOW > until:
            return
        yield window
        after = window + WINDOW


def _portions(window: int) -> Iterator[list[int]]:
    """Blocks to be sealed in one transaction: whole ones, and about AT_ONCE samples, so that writers are not kept waiting long."""
    sql = "SELECT block, sum(count) FROM monitoring_hot WHERE t1 >= %s AND t1 < %s GROUP BY block ORDER BY block"
    blocks: list[int] = []
    samples = 0
    for block, count in database().read(sql, [window, window + WINDOW]):
        if blocks and samples + count > AT_ONCE:
            yield blocks
            blocks, samples = [], 0
        blocks.append(block)
        samples += count
    yield blocks


def _seal(blocks: list[int], window: int) -> int:
    """One transaction. It deletes only what it reads: a range deleted after a select would lose what arrived between."""
    with exclusive(SEAL_LOCK) as tables:
        sql = f"DELETE FROM monitoring_hot WHERE block {tables.among} AND t1 >= %s AND t1 < %s RETURNING id, block, t0, data"  # noqa: S608
        taken = tables.read(sql, [tables.ids(blocks), window, window + WINDOW])
        if not taken:
            return 0
        samples = unpack([row[1:] for row in sorted(taken)]).aligned().settled()
        chunks = list(window_chunks(samples, window))
        tables.insert("monitoring_chunk", chunks)
        Difference().added(chunks).save(tables)
    return len(samples)


def window_chunks(samples: Samples, window: int) -> Iterator[Row]:
    """One for every series of these settled samples of one window."""
    for i, j in zip(*runs(samples.sid), strict=True):
        yield window, int(samples.sid[i]), int(j - i), int(Chunk.Tier.WINDOW), encode([samples.t[i:j], samples.v[i:j]], [STEADY] * 2)
