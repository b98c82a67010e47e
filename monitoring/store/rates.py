"""Rates of counters. Counters are stored as they came; resets and gaps are dealt with when they are read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitoring.store.batch import Times, Values

PATIENCE = 3.5  # sample intervals that may be missing before it is a gap


def increase(t: Times, v: Values) -> Values:
    """What a counter grew by since the sample before; a counter that fell was reset and grew by what it shows since.

    The first sample, and one beside a NaN (a stale marker is one), has no increase: NaN.
    """
    grown = np.full(len(t), np.nan)
    with np.errstate(invalid="ignore"):  # stale markers are signalling NaNs
        step = np.diff(v)
        grown[1:] = np.where(step < 0, v[1:], step)
    return grown


def usual_gap(t: Times) -> float:
    """Milliseconds between two samples from which on something is missing."""
    return PATIENCE * float(np.median(np.diff(t))) if len(t) > 1 else 0.0


def rate_buckets(t: Times, v: Values, edges: Sequence[int] | NDArray[np.int64], gap: float | None = None) -> Values:
    """Per-second rate between every two edges; NaN where no two samples less than `gap` ms apart reach into the bucket.

    An increase is spread evenly over the time it took, so a bucket narrower than the samples' interval shows the rate around it
    and no increase is counted in two buckets. For buckets beside a gap the rate is that of the covered part.
    """
    if len(t) < 2:
        return np.full(len(edges) - 1, np.nan)
    grown, took = increase(t, v)[1:], np.diff(t).astype(np.float64)
    known = ~np.isnan(grown) & (took <= (usual_gap(t) if gap is None else gap))
    covered = np.concatenate(([0.0], np.cumsum(np.where(known, took, 0.0))))
    counted = np.concatenate(([0.0], np.cumsum(np.where(known, grown, 0.0))))
    seconds = np.diff(np.interp(edges, t, covered)) / 1000
    growth = np.diff(np.interp(edges, t, counted))
    rates: Values = np.full(len(seconds), np.nan)
    np.divide(growth, seconds, out=rates, where=seconds > 0)
    return rates
