"""How far series left their own past. Pure numpy: rows are series, columns buckets, NaN where a bucket holds nothing.

A robust z-score: |median of the window - median of the past| over the past's spread, where the spread is 1.4826 times the median
absolute deviation (the standard deviation, where values are normal), but no less than the mean absolute deviation (a past that is
mostly still and sometimes not) and than a hundredth of the level (a past that never moved).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitoring.dashboards.frames import Floats

NORMAL = 1.4826
LEVEL = 0.01  # of the level: less is no change worth a line
FEWEST = 3  # buckets of the past that are a past
ONSET = 3.0  # spreads from which a bucket has left
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Departures:
    """Arrays with one entry per series; NaN where there is no past or no window to compare."""

    z: Floats
    before: Floats  # median of the past
    now: Floats  # median of the window
    onset: Ints  # first bucket of the window that has left, -1 for none
    appeared: Mask  # has a window and no past
    ended: Mask  # has a past and nothing in the later half of the window


def median(values: Floats) -> Floats:
    """Of each row, without NaN; np.nanmedian takes ten times as long for many short rows."""
    ordered = np.sort(values, axis=1)  # NaN stand last
    count = np.isfinite(ordered).sum(axis=1)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, values.shape[1] - 1)
    rows = np.arange(len(values))
    middle: Floats = np.where(count > 0, (ordered[rows, low] + ordered[rows, high]) / 2, np.nan)
    return middle


def measure(window: Floats, past: Floats) -> Departures:
    """window: float64[series, buckets], past: float64[series, buckets of all earlier windows]."""
    window, past = _finite(window), _finite(past)
    if not window.size or not past.size:
        nothing = np.full(len(window), np.nan)
        none = np.zeros(len(window), bool)
        return Departures(nothing, nothing, nothing, np.full(len(window), -1), none, none)
    before, now = median(past), median(window)
    away = np.abs(past - before[:, None])
    known = np.isfinite(away)
    mean = np.where(known, away, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    level = LEVEL * np.fmax(np.abs(before), np.abs(now))
    spread = np.maximum.reduce([NORMAL * median(away), mean, level, np.full(len(now), 1e-12)])
    has_past = known.sum(axis=1) >= FEWEST
    late = np.isfinite(window[:, window.shape[1] // 2 :]).any(axis=1)
    z = np.where(has_past, np.abs(now - before) / spread, np.nan)
    return Departures(z, before, now, _onset(window, before, spread), np.isfinite(now) & (known.sum(axis=1) == 0), has_past & ~late)


def _finite(values: Floats) -> Floats:
    finite: Floats = np.where(np.isfinite(values), values, np.nan)
    return finite


def _onset(window: Floats, before: Floats, spread: Floats) -> Ints:
    with np.errstate(invalid="ignore"):
        left = np.abs(window - before[:, None]) > ONSET * spread[:, None]
    first: Ints = np.where(left.any(axis=1), left.argmax(axis=1), -1)
    return first


def score(z: float) -> int:
    """0 to 100 for people: 3 spreads are 22, 10 are 57, 30 are 92."""
    return round(100 * (1 - float(np.exp(-z / 12))))


def rising(values: Floats) -> Mask:
    """Rows that only ever grow, such as clocks and counters nobody declared: of those the pace tells, not the level."""
    with np.errstate(invalid="ignore"):
        steps = np.diff(values, axis=1)
        down, up, known = (steps < 0).sum(axis=1), (steps > 0).sum(axis=1), np.isfinite(steps).sum(axis=1)
    grown: Mask = (known >= FEWEST) & (down == 0) & (up > 0.8 * known)
    return grown
