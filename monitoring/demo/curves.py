"""Curves over time that know their own integral, one row per member: history and live read the same function.

Times are float64 seconds of shape (1, T) or (rows, T); values have shape (rows, T). A gauge reads `value`, a counter the
difference of two `integral`s, so a counter's rate is the gauge beside it, at any resolution and from any moment on.
"""

import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]
Rows = NDArray[np.intp]
MINUTE, HOUR, DAY, WEEK = 60.0, 3600.0, 86_400.0, 604_800.0
MONDAY = 345_600.0  # the first Monday of 1970, 00:00 UTC
UNREST = ((30.0, 0.3), (700.0, 0.4), (9000.0, 0.3))  # period, seconds, and share of the amplitude


class Curve(Protocol):
    def value(self, t: Matrix) -> Matrix: ...

    def integral(self, t: Matrix) -> Matrix:
        """Since a moment long ago, the same for every row."""


def column(values: ArrayLike) -> Matrix:
    """(rows, 1), to be combined with (rows, T)."""
    return np.asarray(values, np.float64).reshape(-1, 1)


class Periodic:
    """Straight lines between knots, the same in every period. `at`: seconds from 0 to the period; y: (rows, knots)."""

    def __init__(self, at: ArrayLike, y: ArrayLike, origin: ArrayLike) -> None:
        self.at, self.y = np.asarray(at, np.float64), np.asarray(y, np.float64)
        self.period, self.width = float(self.at[-1]), np.diff(self.at)
        self.origin = column(np.broadcast_to(origin, len(self.y)))
        areas = (self.y[:, 1:] + self.y[:, :-1]) / 2 * self.width
        self.area = np.concatenate([np.zeros((len(self.y), 1)), np.cumsum(areas, axis=1)], axis=1)

    def value(self, t: Matrix) -> Matrix:
        _, _, y, slope, since = self._line(t)
        return y + slope * since

    def integral(self, t: Matrix) -> Matrix:
        turns, knot, y, slope, since = self._line(t)
        return turns * self.area[:, -1:] + np.take_along_axis(self.area, knot, 1) + since * (y + slope * since / 2)

    def _line(self, t: Matrix) -> tuple[Matrix, Rows, Matrix, Matrix, Matrix]:
        """(periods passed, knot before t, value there, slope from there on, seconds since it)."""
        turns = np.floor((t - self.origin) / self.period)
        phase = t - self.origin - turns * self.period
        knot = np.clip(np.searchsorted(self.at, phase, "right") - 1, 0, len(self.width) - 1)
        y = np.take_along_axis(self.y, knot, 1)
        slope = (np.take_along_axis(self.y, knot + 1, 1) - y) / self.width[knot]
        return turns, knot, y, slope, phase - self.at[knot]


def weekly(profile: NDArray[np.float64], low: ArrayLike, high: ArrayLike, shift: ArrayLike) -> Periodic:
    """`profile`: (rows, 168), 0 to 1 for every hour of a week from Monday; `shift`: seconds the row's clock is ahead of UTC."""
    low, span = column(low), column(high) - column(low)
    y = low + span * np.concatenate([profile, profile[:, :1]], axis=1)
    return Periodic(np.arange(169) * HOUR, y, MONDAY - np.asarray(shift, np.float64))


def scatter(seeds: NDArray[np.uint64], numbers: NDArray[np.int64]) -> Matrix:
    """-1 to 1, evenly, the same for the same seed and number: the finalizer of SplitMix64."""
    x = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + seeds
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))).astype(np.float64) / 2.0**63 - 1


class Noise:
    """Changes every `period` seconds. Its integral wanders within ±amplitude × period, so that no counter needs its past.

    The value is at most 2 × amplitude from 0.
    """

    def __init__(self, seeds: NDArray[np.uint64], period: float, amplitude: ArrayLike) -> None:
        self.seeds, self.period = seeds.reshape(-1, 1), period
        self.amplitude = column(np.broadcast_to(amplitude, len(seeds)))

    def value(self, t: Matrix) -> Matrix:
        before, after, _ = self._ends(t)
        return self.amplitude * (after - before)

    def integral(self, t: Matrix) -> Matrix:
        return self.amplitude * self.period * self.wander(t)

    def wander(self, t: Matrix) -> Matrix:
        """-1 to 1, without jumps."""
        before, after, part = self._ends(t)
        return before + (after - before) * part

    def _ends(self, t: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        place = t / self.period
        knot = np.floor(place)
        numbers = knot.astype(np.int64)
        return scatter(self.seeds, numbers), scatter(self.seeds, numbers + 1), place - knot


class Level:
    """The sum of curves; a part may belong to some of the rows only."""

    def __init__(self, rows: int, whole: Sequence[Curve], parts: Sequence[tuple[Rows, Curve]] = ()) -> None:
        self.rows, self.whole, self.parts = rows, whole, [(at, curve) for at, curve in parts if len(at)]

    def value(self, t: Matrix) -> Matrix:
        return self._sum(t, "value")

    def integral(self, t: Matrix) -> Matrix:
        return self._sum(t, "integral")

    def mean(self, t: Matrix, seconds: float) -> Matrix:
        """Over the time before."""
        return (self.integral(t) - self.integral(t - seconds)) / seconds

    def _sum(self, t: Matrix, what: str) -> Matrix:
        total = np.zeros((self.rows, t.shape[1]))
        for curve in self.whole:
            total += getattr(curve, what)(t)
        for at, curve in self.parts:
            total[at] += getattr(curve, what)(t if len(t) == 1 else t[at])
        return total


def noises(seeds: NDArray[np.uint64], amplitude: ArrayLike) -> list[Curve]:
    """Unrest within the minute, the quarter of an hour and the day, together at most `amplitude` from 0."""
    each = np.asarray(amplitude, np.float64) / 2
    return [Noise(seeds + np.uint64(at), period, part * each) for at, (period, part) in enumerate(UNREST)]


def seeds_of(seed: int, what: str, rows: int) -> NDArray[np.uint64]:
    """One per row, far apart for different `what`."""
    first = zlib.crc32(f"{seed} {what}".encode()) * 0x9FB21C651E98DF25 % 2**64
    return np.arange(rows, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03) + np.uint64(first)


def drawn(seeds: NDArray[np.uint64]) -> NDArray[np.float64]:
    """One number per row, -1 to 1."""
    return scatter(seeds, np.zeros(len(seeds), np.int64))
