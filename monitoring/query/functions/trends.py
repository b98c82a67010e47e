"""Functions that fit a line or a smoothed trend to each window."""

import numpy as np

from monitoring.query.errors import ExecutionError
from monitoring.query.windows import Block, Windows
from monitoring.store.batch import Mask, Times, Values

Result = tuple[Values, Mask]


def slope(windows: Windows) -> Result:
    """Per second, by least squares."""
    return windows.each(lambda block, _: _line(block, block.t[:, 0])[0]), windows.at_least(2)


def predicted(windows: Windows, times: Times, seconds: Values) -> Result:
    """The line's value so many seconds after the step's time, wherever the window was."""
    when = np.broadcast_to(times, windows.low.shape).ravel()
    ahead = np.broadcast_to(seconds, windows.low.shape).ravel()

    def value(block: Block, part: slice) -> Values:
        rise, level = _line(block, when[part])
        return rise * ahead[part] + level

    return windows.each(value), windows.at_least(2)


def _line(block: Block, origin: Times) -> tuple[Values, Values]:
    """(slope per second, value at the origin) of each window, with the arithmetic of Prometheus' linearRegression."""
    x = (block.t - origin[:, None]) / 1000.0
    v = block.v
    n = block.counts.astype(np.float64)
    sum_x, sum_y, sum_xy, sum_x2 = (part.sum(axis=1, where=block.here) for part in (x, v, x * v, x * x))
    cov = sum_xy - sum_x * sum_y / n
    var = sum_x2 - sum_x * sum_x / n
    rise = cov / var
    level = sum_y / n - rise * sum_x / n
    # A constant gives exactly itself; an infinite one nothing.
    start = v[:, 0]
    constant = (~block.here | (v == start[:, None])).all(axis=1)
    rise = np.where(constant, np.where(np.isinf(start), np.nan, 0.0), rise)
    return rise, np.where(constant, np.where(np.isinf(start), np.nan, start), level)


def smoothed(windows: Windows, smoothing: Values, trend: Values) -> Result:
    """Double exponential smoothing (Holt's linear method) of each window, its last value."""
    for name, factor in (("smoothing", smoothing), ("trend", trend)):
        wrong = factor[~((factor > 0) & (factor < 1))]
        if len(wrong):
            letter = name[0]
            raise ExecutionError(f"invalid {name} factor. Expected: 0 < {letter}f < 1, got: {wrong[0]:f}")
    shape = windows.low.shape
    level, slope_ = np.broadcast_to(smoothing, shape).ravel(), np.broadcast_to(trend, shape).ravel()
    return windows.each(lambda block, part: _smooth(block, level[part], slope_[part])), windows.at_least(2)


def _smooth(block: Block, smoothing: Values, trend: Values) -> Values:
    if block.v.shape[1] < 2:
        return np.full(len(block.v), np.nan)
    before, now = np.zeros(len(block.v)), block.v[:, 0]
    rise = block.v[:, 1] - block.v[:, 0]
    for k in range(1, block.v.shape[1]):
        here = block.here[:, k]
        if k > 1:
            rise = np.where(here, trend * (now - before) + (1 - trend) * rise, rise)
        smooth = smoothing * block.v[:, k] + (1 - smoothing) * (now + rise)
        before, now = np.where(here, now, before), np.where(here, smooth, now)
    return now
