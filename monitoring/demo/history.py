"""Two weeks of samples, straight into the store's sealed windows and merged days; what is there already is left as it is.

Every transaction is short, so that a running installation goes on beside it. Interrupted, the next run writes what is missing.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from monitoring.demo import grid
from monitoring.demo.grid import Stretch
from monitoring.demo.world import World
from monitoring.store import backfill, retention, series, writer
from monitoring.store.batch import Batch, Ids, SeriesKey
from monitoring.store.samples import Samples, concatenate
from monitoring.store.windows import MINUTE, WINDOW, floor

SERIES_AT_ONCE = 256
SLICE = 5 * MINUTE  # of what goes through the writer: a read of the last minutes then finds small rows
Mask = NDArray[np.bool_]
Tell = Callable[[float], object]  # what share is done


class Series:
    """The world's series as the store knows them."""

    def __init__(self, world: World, resources: Sequence[int]) -> None:
        """`resources`: the id of each series' resource."""
        self.world, self.resources = world, resources
        self.keys = [SeriesKey.of(metric, labels) for metric, labels, _ in world.series]

    @cached_property
    def ids(self) -> Ids:
        """Registers those that are new."""
        order = sorted(range(len(self.keys)), key=lambda at: self.keys[at])  # a metric's ids then lie together
        found = np.empty(len(self.keys), np.int32)
        found[order] = series.ids([self.keys[at] for at in order], [self.resources[at] for at in order])
        return found

    def batch(self, mask: Mask, t: grid.Times, values: NDArray[np.float64]) -> Batch:
        """Where mask (series, times) is set, in the order of time."""
        when, index = np.nonzero(mask.T)
        return Batch(self.keys, index.astype(np.int32), t[when], values.T[when, index], self.resources)


def fill(found: Series, now: int, tell: Tell = lambda share: None, since: int | None = None) -> int:
    """Writes what is missing from `since` (two weeks ago, or as far back as the store keeps samples) to now, ms.

    Returns how many samples that were. Raises StoreUnavailable, django.db.Error.
    """
    written = 0
    oldest = now - min(grid.DAYS * grid.DAY, retention.default().raw - grid.HOUR)  # what expires meanwhile would be refused
    everything = list(grid.days(now, oldest if since is None else since))
    for at, (_, stretches) in enumerate(everything):
        tell(at / len(everything))
        elsewhere = bool(settings.METRICS_WRITE_URL)
        open_window = 0 if elsewhere else floor(now, WINDOW)
        for part in _split(stretches, open_window):
            through_writer = elsewhere or int(part[0].t[0]) >= open_window
            written += _write_recent(found, part, elsewhere) if through_writer else _write_day(found, part)
    tell(1.0)
    return written


def _split(stretches: list[Stretch], at: int) -> Iterator[list[Stretch]]:
    """What lies before the moment, and what after."""
    before = [Stretch(one.t[one.t < at], one.step) for one in stretches if one.t[0] < at]
    after = [Stretch(one.t[one.t >= at], one.step) for one in stretches if one.t[-1] >= at]
    yield from filter(None, (before, after))


def _wanted(world: World, stretch: Stretch) -> Mask:
    """(series, times): where the world says something."""
    return ~(world.dark[:, None] & world.silent(stretch.t)[None, :])


def _values(world: World, t: grid.Times) -> NDArray[np.float64]:
    return np.concatenate(list(world.values(t)))


def _portions(ids: Ids) -> Iterator[NDArray[np.intp]]:
    """Rows by rising id, a few hundred at a time."""
    order = np.argsort(ids)
    for place in range(0, len(order), SERIES_AT_ONCE):
        yield order[place : place + SERIES_AT_ONCE]


def _write_day(found: Series, stretches: list[Stretch]) -> int:
    missing = [_wanted(found.world, one) & _absent(found.ids, one) for one in stretches]
    if not any(mask.any() for mask in missing):
        return 0
    values = [_values(found.world, one.t) for one in stretches]
    written = 0
    for rows in _portions(found.ids):
        parts = [_samples(found.ids[rows], one.t, mask[rows], v[rows]) for one, mask, v in zip(stretches, missing, values, strict=True)]
        written += backfill.add(concatenate(parts).settled())
    return written


def _absent(ids: Ids, stretch: Stretch) -> Mask:
    mask = np.empty((len(ids), len(stretch.t)), np.bool_)
    for rows in _portions(ids):
        mask[rows] = backfill.absent(ids[rows].tolist(), stretch.t, stretch.step)
    return mask


def _samples(ids: Ids, t: grid.Times, mask: Mask, values: NDArray[np.float64]) -> Samples:
    row, when = np.nonzero(mask)
    return Samples(ids[row], t[when], values[mask])


def _write_recent(found: Series, stretches: list[Stretch], elsewhere: bool) -> int:
    """Through the writer: into the window that is still open, or to an engine elsewhere, which settles what it has already."""
    written = 0
    for one in stretches:
        mask = _wanted(found.world, one) & (True if elsewhere else _absent(found.ids, one))
        first = np.unique(one.t // (WINDOW if elsewhere else SLICE), return_index=True)[1]
        for i, j in zip(first, [*first[1:], len(one.t)], strict=True):
            if mask[:, i:j].any():
                t = one.t[i:j]
                written += writer.write(found.batch(mask[:, i:j], t, _values(found.world, t))).accepted
    return written
