"""What a causal detector may remember of a series, and how: all rows of one series at once.

The shipped detector is one function over a memory (judge.py). This memory is for one series with all its rows; the other one, for many
series with one new row each, is stream.Places. Both answer the same, so what holds for a file holds live. Every answer is an array
[rows]; a "before" never looks at its own row, and nothing looks at a later one.
"""

from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Slots = NDArray[np.float32]
Numbers = Any  # Floats, or one number

DAY = 86_400  # seconds
NARROWEST = 300  # seconds, a slot of the day: finer rows share one
DAYS = 7  # after as many days a day counts 1/7 in its slot
HOURLY = 3600  # seconds: from this step on a row is an hour's event, not noise
REST = 0.3  # of what a work day counts, a rest day counts in its slots, in rows finer than an hour: five of seven days are not like it
CLIP = 4.0  # a day moves its slot by at most this many times what slots usually move
BLOCK = 10  # rows that a loudest score is kept for together
STRETCHES = 3  # of two weeks before the present one: what was highest and lowest longer ago is forgotten


HUGE = 1e100  # what is larger is no measurement, and its square no number


def measured(x: Floats) -> NDArray[np.bool_]:
    """Which rows have a value."""
    return np.abs(x) < HUGE


class Memory(Protocol):
    """What `judge` is written over; [k] is [rows] or [series]."""

    step: float  # seconds between rows

    def age(self) -> Floats: ...  # rows before this one
    def previous(self, x: Floats) -> Floats: ...  # the row before; the first row: itself
    def lowest(self, x: Floats) -> Floats: ...  # up to and with this row
    def mean(self, x: Floats, span: float) -> tuple[Floats, Floats]: ...  # before this row (first: 0), and with it
    def extremes(self, x: Floats) -> tuple[Floats, Floats]: ...  # highest and lowest of the last six to eight weeks; first row: -inf, inf
    def usual(self, x: Floats) -> Floats: ...  # of this time of day, from earlier days; NaN while unknown
    def loudest(self, x: Floats, blocks: int) -> Floats: ...  # of the rows of this block before and of the blocks before; x >= 0
    def fading(self, x: Floats, keep: float) -> Floats: ...  # max(x, keep * what it was); x >= 0
    def frozen(self, x: Floats, at: int) -> Floats: ...  # the value it had at row `at`; before that its own
    def days_alike(self) -> Floats: ...  # days of rows before this one that were rest days too, or work days too
    def running(self, is_so: NDArray[np.bool_]) -> Floats: ...  # for how many rows up to this one it has been so; 0: it is not


def seconds(timestamps: NDArray) -> Times:
    """Seconds since 1970 from datetime64 or epoch seconds, never going back (a clock change repeats an hour: it stands still then)."""
    if timestamps.dtype.kind == "M":
        timestamps = timestamps.astype("datetime64[s]").astype(np.int64)
    return np.maximum.accumulate(timestamps.astype(np.int64))


def step_of(t: Times, head: int = 60) -> float:
    """Median seconds between the first rows; later ones are not asked, that would be a look ahead."""
    gaps = np.diff(t[: head + 1])
    return float(max(np.median(gaps), 1.0)) if len(gaps) else float(NARROWEST)


def rests(day: Numbers) -> Any:
    """Whether days since 1970 are Saturdays or Sundays (UTC)."""
    return (day + 3) % 7 >= 5


def counting(day: Numbers, step: float) -> Numbers:
    """How much of a day days count in their slots."""
    return np.where(rests(day), REST if step < HOURLY else 1.0, 1.0)


def slot_width(step: float) -> int:
    """Seconds of a slot of the day."""
    return int(min(max(step, NARROWEST), DAY))


def slots_of(step: float) -> int:
    return -(-DAY // slot_width(step))


def stretch(step: float) -> int:
    """Rows of a stretch of the past whose extremes are remembered together: two weeks, in coarse rows longer."""
    return max(int(14 * DAY / step), 288)


def gain(rows: Floats, span: float) -> Floats:
    """Weight of the newest of `rows` rows in a mean whose weights fall by 1 - 1/span each row and add up to one from the first row on."""
    return (1 / span) / -np.expm1(rows * np.log1p(-1 / span))


@cache
def early_gains(span: float) -> Floats:
    """The gains of the rows after which they do not change any more."""
    return gain(np.arange(1.0, int(30 * span) + 1), span)


def running_mean(x: Floats, span: float) -> Floats:
    """Exponentially weighted mean up to and with each row. Doubling instead of a loop: after k passes 2^k rows are summed."""
    weight, reach, total = 1 - 1 / span, 1, x.astype(float)
    while reach < len(x) and weight > 1e-12:
        total[reach:] += weight * total[:-reach]  # numpy reads before it writes
        weight, reach = weight * weight, 2 * reach
    early = early_gains(span)[: len(x)]
    total[: len(early)] *= early
    total[len(early) :] /= span
    return total


def shifted(x: Floats, first: float) -> Floats:
    return np.concatenate(([first], x[:-1]))


class Rows:
    """All rows of one series. `left` is what another memory needs to go on after the last row, in the order of the questions asked."""

    def __init__(self, t: Times, step: float | None = None) -> None:
        self.t, self.step = t, step or step_of(t)
        self.left: list[float] = []
        self.learned = np.full(slots_of(self.step), np.nan, np.float32)  # the slots of the day after the last row

    def age(self) -> Floats:
        self.left.append(float(len(self.t)))
        return np.arange(float(len(self.t)))

    def previous(self, x: Floats) -> Floats:
        self.left.append(x[-1])
        return shifted(x, x[0])

    def lowest(self, x: Floats) -> Floats:
        low = np.minimum.accumulate(x)
        self.left.append(low[-1])
        return low

    def mean(self, x: Floats, span: float) -> tuple[Floats, Floats]:
        after = running_mean(x, span)
        self.left.append(after[-1])
        return shifted(after, 0.0), after

    def extremes(self, x: Floats) -> tuple[Floats, Floats]:
        rows = stretch(self.step)
        return self._peaks(x, rows, STRETCHES, -np.inf), -self._peaks(-x, rows, STRETCHES, -np.inf)

    def frozen(self, x: Floats, at: int) -> Floats:
        value = x[min(at, len(x) - 1)]
        self.left.append(value)
        return np.concatenate((x[:at], np.full(max(len(x) - at, 0), value)))

    def running(self, is_so: NDArray[np.bool_]) -> Floats:
        rows = np.arange(len(is_so))
        length = (rows - np.maximum.accumulate(np.where(is_so, -1, rows))).astype(float)
        self.left.append(length[-1])
        return length

    def days_alike(self) -> Floats:
        rest = rests(self.t // DAY)
        self.left.append(float(rest.sum()))
        return np.where(rest, np.cumsum(rest), np.cumsum(~rest)) * (self.step / DAY) - self.step / DAY

    def fading(self, x: Floats, keep: float) -> Floats:
        """In logarithms a fading peak is a running maximum over a slope."""
        slope = -np.log(keep) * np.arange(len(x))
        with np.errstate(divide="ignore"):
            peak = np.exp(np.maximum.accumulate(np.log(x) + slope) - slope)
        self.left.append(peak[-1])
        return peak

    def loudest(self, x: Floats, blocks: int) -> Floats:
        return self._peaks(x, BLOCK, blocks, 0.0)

    def _peaks(self, x: Floats, size: int, blocks: int, empty: float) -> Floats:
        """Highest of the rows before in a row's block of `size` rows, and of so many blocks before it."""
        if len(x) <= size:
            highest = np.maximum.accumulate(x)
            self.left += [highest[-1], *[empty] * blocks]
            return shifted(highest, empty)
        rows = np.concatenate((x, np.full(-len(x) % size, empty))).reshape(-1, size)
        inside = np.maximum.accumulate(rows, axis=1)
        before = np.full(len(rows), empty)
        for back in range(1, min(blocks, len(rows) - 1) + 1):
            np.maximum(before[back:], inside[:-back, -1], out=before[back:])
        self.left += ring(inside[:, -1], blocks + 1, empty)
        inside = np.concatenate((np.full((len(rows), 1), empty), inside[:, :-1]), axis=1)
        return np.maximum(inside, before[:, None]).ravel()[: len(x)]

    def usual(self, x: Floats) -> Floats:
        """Day after day: what the slots were like before it. Days without a row are left out, so a gap of years costs nothing."""
        slots, days = slots_of(self.step), self.t // DAY
        first, day = np.unique(days, return_inverse=True)
        slot = self.t % DAY // slot_width(self.step)
        cell, size = day * slots + slot, len(first) * slots
        totals, rows = np.bincount(cell, x - x[0], size), np.bincount(cell, minlength=size).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (totals / rows).reshape(-1, slots)
        known = np.empty_like(means, dtype=np.float32)
        last, means[-1, slot[-1] :] = cell[-1], np.nan  # the slot of the last row is not over
        learned, moved, total, met = self.learned, np.nan, 0.0, 0
        counts = counting(first, self.step)
        past = np.concatenate(([0.0, 0.0], np.cumsum(counts)))  # days that counted before the day before each
        for number, today in enumerate(means):
            moved = drift(moved, total, met, past[number])
            known[number] = learned
            bound = CLIP * moved if moved > 0 else np.inf
            learned, off = learn(learned, today, bound, past[number + 1], counts[number])
            off = off[off == off]
            total, met = float(off.sum()), len(off)
        self.learned = learned
        self.left += [x[0], last_cell(days[-1], slot[-1], slots), totals[last], rows[last], past[-2], moved, total, met]
        return known.ravel()[cell] + x[0]


def last_cell(day: int, slot: int, slots: int) -> float:
    """A slot of a day as one number."""
    return float(day * slots + slot)


def ring(peaks: Floats, places: int, empty: float) -> list[float]:
    """The newest peaks, each where its block's number puts it."""
    kept, newest = [empty] * places, len(peaks) - 1
    for number in range(max(0, newest - places + 1), newest + 1):
        kept[number % places] = float(peaks[number])
    return kept


def learn(learned: Slots, found: Floats, bound: Numbers, days: Numbers, counts: Numbers) -> tuple[Slots, Floats]:
    """Slots learned on `days` days after a mean was `found` in them (NaN: no row) on a day that `counts` so much of one, which moves them
    by `bound` at most; and how far each was off (NaN: not met, or met for the first time)."""
    off = found - learned
    after = learned + np.minimum(np.maximum(off, -bound), bound) * counts / np.minimum(days + counts, DAYS)
    after = np.where(np.isnan(learned), found, np.where(np.isnan(found), learned, after))
    return after.astype(np.float32), np.abs(off)


def drift(moved: float, total: float, met: float, days: float) -> float:
    """How far slots usually move, after a day (the `days`th, from 0) in which `met` slots were `total` off together. NaN: unknown."""
    if not met:
        return moved
    mean = total / met
    if not moved >= 0:
        return mean
    return moved + (min(mean, 3 * moved if moved > 0 else mean) - moved) / min(max(days, 1), DAYS)
