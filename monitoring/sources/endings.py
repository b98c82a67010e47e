"""Series that one poll brought and the next did not have ended, and Prometheus' stale marker says so: a query sees them no longer at once,
not only after five minutes. For kinds of which a poll brings all there is (Poller.whole).
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from monitoring.sources import columns
from monitoring.sources.models import Source
from monitoring.store import reader
from monitoring.store.batch import STALE, Batch, SeriesKey

REMEMBERED = 300_000  # ms: as long as a query looks back; what is older has ended without a marker


class Brought(NamedTuple):
    at: int  # ms UTC
    keys: frozenset[SeriesKey]


_latest: dict[int, Brought] = {}  # by source, what the latest poll of this process stored


def close(source: Source, batches: Sequence[Batch]) -> list[Batch]:
    """The batches with markers for what is missing from them. Raises StoreUnavailable."""
    found = brought(batches)
    if found is None:
        return list(batches)
    before = _latest.get(source.pk)
    if before is None or found.at - before.at > REMEMBERED:
        before = Brought(found.at, frozenset(_stored(batches, found.at)))
    gone = before.keys - found.keys
    return [*batches[:-1], columns.joined([batches[-1], _markers(gone, found.at)])] if gone else list(batches)


def remember(source: Source, batches: Sequence[Batch]) -> None:
    """Once they are stored: a marker that was not written is written by the next poll."""
    found = brought(batches)
    if found is not None:
        _latest[source.pk] = found


def brought(batches: Sequence[Batch]) -> Brought | None:
    """The series of the samples; None where there are none."""
    if not any(map(len, batches)):
        return None
    return Brought(max(int(batch.t.max()) for batch in batches if len(batch)), frozenset(_keys(batches)))


def forget() -> None:
    _latest.clear()


def _keys(batches: Iterable[Batch]) -> Iterable[SeriesKey]:
    return (key for batch in batches for key in batch.keys)


def _stored(batches: Sequence[Batch], at: int) -> Iterable[SeriesKey]:
    """After a start: living series of the same metrics and resources with the labels that all of a resource's series share (job, instance),
    which those of other sources do not."""
    shared: dict[int, set[tuple[str, str]]] = {}
    for batch in batches:
        for key, resource in zip(batch.keys, batch.resources or (), strict=False):
            if resource is not None:
                shared[resource] = shared[resource] & set(key.labels) if resource in shared else set(key.labels)
    refs = [
        ref
        for ref in reader.select_many({key.metric for key in _keys(batches)}, shared)
        if shared[ref.resource_id or 0] <= set(ref.labels.items())
    ]
    living = set(reader.latest([ref.id for ref in refs], at - REMEMBERED)[0].tolist()) if refs else set()
    return (SeriesKey.of(ref.metric, ref.labels) for ref in refs if ref.id in living)


def _markers(gone: Collection[SeriesKey], at: int) -> Batch:
    t, v = np.full(len(gone), at, np.int64), np.full(len(gone), STALE)
    return Batch(sorted(gone), np.arange(len(gone), dtype=np.int32), t, v, [None] * len(gone))
