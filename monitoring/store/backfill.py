"""Puts samples of days gone by where sealing and merging would have put them, without a walk through Hot."""

from collections.abc import Iterator, Sequence

import numpy as np

from monitoring.store import fetch
from monitoring.store.batch import Mask, Times
from monitoring.store.database import SEAL_LOCK, Row, exclusive
from monitoring.store.merge import day_chunks
from monitoring.store.samples import Samples, runs
from monitoring.store.seal import GRACE, window_chunks
from monitoring.store.tally import Difference
from monitoring.store.windows import DAY, WINDOW, floor, now_ms


def absent(sids: Sequence[int], t: Times, step: int) -> Mask:
    """(series, times): where the store has no sample nearer than half a step. `t` goes in even steps, ms; sids rise."""
    first, half = int(t[0]) - step // 2, step // 2
    found = fetch.written(sids, first, int(t[-1]) + half)
    mask: Mask = np.ones((len(sids), len(t)), np.bool_)
    mask[np.searchsorted(sids, found.sid), (found.t - first) // step] = False
    return mask


def add(samples: Samples, now: int | None = None) -> int:
    """Keeps settled samples of one UTC day, in one transaction; returns how many.

    A day that is over gets its chunk and rollup at once. Where a series has something of that day already, and on a day that is not
    over, the samples become sealed windows: the next merge of days takes them in.
    """
    if not len(samples):
        return 0
    day = floor(int(samples.t[0]), DAY)
    over = day + DAY + GRACE <= (now_ms() if now is None else now)
    with exclusive(SEAL_LOCK) as tables:
        sids = np.unique(samples.sid)
        sql = f"SELECT DISTINCT sid FROM monitoring_chunk WHERE sid {tables.among} AND tier IN (0, 1, 2) AND t0 >= %s AND t0 < %s"  # noqa: S608
        held = [row[0] for row in tables.read(sql, [tables.ids(sids), day, day + DAY])] if over else sids
        late = np.isin(samples.sid, held)
        chunks = [*day_chunks(day, samples.where(~late), {}), *_windows(samples.where(late))]
        tables.insert("monitoring_chunk", chunks)
        Difference().added(chunks).save(tables)
    return len(samples)


def _windows(samples: Samples) -> Iterator[Row]:
    """A chunk per series and window."""
    window = samples.t // WINDOW
    rows = samples.where(np.argsort(window, kind="stable"))
    for i, j in zip(*runs(rows.t // WINDOW), strict=True):
        yield from window_chunks(rows.where(slice(i, j)), floor(int(rows.t[i]), WINDOW))
