"""Selectors: from matchers and times to samples."""

import numpy as np

from monitoring.query.context import Context
from monitoring.query.errors import TooManySamples
from monitoring.query.frame import Frame
from monitoring.query.functions.extended import between, following
from monitoring.query.parse.plan import RangeSelector, Selector, When
from monitoring.query.source import SeriesData
from monitoring.query.windows import Columns, Windows
from monitoring.store.batch import Mask, Times, is_stale


def looked_at(when: When, context: Context) -> Times:
    """The times that a selector's windows end at: one for each step, or a single one when it is fixed with @."""
    if when.at is None:
        return context.times - when.offset
    fixed = {"start": context.start, "end": context.end}.get(str(when.at), when.at)
    return np.array([fixed], np.int64) - when.offset


def fetch(selector: Selector, ends: Times, span: int, context: Context, ahead: int = 0) -> Columns:
    """All samples that windows of `span` ms ending then can see, and those up to `ahead` ms later."""
    context.budget.check()
    start = int(ends[0]) - span + (0 if context.semantics.closed_ranges else 1)
    try:
        columns = Columns.of(context.source.select(selector.matchers, start, int(ends[-1]) + ahead))
        context.budget.spend(len(columns.t))
    except TooManySamples:
        context.narrow()
        raise
    context.check_width(len(columns.labels) * len(ends), len(columns.t))
    return columns


def instant_vector(selector: Selector, context: Context) -> Frame:
    """The last sample within the lookback before each step, unless it says that the series ended."""
    if selector.smoothed:
        return _smoothed(selector, context)
    columns, last, here = _newest(selector, context)
    return _spread(columns, columns.v[last] if len(columns.v) else np.zeros(last.shape), here, context)


def sample_times(selector: Selector, context: Context) -> Frame:
    """Seconds at which the samples were taken that the instant vector shows: timestamp(selector)."""
    columns, last, here = _newest(selector, context)
    return _spread(columns, columns.t[last] / 1000.0 if len(columns.t) else np.zeros(last.shape), here, context)


def _newest(selector: Selector, context: Context) -> tuple[Columns, np.ndarray, Mask]:
    """(samples, [series, steps] place of the newest, whether it counts)."""
    ends = looked_at(selector.when, context)
    columns = fetch(selector, ends, context.lookback, context)
    context.budget.spend(len(columns.labels) * len(ends))
    last = columns.rank(ends) - 1
    here = last >= columns.first[:-1, None]
    if len(columns.t):
        last = np.maximum(last, 0)
        oldest = ends - context.lookback + (0 if context.semantics.closed_ranges else 1)
        here &= columns.t[last] >= oldest
        stale = is_stale(columns.v)
        if stale.any():
            here &= ~stale[last]
    return columns, last, here


def _spread(columns: Columns, v: np.ndarray, here: Mask, context: Context) -> Frame:
    shape = (len(columns.labels), context.steps)
    frame = Frame(columns.labels, np.broadcast_to(v, shape), np.broadcast_to(here, shape), [False] * len(columns.labels))
    return frame.compact()


def _smoothed(selector: Selector, context: Context) -> Frame:
    """On the line between the samples around each step; after the last sample, its value."""
    ends = looked_at(selector.when, context)
    columns = fetch(selector, ends, context.lookback, context, context.lookback)
    windows = Windows.over(columns, ends, context.lookback, context)
    here = windows.at_least(1)
    return _spread(windows.columns, between(windows, windows.high, ends, here, following(windows), counter=False), here, context)


def range_windows(node: RangeSelector, context: Context) -> Windows:
    ends = looked_at(node.selector.when, context)
    beyond = context.lookback if node.mode else 0
    columns = fetch(node.selector, ends, node.range + beyond, context, beyond if node.mode == "smoothed" else 0)
    context.budget.spend(len(columns.labels) * len(ends))
    return Windows.over(columns, ends, node.range, context)


def subquery_windows(frame: Frame, times: Times, ends: Times, span: int, context: Context) -> Windows:
    """Windows over the values that a subquery had at its own steps."""
    context.check_width(len(frame.labels) * len(ends))
    sizes = frame.present.sum(axis=1)
    t = np.broadcast_to(times, frame.v.shape)[frame.present]
    columns = Columns(frame.labels, t, frame.v[frame.present], np.concatenate(([0], np.cumsum(sizes))))
    return Windows.over(columns, ends, span, context, frame.unnamed)


def samples_of(windows: Windows) -> list[SeriesData]:
    """What a range selector itself answers to an instant query."""
    found = []
    for row, labels in enumerate(windows.columns.labels):
        low, high = int(windows.low[row, 0]), int(windows.high[row, 0])
        if high > low:
            found.append(SeriesData(labels, windows.columns.t[low:high], windows.columns.v[low:high]))
    return found
