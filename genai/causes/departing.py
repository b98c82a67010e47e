"""Which series left their past, when, how far and from what to what. Pure numpy: rows are series, columns buckets, NaN where a bucket
holds nothing.

A bucket has left when the median of it and its neighbours lies LEFT spreads from the median of the past; the spread is the robust
one of monitoring.dashboards.departures. A series' departure is its farthest bucket, its onset where the stretch around that began.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from monitoring.dashboards.departures import FEWEST, LEVEL, NORMAL, median
from monitoring.dashboards.frames import Floats

LEFT = 4.0
HOLE = 1  # buckets back inside that do not end a stretch
MOST_BUCKETS = 360
FINEST = 60_000  # ms
Ints = npt.NDArray[np.int64]


class Grid(NamedTuple):
    """Buckets of `step` ms from `start`; from column `turn` on lies the window, before it the past."""

    start: int
    step: int
    count: int  # type: ignore[assignment]  # not the method of tuple
    turn: int

    def time(self, column: int) -> int:
        return self.start + column * self.step


class Departure(NamedTuple):
    row: int
    spreads: float
    before: float
    now: float  # median of the stretch outside
    onset: int  # ms
    until: int  # ms

    @property
    def rose(self) -> bool:
        return self.now >= self.before


def grid_of(past: int, start: int, end: int, interval: int) -> Grid:
    """Times in ms; `interval`: between two samples of most series."""
    wanted = max(FINEST, interval, (end - past) / MOST_BUCKETS)
    step = int(-(-wanted // FINEST) * FINEST)
    first = past // step * step
    count = max(2, -(-(end - first) // step))
    return Grid(first, step, count, min(count - 1, max(1, (start - first) // step)))


def bucketed(lines: list[tuple[Ints, Floats]], grid: Grid) -> Floats:
    """Means: float64[series, buckets]."""
    out = np.full((len(lines), grid.count), np.nan)
    for row, (t, v) in enumerate(lines):
        keep = np.isfinite(v)
        at = (t[keep] - grid.start) // grid.step
        inside = (at >= 0) & (at < grid.count)
        at, values = at[inside], v[keep][inside]
        count = np.bincount(at, minlength=grid.count)
        total = np.bincount(at, weights=values, minlength=grid.count)
        np.divide(total, count, out=out[row], where=count > 0)
    return out


def measure(values: Floats, grid: Grid, least: float = LEFT) -> list[Departure]:
    """Those beyond `least` spreads, the farthest first. Without a past there is nothing to leave."""
    if not len(values):
        return []
    far, before = distances(values, grid)
    peak = far[:, grid.turn :].max(axis=1)
    order = [int(row) for row in np.argsort(-peak, kind="stable") if peak[row] >= least]
    return [_departure(row, far[row], values[row], float(before[row]), grid) for row in order]


def distances(values: Floats, grid: Grid) -> tuple[Floats, Floats]:
    """Of each bucket the spreads from the median of the past, and that median."""
    past = values[:, : grid.turn]
    before = median(past)
    away = np.abs(past - before[:, None])
    known = np.isfinite(away)
    mean = np.where(known, away, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    smooth = _smooth(values, before)
    level = LEVEL * np.fmax(np.abs(before), np.abs(smooth[:, grid.turn :]).max(axis=1))
    spread = np.maximum.reduce([NORMAL * median(away), mean, level, np.full(len(values), 1e-12)])
    has_past = known.sum(axis=1) >= FEWEST
    return np.where(has_past[:, None], np.abs(smooth - before[:, None]) / spread[:, None], 0.0), before


def _smooth(values: Floats, before: Floats) -> Floats:
    """Median of three buckets; one that holds nothing is as usual. At the newest end one bucket is enough."""
    filled = np.where(np.isfinite(values), values, before[:, None])
    filled = np.where(np.isfinite(filled), filled, 0.0)
    apart = np.pad(filled, ((0, 0), (1, 1)), mode="edge")
    found: Floats = np.median(np.stack([apart[:, :-2], apart[:, 1:-1], apart[:, 2:]]), axis=0)
    return found


def _departure(row: int, far: Floats, values: Floats, before: float, grid: Grid) -> Departure:
    top = grid.turn + int(far[grid.turn :].argmax())
    first, last = _stretch(far >= LEFT, top, grid.turn)
    inside = values[first : last + 1]
    inside = inside[np.isfinite(inside)]
    now = float(np.median(inside)) if len(inside) else before
    return Departure(row, float(far[top]), before, now, grid.time(first), grid.time(last + 1))


def _stretch(left: npt.NDArray[np.bool_], top: int, turn: int) -> tuple[int, int]:
    """First and last column of the stretch outside around `top`."""
    first = last = top
    for way in (-1, 1):
        at, hole = top, 0
        while turn <= at + way < len(left) and hole <= HOLE:
            at += way
            hole = 0 if left[at] else hole + 1
            if left[at]:
                first, last = min(first, at), max(last, at)
    return first, last
