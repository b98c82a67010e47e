"""The way in: checks times, registers series, commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
from django.db import Error, connection, transaction

from aiops.metrics import SAMPLES_REFUSED, SAMPLES_WRITTEN
from monitoring import store
from monitoring.store import arrivals, retention, series
from monitoring.store.ahead import FURTHEST
from monitoring.store.batch import Batch, Bundled, Ids, Mask, Written, metrics_of
from monitoring.store.errors import Forgotten
from monitoring.store.windows import FUTURE, now_ms

ATTEMPTS = 3


def write(batch: Batch, oldest: int | None = None) -> Written:
    """Returns after commit. Samples ahead of time, beyond retention or with an impossible key are refused and counted.

    `oldest` (ms) is for a room that has promised to keep its series longer than the retention: see retention.promise.

    Raises StoreUnavailable; then nothing was written and the same batch may be written again.
    """
    written = _counted(_with_known_series(batch, lambda: _write(batch, oldest)))
    transaction.on_commit(partial(arrivals.tell, batch.keys))
    return written


def foretell(batch: Batch) -> Written:
    """Samples of times to come, which nobody else may write: they are all that the batch's series have there from now on. A series of the
    batch without samples has nothing ahead any more. Those that are not ahead, or further than ahead.FURTHEST, are refused.

    Raises StoreUnavailable; then what was foretold before stands.
    """
    return _counted(_with_known_series(batch, lambda: _foretell(batch, now_ms())))


def _foretell(batch: Batch, now: int) -> Written:
    timely = (batch.t > now) & (batch.t <= now + FURTHEST)
    with _reaching_the_database():
        sids = series.ids(batch.keys, batch.resources)
        sid = sids[batch.index]
        keep = timely & (sid != series.UNKNOWN)
        known = np.unique(sids[sids != series.UNKNOWN])
        unwanted = store.current().foretell(known, sid[keep], batch.t[keep], batch.v[keep], now)
    late, invalid = int(np.count_nonzero(~timely)), int(np.count_nonzero(timely & ~keep))
    refused = {"not ahead": late, "invalid": invalid, "engine": unwanted}
    return Written(len(batch) - sum(refused.values()), {reason: n for reason, n in refused.items() if n})


def _with_known_series(batch: Batch, write: Callable[[], Written]) -> Written:
    for _ in range(ATTEMPTS):
        try:
            return write()
        except Forgotten:
            series.forget(batch.keys)  # the ids this process knew are of series that somebody deleted meanwhile
    raise store.StoreUnavailable("series are being deleted faster than they can be written")


@contextmanager
def _reaching_the_database() -> Iterator[None]:
    try:
        yield
    except Error as fault:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()  # this thread may live long and meet nobody else who does
        raise store.StoreUnavailable(str(fault)) from fault


def _write(batch: Batch, oldest: int | None) -> Written:
    with _reaching_the_database():
        timely, refused = _timely(batch, oldest)
        sid = _ids(batch, timely)[batch.index]
    keep = timely & (sid != series.UNKNOWN)
    refused["invalid"] = int(np.count_nonzero(timely)) - int(np.count_nonzero(keep))
    columns = (sid, batch.t, batch.v) if keep.all() else (sid[keep], batch.t[keep], batch.v[keep])
    refused["engine"] = store.current().write(*columns) if len(columns[0]) else 0
    return Written(len(batch) - sum(refused.values()), {reason: n for reason, n in refused.items() if n})


def _timely(batch: Batch, oldest: int | None) -> tuple[Mask, dict[str, int]]:
    now = now_ms()
    future, expired = batch.t > now + FUTURE, batch.t < (_oldest(batch, now) if oldest is None else oldest)
    return ~(future | expired), {"future": int(np.count_nonzero(future)), "expired": int(np.count_nonzero(expired))}


def _oldest(batch: Batch, now: int) -> int | np.ndarray:
    if not retention.overridden():
        return now - retention.default().raw
    kept = {metric: retention.of(metric).raw for metric in metrics_of(batch.keys)}
    by_key: np.ndarray = now - np.array([kept[key.metric] for key in batch.keys], np.int64)
    return by_key[batch.index]


def _ids(batch: Batch, timely: Mask) -> Ids:
    """Only series with a sample worth keeping are registered."""
    if isinstance(batch.keys, Bundled):
        if timely.all():
            return series.ids_of(batch.keys)
        batch = Batch(batch.keys.flat, batch.index, batch.t, batch.v, batch.keys.resources)
    if timely.all():
        return series.ids(batch.keys, batch.resources)
    used = np.unique(batch.index[timely]).tolist()
    found = np.full(len(batch.keys), series.UNKNOWN, np.int32)
    resources = None if batch.resources is None else [batch.resources[place] for place in used]
    found[used] = series.ids([batch.keys[place] for place in used], resources)
    return found


def _counted(written: Written) -> Written:
    SAMPLES_WRITTEN.inc(written.accepted)
    for reason, samples in written.refused.items():
        SAMPLES_REFUSED.labels(reason).inc(samples)
    return written
