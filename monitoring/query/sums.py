"""Sums that do not lose small values beside large ones (Neumaier's variant of Kahan's), for many rows at once."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from monitoring.store.batch import Mask, Values


def add(total: Values, error: Values, value: Values) -> tuple[Values, Values]:
    """One value more; the sum is total + error. An infinite total has no error."""
    grown = total + value
    lost = np.where(np.abs(total) >= np.abs(value), (total - grown) + value, (value - grown) + total)
    return grown, np.where(np.isinf(grown), 0.0, error + lost)


def accumulate(columns: Iterable[tuple[Values, Mask]], shape: tuple[int, ...]) -> tuple[Values, Values]:
    """(total, error) of columns added in turn where their mask holds."""
    total, error = np.zeros(shape), np.zeros(shape)
    for value, here in columns:
        grown, lost = add(total, error, value)
        total, error = np.where(here, grown, total), np.where(here, lost, error)
    return total, error


def finish(total: Values, error: Values) -> Values:
    return np.where(np.isinf(total), total, total + error)


def mean(total: Values, error: Values, counts: NDArray, scaled: Values, infinite: Values) -> Values:
    """Mean from a compensated sum; where the sum overflowed, `scaled` (sum of value / count) or, of infinite values, their own sum."""
    plain = total / counts + error / counts
    overflown = np.where(np.isfinite(infinite), scaled, infinite)
    return np.where(np.isfinite(total), plain, overflown)


def paired(v: Values, sizes: NDArray) -> tuple[Values, Values]:
    """(total, error) of groups of neighbouring rows, halved until one is left of each: few steps for large groups."""
    total, error = v, np.zeros(v.shape)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    while len(groups) > len(sizes):
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        place = np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))
        left = np.flatnonzero(place % 2 == 0)
        right = np.minimum(left + 1, len(groups) - 1)
        coupled = ((right > left) & (groups[right] == groups[left]))[:, None]
        grown, lost = add(total[left], error[left] + np.where(coupled, error[right], 0.0), np.where(coupled, total[right], 0.0))
        total, error, groups = grown, lost, groups[left]
    return total, error
