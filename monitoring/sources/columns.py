"""What a poll brought, as the batches it is written in."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from monitoring.sources.pollers.base import Polled
from monitoring.store.batch import Batch

AT_ONCE = 20_000  # samples of one commit: a longer one would keep other writers of an SQLite database waiting


def batches(polled: Polled, ids: Sequence[int]) -> Iterator[Batch]:
    """`ids` are the resources at the places of polled.reports. A small poll is one batch, thus one commit."""
    parts = [Batch.of(samples, resource) for samples, resource in zip(polled.samples, ids, strict=False) if samples]
    parts += [_owned(batch, ids) for batch in polled.batches if len(batch)]
    waiting: list[Batch] = []
    for part in parts:
        if waiting and sum(map(len, waiting)) + len(part) > AT_ONCE:
            yield joined(waiting)
            waiting = []
        waiting.append(part)
    if waiting:
        yield joined(waiting)


def _owned(batch: Batch, ids: Sequence[int]) -> Batch:
    places: Iterable[int | None] = batch.resources if batch.resources is not None else [None] * len(batch.keys)
    return Batch(batch.keys, batch.index, batch.t, batch.v, [None if place is None else ids[place] for place in places])


def joined(parts: Sequence[Batch]) -> Batch:
    """One batch of several."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.keys) for part in parts[:-1])])
    return Batch(
        keys=[key for part in parts for key in part.keys],
        index=np.concatenate([part.index + start for part, start in zip(parts, starts, strict=True)]).astype(np.int32),
        t=np.concatenate([part.t for part in parts]),
        v=np.concatenate([part.v for part in parts]),
        resources=[resource for part in parts for resource in part.resources or [None] * len(part.keys)],
    )
