"""Turns finished windows of Hot into one compressed chunk per series."""

from collections.abc import Iterator

from monitoring.store.codec import encode
from monitoring.store.database import SEAL_LOCK, Row, database, exclusive
from monitoring.store.models import Chunk
from monitoring.store.samples import Samples, runs, unpack
from monitoring.store.tally import Difference
from monitoring.store.windows import MINUTE, WINDOW, floor, now_ms

GRACE = 15 * MINUTE  # stragglers find their window still open, and `latest` its answer in Hot


def seal(now: int | None = None) -> int:
    """Seals every window that ended GRACE ago; later samples for it are sealed by a later run. Returns the samples moved."""
    until = (now_ms() if now is None else now) - GRACE
    return sum(_seal_block(block, window) for window in _finished(until) for block in _blocks(window))


def _finished(until: int) -> Iterator[int]:
    after = -(1 << 62)
    while True:
        [(oldest,)] = database().read("SELECT min(t1) FROM monitoring_hot WHERE t1 >= %s", [after])
        if oldest is None or (window := floor(oldest, WINDOW)) + WINDOW > until:
            return
        yield window
        after = window + WINDOW


def _blocks(window: int) -> list[int]:
    sql = "SELECT DISTINCT block FROM monitoring_hot WHERE t1 >= %s AND t1 < %s ORDER BY block"
    return [block for (block,) in database().read(sql, [window, window + WINDOW])]


def _seal_block(block: int, window: int) -> int:
    """One transaction. It deletes only what it reads: a range deleted after a select would lose what arrived between."""
    with exclusive(SEAL_LOCK) as tables:
        taken = tables.read(
            "DELETE FROM monitoring_hot WHERE block = %s AND t1 >= %s AND t1 < %s RETURNING id, data", [block, window, window + WINDOW]
        )
        if not taken:
            return 0
        samples = unpack([data for _, data in sorted(taken)]).aligned().settled()
        chunks = list(_chunks(samples, window))
        tables.insert("monitoring_chunk", chunks)
        Difference().added(chunks).save(tables)
    return len(samples)


def _chunks(samples: Samples, window: int) -> Iterator[Row]:
    for i, j in zip(*runs(samples.sid), strict=True):
        yield window, int(samples.sid[i]), int(j - i), int(Chunk.Tier.WINDOW), encode(samples.t[i:j], samples.v[i:j])
