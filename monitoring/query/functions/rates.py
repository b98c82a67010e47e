"""Functions of how counters and gauges moved within a window."""

from dataclasses import replace

import numpy as np

from monitoring.query.windows import Windows
from monitoring.store.batch import Mask, Values

Result = tuple[Values, Mask]


def rate(windows: Windows) -> Result:
    return _extrapolated(windows, counter=True, per_second=True)


def increase(windows: Windows) -> Result:
    return _extrapolated(windows, counter=True, per_second=False)


def delta(windows: Windows) -> Result:
    return _extrapolated(windows, counter=False, per_second=False)


def _extrapolated(windows: Windows, *, counter: bool, per_second: bool) -> Result:
    """The growth between first and last sample, stretched to the window's ends as Prometheus' extrapolatedRate does.

    To an end closer than 1.1 average intervals the growth goes on, else for half an interval; a counter is not followed below zero.
    """
    v = windows.columns.v
    first_t, last_t = windows.first(windows.columns.t), windows.last(windows.columns.t)
    first_v = windows.first(v)
    grown = windows.last(v) - first_v
    if counter:
        grown += lost_in_resets(windows)
    covered = (last_t - first_t) / 1000.0
    average = covered / (windows.counts - 1)
    before = (first_t - (windows.ends - windows.range)) / 1000.0
    after = (windows.ends - last_t) / 1000.0
    threshold = average * 1.1
    before = np.where(before >= threshold, average / 2, before)
    if counter:
        to_zero = np.where((grown > 0) & (first_v >= 0), covered * (first_v / grown), before)
        before = np.minimum(before, to_zero)
    after = np.where(after >= threshold, average / 2, after)
    factor = (covered + before + after) / covered
    if per_second:
        factor /= windows.range / 1000.0
    return grown * factor, windows.at_least(2)


def lost_in_resets(windows: Windows) -> Values:
    """What a counter had shown before each time it fell, summed over the window."""
    v = windows.columns.v
    fell = np.zeros(len(v), bool)
    fell[1:] = v[1:] < v[:-1]
    starts = windows.columns.first[1:-1]
    fell[starts[starts < len(v)]] = False
    places = np.flatnonzero(fell)
    if not len(places):
        return np.zeros(windows.low.shape)
    # Only the falls are summed: few of them, and no error from large running totals.
    low, high = np.searchsorted(places, windows.low, "right"), np.searchsorted(places, windows.high, "left")
    rows = replace(windows, low=low, high=high)
    return np.where(rows.counts > 0, rows.reduced(np.add, v[places - 1]), 0.0)


def irate(windows: Windows) -> Result:
    last, before = windows.last(windows.columns.v), windows.before_last(windows.columns.v)
    seconds = (windows.last(windows.columns.t) - windows.before_last(windows.columns.t)) / 1000.0
    return np.where(last < before, last, last - before) / seconds, windows.at_least(2)


def idelta(windows: Windows) -> Result:
    return windows.last(windows.columns.v) - windows.before_last(windows.columns.v), windows.at_least(2)


def changes(windows: Windows) -> Result:
    v = windows.columns.v
    return _counted(windows, (v[1:] != v[:-1]) & ~(np.isnan(v[1:]) & np.isnan(v[:-1])))


def resets(windows: Windows) -> Result:
    return _counted(windows, windows.columns.v[1:] < windows.columns.v[:-1])


def _counted(windows: Windows, flags: Mask) -> Result:
    """How many of a window's neighbouring samples are flagged; flags[k] is about samples k and k + 1."""
    counted = np.concatenate(([0], np.cumsum(flags), [0]))
    found = windows.pick(counted, windows.high - 1) - windows.pick(counted, windows.low)
    return found.astype(np.float64), windows.at_least(1)
