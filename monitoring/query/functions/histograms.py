"""Quantiles and fractions of classic histograms: series of cumulative counts with their bucket's upper bound in the label `le`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from monitoring.query.context import Context
from monitoring.query.frame import Frame, key_of, numbered
from monitoring.query.source import NAME
from monitoring.query.values import Labels
from monitoring.store.batch import Mask, Values

BOUND = "le"
_TOLERANCE = 1e-12  # relative difference between neighbouring counts that is float noise


@dataclass
class Buckets:
    """counts[b, k]: cumulative count of the bucket up to bounds[b] at the k-th of `steps`; bounds ascend, all buckets are there."""

    bounds: Values
    counts: Values
    steps: np.ndarray


def quantiles(frame: Frame, share: Values, context: Context) -> Frame:
    """histogram_quantile: linear within the bucket that holds the rank; share is per step."""

    def compute(buckets: Buckets, forced: Callable[[Mask], None]) -> Values:
        return quantile(buckets, share[buckets.steps], forced)

    return _per_histogram(frame, compute, context)


def fractions(frame: Frame, low: Values, high: Values, context: Context) -> Frame:
    """histogram_fraction: the share of observations between two values, linear within buckets."""

    def compute(buckets: Buckets, _: Callable[[Mask], None]) -> Values:
        return fraction(buckets, low[buckets.steps], high[buckets.steps])

    return _per_histogram(frame, compute, context)


def _per_histogram(frame: Frame, compute: Callable[[Buckets, Callable[[Mask], None]], Values], context: Context) -> Frame:
    bounds = np.array([_bound(labels, context) for labels in frame.labels])
    kept = np.flatnonzero(~np.isnan(bounds))
    rows, bounds = frame.take(kept), bounds[kept]
    labels = [_without_bound(labels) for labels in rows.labels]
    groups, firsts = numbered(map(key_of, labels))
    shape = (len(firsts), context.steps)
    unnamed = [rows.unnamed[k] for k in firsts]
    out = Frame([labels[k] for k in firsts], np.full(shape, np.nan), np.zeros(shape, bool), unnamed)
    order = np.lexsort((bounds, groups))
    for group, members in enumerate(np.split(order, np.cumsum(np.bincount(groups))[:-1]) if len(order) else []):
        name = rows.labels[members[0]].get(NAME, "")
        for buckets in _alike(bounds[members], rows.v[members], rows.present[members]):
            out.v[group, buckets.steps] = compute(buckets, _forced_note(name, context))
            out.present[group, buckets.steps] = True
    return out


def _forced_note(name: str, context: Context) -> Callable[[Mask], None]:
    def note(forced: Mask) -> None:
        if forced.any():
            context.notes.inform(
                "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/"
                f'querying/functions/#histogram_quantile) for metric name "{name}"'
            )

    return note


def _bound(labels: Labels, context: Context) -> float:
    """NaN, and a warning, for a series that is no bucket."""
    text = labels.get(BOUND, "")
    try:
        return float(text)
    except ValueError:
        name = labels.get(NAME, "")
        context.notes.warn(f'bucket label "{BOUND}" is missing or has a malformed value of "{text}" for metric name "{name}"')
        return float("nan")


def _without_bound(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != BOUND}


def _alike(bounds: Values, counts: Values, present: Mask) -> Iterator[Buckets]:
    """Steps at which the same buckets have values, together; buckets of equal bounds (0.5 and 0.50) added up."""
    if present.all():
        patterns, which = np.ones((1, len(bounds)), bool), np.zeros(present.shape[1], np.intp)
    else:
        patterns, which = np.unique(present.T, axis=0, return_inverse=True)
        which = which.ravel()
    for number, pattern in enumerate(patterns):
        if pattern.any():
            steps = np.flatnonzero(which == number)
            distinct, starts = np.unique(bounds[pattern], return_index=True)
            yield Buckets(distinct, np.add.reduceat(counts[pattern][:, steps], starts, axis=0), steps)


def _monotonic(counts: Values) -> tuple[Values, Mask]:
    """(counts that never fall, steps at which more than float noise had to be mended)."""
    mended = counts.copy()
    forced = np.zeros(counts.shape[1], bool)
    for k in range(1, len(mended)):
        before, now = mended[k - 1], mended[k]
        noise = np.abs(now - before) <= _TOLERANCE * np.maximum(np.abs(now), np.abs(before))
        forced |= (now < before) & ~noise
        mended[k] = np.where(noise | (now < before), before, now)
    return mended, forced


def quantile(buckets: Buckets, share: Values, forced: Callable[[Mask], None]) -> Values:
    """Formula of Prometheus' BucketQuantile: the lowest bucket starts at 0, the highest has no end and answers its start."""
    usable = len(buckets.bounds) >= 2 and buckets.bounds[-1] == np.inf
    outside = np.where(share < 0, -np.inf, np.where(share > 1, np.inf, np.nan))
    if not usable:
        return outside
    counts, mended = _monotonic(buckets.counts)
    forced(mended & (share >= 0) & (share <= 1))
    columns, bounds, last = np.arange(len(share)), buckets.bounds, len(buckets.bounds) - 1
    rank = share * counts[-1]
    place = np.minimum((counts[:-1] < rank).sum(axis=0), last)
    start = np.where(place > 0, bounds[place - 1], 0.0)
    below = np.where(place > 0, counts[place - 1, columns], 0.0)
    within = start + (bounds[place] - start) * ((rank - below) / (counts[place, columns] - below))
    found = np.where(place == last, bounds[last - 1], np.where((place == 0) & (bounds[0] <= 0), bounds[0], within))
    return np.where((share >= 0) & (share <= 1), np.where(counts[-1] == 0, np.nan, found), outside)


def fraction(buckets: Buckets, low: Values, high: Values) -> Values:
    """Formula of Prometheus' BucketFraction, which takes the counts as they are."""
    if len(buckets.bounds) < 2 or buckets.bounds[-1] != np.inf:
        return np.full(len(low), np.nan)
    total = buckets.counts[-1]
    found = (_rank(buckets, high) - _rank(buckets, low)) / total
    found = np.where(low >= high, 0.0, found)
    return np.where(np.isnan(low) | np.isnan(high) | (total == 0), np.nan, found)


def _rank(buckets: Buckets, value: Values) -> Values:
    """How many observations are below the value; a lowest bucket without a start is all below anything in it."""
    bounds, counts, columns = buckets.bounds, buckets.counts, np.arange(len(value))
    place = np.minimum(np.searchsorted(bounds, value, "left"), len(bounds) - 1)
    lowest = 0.0 if bounds[0] > 0 else -np.inf
    start = np.where(place > 0, bounds[place - 1], lowest)
    below = np.where(place > 0, counts[place - 1, columns], 0.0)
    whole = (value == bounds[place]) | ((start == -np.inf) & (value > start))
    share = np.where(whole, 1.0, np.where(value <= start, 0.0, (value - start) / (bounds[place] - start)))
    return np.minimum(below + (counts[place, columns] - below) * share, counts[-1])
