"""What can be told of a chosen set of series over a time: how complete, how alike, how seasonal. Pure numpy.

values are [series, times] on one grid, NaN where there is no sample.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FEWEST = 24  # common values below which nothing is told
DAY, WEEK = 86_400, 604_800
DAYS, HOURS = 7, 24


def completeness(values: Floats) -> Floats:
    """Share of the grid that has a sample, from a series' first one on; 0 where there is none. [series]"""
    known = np.isfinite(values)
    since = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    places = values.shape[1] - since
    shares: Floats = np.where(places > 0, known.sum(axis=1) / np.maximum(places, 1), 0.0)
    return shares


def correlations(values: Floats) -> Floats:
    """Pearson's r of every pair over the times that both have; NaN for constants and too few. [series, series]"""
    known = np.isfinite(values)
    x, both = np.where(known, values, 0.0), known.astype(float)
    n = both @ both.T
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(known, x - (x.sum(axis=1) / known.sum(axis=1))[:, None], 0.0)  # smaller numbers, the same r
        sums, squares = x @ both.T, (x * x) @ both.T
        cross = x @ x.T - sums * sums.T / n
        spread = squares - sums**2 / n
        r = cross / np.sqrt(spread * spread.T)
    usual = np.maximum(np.diag(spread), 1e-300)
    flat = spread <= 1e-12 * usual[:, None]
    found: Floats = np.where((n >= FEWEST) & ~flat & ~flat.T, np.clip(r, -1, 1), np.nan)
    return found


def strength(values: Floats, times: NDArray[np.int64], period: int) -> Floats:
    """How much of what varies repeats with the period (seconds): 1 - Var(rest) / Var(all) around the mean of each slot of the period,
    corrected for the slots' number (adjusted R²). NaN below two whole periods. times: seconds. [series]"""
    step = int(times[1] - times[0]) if len(times) > 1 else period
    slots = max(2, min(period // max(step, 1), WEEK // 3600))
    slot = (times % period) * slots // period
    found = np.full(len(values), np.nan)
    if len(times) * step < 2 * period:
        return found
    for row, line in enumerate(values):
        known = np.isfinite(line)
        n = int(known.sum())
        if n < max(FEWEST, 2 * slots) or np.ptp(line[known]) == 0:
            continue
        place, y = slot[known], line[known]
        count = np.bincount(place, minlength=slots)
        means = np.bincount(place, y, minlength=slots) / np.maximum(count, 1)
        used = int((count > 0).sum())
        rest, whole = np.sum((y - means[place]) ** 2), np.sum((y - y.mean()) ** 2)
        found[row] = max(0.0, 1 - rest / max(n - used, 1) / (whole / (n - 1)))
    return found


class Heat(NamedTuple):
    """Means by weekday (Monday first) and hour, NaN where there is no sample. [7, 24]"""

    means: Floats
    low: float
    high: float


def heat(line: Floats, days: NDArray[np.int64], hours: NDArray[np.int64]) -> Heat | None:
    """days 0-6, hours 0-23 of each value; None where there is nothing."""
    known = np.isfinite(line)
    if not known.any():
        return None
    place = days[known] * HOURS + hours[known]
    count = np.bincount(place, minlength=DAYS * HOURS)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (np.bincount(place, line[known], minlength=DAYS * HOURS) / count).reshape(DAYS, HOURS)
    return Heat(means, float(np.nanmin(means)), float(np.nanmax(means)))
