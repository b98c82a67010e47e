"""The way in: checks times, registers series, commits."""

from functools import partial

import numpy as np
from django.db import Error, connection, transaction

from aiops.metrics import SAMPLES_REFUSED, SAMPLES_WRITTEN
from monitoring import store
from monitoring.store import arrivals, retention, series
from monitoring.store.batch import Batch, Ids, Mask, Written
from monitoring.store.errors import Forgotten
from monitoring.store.windows import FUTURE, now_ms

ATTEMPTS = 3


def write(batch: Batch, oldest: int | None = None) -> Written:
    """Returns after commit. Samples ahead of time, beyond retention or with an impossible key are refused and counted.

    `oldest` (ms) is for a room that has promised to keep its series longer than the retention: see retention.promise.

    Raises StoreUnavailable; then nothing was written and the same batch may be written again.
    """
    for _ in range(ATTEMPTS):
        try:
            written = _counted(_write(batch, oldest))
            transaction.on_commit(partial(arrivals.tell, batch.keys))
            return written
        except Forgotten:
            series.forget()  # the ids this process knew are of series that somebody deleted meanwhile
    raise store.StoreUnavailable("series are being deleted faster than they can be written")


def _write(batch: Batch, oldest: int | None) -> Written:
    try:
        timely, refused = _timely(batch, oldest)
        sid = _ids(batch, timely)[batch.index]
    except Error as fault:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()  # this thread may live long and meet nobody else who does
        raise store.StoreUnavailable(str(fault)) from fault
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
    kept = {metric: retention.of(metric).raw for metric in {key.metric for key in batch.keys}}
    by_key: np.ndarray = now - np.array([kept[key.metric] for key in batch.keys], np.int64)
    return by_key[batch.index]


def _ids(batch: Batch, timely: Mask) -> Ids:
    """Only series with a sample worth keeping are registered."""
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
