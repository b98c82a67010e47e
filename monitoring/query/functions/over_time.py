"""Aggregations of each series over its window: the *_over_time family."""

import numpy as np

from monitoring.query import sums
from monitoring.query.windows import Block, Windows
from monitoring.store.batch import Mask, Values

Result = tuple[Values, Mask]


def count(windows: Windows) -> Result:
    return windows.counts.astype(np.float64), windows.at_least(1)


def present(windows: Windows) -> Result:
    return np.ones(windows.low.shape), windows.at_least(1)


def last(windows: Windows) -> Result:
    return windows.last(windows.columns.v), windows.at_least(1)


def first(windows: Windows) -> Result:
    return windows.first(windows.columns.v), windows.at_least(1)


def minimum(windows: Windows) -> Result:
    """NaN only when all are."""
    return windows.reduced(np.fmin, windows.columns.v), windows.at_least(1)


def maximum(windows: Windows) -> Result:
    return windows.reduced(np.fmax, windows.columns.v), windows.at_least(1)


def total(windows: Windows) -> Result:
    if _adds_plainly(windows.columns.v):
        return windows.reduced(np.add, windows.columns.v), windows.at_least(1)
    return windows.each(lambda block, _: sums.finish(*_summed(block, block.v))), windows.at_least(1)


def average(windows: Windows) -> Result:
    v = windows.columns.v
    if _adds_plainly(v):
        found = windows.reduced(np.add, v) / windows.counts
        if np.isfinite(found[windows.counts > 0]).all():
            return found, windows.at_least(1)
    return windows.each(lambda block, _: _mean(block)), windows.at_least(1)


def _adds_plainly(v: Values) -> bool:
    """Without mixed signs nothing cancels, and a plain sum is as good as a compensated one."""
    return not len(v) or bool(np.min(v) >= 0) or bool(np.max(v) <= 0)


def _summed(block: Block, v: Values) -> tuple[Values, Values]:
    columns = ((v[:, k], block.here[:, k]) for k in range(v.shape[1]))
    return sums.accumulate(columns, (len(v),))


def _mean(block: Block) -> Values:
    sum_, error = _summed(block, block.v)
    scaled = sums.finish(*_summed(block, block.v / block.counts[:, None]))
    infinite = np.where(block.here & ~np.isfinite(block.v), block.v, 0.0).sum(axis=1)
    return sums.mean(sum_, error, block.counts, scaled, infinite)


def variance(windows: Windows) -> Result:
    """Population variance, about the first value: equal values give exactly 0."""
    return windows.each(lambda block, _: _variance(block)), windows.at_least(1)


def deviation(windows: Windows) -> Result:
    found, here = variance(windows)
    return np.sqrt(found), here


def _variance(block: Block) -> Values:
    moved = np.where(block.here, block.v - block.v[:, :1], 0.0)
    centre = moved.sum(axis=1, keepdims=True) / block.counts[:, None]
    squares: Values = np.where(block.here, (moved - centre) ** 2, 0.0).sum(axis=1)
    return squares / block.counts


def quantile(windows: Windows, share: Values) -> Result:
    shares = np.broadcast_to(share, windows.low.shape).ravel()
    return windows.each(lambda block, part: quantiles(block.v, block.here, shares[part])), windows.at_least(1)


def median_deviation(windows: Windows) -> Result:
    return windows.each(lambda block, _: _median_deviation(block)), windows.at_least(1)


def _median_deviation(block: Block) -> Values:
    half = np.full(len(block.v), 0.5)
    median = quantiles(block.v, block.here, half)
    return quantiles(np.abs(block.v - median[:, None]), block.here, half)


def quantiles(v: Values, here: Mask, shares: Values) -> Values:
    """The share-quantile of each row's cells that are here, between two samples in proportion; NaN values sort lowest."""
    counts = here.sum(axis=1)
    missing = (here & np.isnan(v)).sum(axis=1)
    ordered = np.sort(np.where(here, v, np.nan), axis=1)  # NaN last
    rank = np.clip(np.nan_to_num(shares), 0, 1) * np.maximum(counts - 1, 0)
    low = np.floor(rank).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(counts - 1, 0))
    weight = rank - low
    rows = np.arange(len(v))
    low_v = np.where(low < missing, np.nan, ordered[rows, np.maximum(low - missing, 0)])
    high_v = np.where(high < missing, np.nan, ordered[rows, np.maximum(high - missing, 0)])
    found = low_v * (1 - weight) + high_v * weight
    found = np.where(shares < 0, -np.inf, np.where(shares > 1, np.inf, found))
    return np.where(np.isnan(shares) | (counts == 0), np.nan, found)


def time_of_last(windows: Windows) -> Result:
    return windows.last(windows.columns.t) / 1000.0, windows.at_least(1)


def time_of_first(windows: Windows) -> Result:
    return windows.first(windows.columns.t) / 1000.0, windows.at_least(1)


def time_of_min(windows: Windows) -> Result:
    """Of the last one, when several samples are lowest."""
    return windows.each(lambda block, _: _time_of(block, block.v)), windows.at_least(1)


def time_of_max(windows: Windows) -> Result:
    return windows.each(lambda block, _: _time_of(block, -block.v)), windows.at_least(1)


def _time_of(block: Block, v: Values) -> Values:
    wanted = np.where(block.here, v, np.inf)
    lowest = np.fmin.reduce(wanted, axis=1, keepdims=True)
    number = block.here & ~np.isnan(v)
    # With nothing but NaN it is the last sample, as every comparison with NaN moves on.
    hit = np.where(number.any(axis=1, keepdims=True), number & (v == lowest), block.here)
    place = hit.shape[1] - 1 - np.argmax(hit[:, ::-1], axis=1)
    return block.t[np.arange(len(place)), place] / 1000.0
