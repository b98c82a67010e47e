"""Ranges that look beyond their ends: `x[5m] anchored` also sees the sample before, `x[5m] smoothed` interpolates at both ends.

Nothing is extrapolated then. Formulas of Prometheus' extended range selectors.
"""

from dataclasses import replace

import numpy as np

from monitoring.query.functions import rates
from monitoring.query.windows import Windows
from monitoring.store.batch import Mask, Values

Result = tuple[Values, Mask]


def increase(windows: Windows) -> Result:
    wide = _anchored(windows)
    return wide.last(wide.columns.v) - wide.first(wide.columns.v) + rates.lost_in_resets(wide), windows.at_least(1)


def delta(windows: Windows) -> Result:
    wide = _anchored(windows)
    return wide.last(wide.columns.v) - wide.first(wide.columns.v), windows.at_least(1)


def rate(windows: Windows) -> Result:
    grown, here = increase(windows)
    return grown * 1000.0 / windows.range, here


def changes(windows: Windows) -> Result:
    wide = _reaching_back(windows)
    return rates.changes(wide)[0], wide.at_least(1)


def resets(windows: Windows) -> Result:
    wide = _reaching_back(windows)
    return rates.resets(wide)[0], wide.at_least(1)


def preceding(windows: Windows) -> Mask:
    """Whether there is a sample at or before each window's start, not older than the lookback."""
    starts = windows.ends - windows.range
    t = windows.pick(windows.columns.t, windows.low - 1)
    return (windows.low > windows.columns.first[:-1, None]) & (t > starts - windows.lookback)


def following(windows: Windows) -> Mask:
    """Whether there is a sample after each window's end, not later than the lookback."""
    t = windows.pick(windows.columns.t, windows.high)
    return (windows.high < windows.columns.first[1:, None]) & (t <= windows.ends + windows.lookback)


def _anchored(windows: Windows) -> Windows:
    """With the sample before the window as its first."""
    return replace(windows, low=windows.low - preceding(windows))


def _reaching_back(windows: Windows) -> Windows:
    """The same; for a window without samples the last two before it, as far as the lookback goes."""
    starts, before = windows.ends - windows.range, preceding(windows)
    t = windows.pick(windows.columns.t, windows.low - 2)
    second = (windows.counts == 0) & (windows.low - 1 > windows.columns.first[:-1, None]) & (t > starts - windows.lookback)
    return replace(windows, low=windows.low - before - (before & second))


def smoothed_delta(windows: Windows) -> Result:
    left, right = _edges(windows, counter=False)
    return right - left, (windows.counts > 0) | following(windows)


def smoothed_increase(windows: Windows) -> Result:
    left, right = _edges(windows, counter=True)
    first, last = windows.first(windows.columns.v), windows.last(windows.columns.v)
    inside = windows.counts > 0
    lost = np.where(inside & (left > first), left, 0.0) + np.where(inside & (last > right), last, 0.0)
    lost += np.where(~inside & (left > right), left, 0.0) + rates.lost_in_resets(windows)
    return right - left + lost, inside | following(windows)


def smoothed_rate(windows: Windows) -> Result:
    grown, here = smoothed_increase(windows)
    return grown * 1000.0 / windows.range, here


def _edges(windows: Windows, *, counter: bool) -> tuple[Values, Values]:
    """Values at each window's start and end, on the line between the samples around; without one on a side, that of the other."""
    before, after, starts = preceding(windows), following(windows), windows.ends - windows.range
    left = between(windows, windows.low, starts, before, (windows.counts > 0) | after, counter=counter)
    right = between(windows, windows.high, windows.ends, before | (windows.counts > 0), after, counter=counter)
    return left, right


def between(windows: Windows, places: np.ndarray, times: np.ndarray, has_before: Mask, has_after: Mask, *, counter: bool) -> Values:
    """At these times, from samples places - 1 and places. A counter that fell in between was reset: it rose from 0."""
    t, v = windows.columns.t, windows.columns.v
    t1, v1 = windows.pick(t, places - 1), windows.pick(v, places - 1)
    t2, v2 = windows.pick(t, places), windows.pick(v, places)
    from_v = np.where(v2 < v1, 0.0, v1) if counter else v1
    line = np.where(times == t1, v1, from_v + (v2 - from_v) * ((times - t1) / (t2 - t1)))
    return np.where(has_before & has_after, line, np.where(has_before, v1, v2))
