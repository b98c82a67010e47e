"""From raw samples to a regular grid, or one plain sentence why not. Nothing is invented: what cannot be filled is left out or refused."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

DAY = 86_400  # seconds
MOST_MISSING = 0.3  # of the grid
HUGE_GAP = 2 * DAY  # what lies before one is left out
CHANGED = 1.5  # times the step
FARTHEST_SECOND = 2.0**53
FEWEST = 12  # rows of any series


class Unpredictable(ValueError):
    """There is no honest answer. The message is one sentence for people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Regular:
    """A series on a regular grid, oldest first, no NaN."""

    times: NDArray[np.datetime64]  # datetime64[s]
    values: Floats
    step: int  # seconds
    notes: list[str] = field(default_factory=list)  # what was done to it, one sentence each

    @property
    def day(self) -> int:
        """Rows of a day; for steps of a day and more, of a week; never less than one."""
        return max(1, round((DAY if self.step <= DAY / 2 else 7 * DAY) / self.step))

    def until(self, rows: int) -> "Regular":
        return Regular(self.times[:rows], self.values[:rows], self.step, self.notes)

    def latest(self, rows: int) -> "Regular":
        return Regular(self.times[-rows:], self.values[-rows:], self.step, self.notes)


def regular(timestamps: ArrayLike, values: ArrayLike, counter: bool = False) -> Regular:
    """The series on its own grid. timestamps: datetime64 or epoch seconds, any order; values: NaN = missing.

    counter: the values only grow and start anew at times; the resets are taken out. Raises Unpredictable.
    """
    seconds, y = finite(timestamps, values)
    notes: list[str] = []
    seconds, y = since_change(seconds, y, notes)
    seconds, y = since_gap(seconds, y, notes)
    if counter:
        y = without_resets(y, notes)
    step = usual_step(seconds)
    grid = gridded(seconds, y, step, notes)
    times = (seconds[0] + step * np.arange(len(grid))).astype("datetime64[s]")
    return Regular(times, grid, step, notes)


def finite(timestamps: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    """Sorted, the last of each time, no NaN or infinity. Raises Unpredictable when little is left."""
    y = np.asarray(values, np.float64)
    stamps = np.asarray(timestamps)
    if stamps.ndim != 1 or stamps.shape != y.shape:
        raise Unpredictable("There must be one value for each time.")
    seconds = epoch(stamps)
    if len(y) and not np.isfinite(y).any():
        raise Unpredictable("There are only gaps: not one value in the time looked at.")
    kept = np.isfinite(y) & (seconds > np.iinfo(np.int64).min)  # NaT is the smallest integer
    order = np.argsort(seconds[kept], kind="stable")
    seconds, y = seconds[kept][order], y[kept][order]
    last = np.append(np.diff(seconds) > 0, True)[: len(y)]
    seconds, y = seconds[last], y[last]
    if len(y) < FEWEST:
        raise Unpredictable(f"There is too little history: {count(len(y))}, at least {FEWEST} are needed.")
    return seconds, y


def epoch(stamps: np.ndarray) -> NDArray[np.int64]:
    """Seconds since 1970; the smallest integer, as which NaT reads, for what is no time."""
    if stamps.dtype.kind == "M":
        return stamps.astype("datetime64[s]").astype(np.int64)
    seconds = stamps.astype(np.float64)
    known = np.abs(seconds) < FARTHEST_SECOND  # False for NaN
    return np.where(known, np.round(np.where(known, seconds, 0.0)), np.iinfo(np.int64).min).astype(np.int64)


def usual_step(seconds: NDArray[np.int64]) -> int:
    return max(1, int(np.median(np.diff(seconds))))


def since_change(seconds: NDArray[np.int64], y: Floats, notes: list[str]) -> tuple[NDArray[np.int64], Floats]:
    """The part since the resolution changed for the last time. Raises Unpredictable when that is too short."""
    apart = np.diff(seconds)
    now = float(np.median(apart[-FEWEST:]))
    near = (apart < now * CHANGED) & (apart > now / CHANGED)
    share = np.convolve(near, np.ones(FEWEST) / FEWEST, "valid")  # of the next dozen steps
    other = np.flatnonzero(share < 0.5)
    if not len(other):
        return seconds, y
    window = apart[other[-1] : other[-1] + FEWEST]
    before = float(np.median(apart[max(0, other[-1] - FEWEST) : other[-1] + 1]))
    if now / CHANGED < before < now * CHANGED or max(window) > HUGE_GAP:
        return seconds, y  # a few missing rows, no other resolution
    off = ~near[: other[-1] + FEWEST]
    start = int(np.flatnonzero(off)[-1]) + 1
    told = f"The resolution changed from {span(before)} to {span(now)} on {day_of(seconds[start])}"
    if len(y) - start < 4 * FEWEST:
        raise Unpredictable(f"{told}, and there is too little history since then.")
    notes.append(f"{told}; what came before is not used.")
    return seconds[start:], y[start:]


def since_gap(seconds: NDArray[np.int64], y: Floats, notes: list[str]) -> tuple[NDArray[np.int64], Floats]:
    """The part since the last huge gap. Raises Unpredictable when that is too short."""
    apart = np.diff(seconds)
    huge = np.flatnonzero(apart > max(HUGE_GAP, 10 * usual_step(seconds)))
    if not len(huge):
        return seconds, y
    start = int(huge[-1]) + 1
    told = f"There is a gap of {span(float(apart[huge[-1]]))} before {day_of(seconds[start])}"
    if len(y) - start < 4 * FEWEST:
        raise Unpredictable(f"{told}, and there is too little history since then.")
    notes.append(f"{told}; what came before is not used.")
    return seconds[start:], y[start:]


def without_resets(y: Floats, notes: list[str]) -> Floats:
    """A counter that goes on where it started anew: after a fall it is taken to have counted from zero."""
    falls = np.diff(y, prepend=y[0]) < 0
    if falls.any():
        notes.append(f"The counter started anew {falls.sum()} times; it is read as if it had gone on.")
    return y + np.cumsum(np.where(falls, np.roll(y, 1), 0.0))


def gridded(seconds: NDArray[np.int64], y: Floats, step: int, notes: list[str]) -> Floats:
    """One value per step: the mean of the rows that fall into it, straight lines over what is missing."""
    place = np.round((seconds - seconds[0]) / step).astype(np.int64)
    rows = int(place[-1]) + 1
    if rows > 50 * len(y):
        raise Unpredictable("The values are too far apart to have a common step.")
    held = np.bincount(place, minlength=rows)
    missing = float(np.mean(held == 0))
    if missing > MOST_MISSING:
        raise Unpredictable(f"{missing:.0%} of the values are missing.")
    if missing:
        notes.append(f"{missing:.1%} of the values were missing and are bridged by straight lines.")
    at = np.flatnonzero(held)
    return np.interp(np.arange(rows), at, np.bincount(place, y, minlength=rows)[at] / held[at])


def moving(series: Regular) -> Regular:
    """The series itself. Raises Unpredictable when it never changes."""
    if np.ptp(series.values) <= 1e-12 * max(1e-300, float(np.abs(series.values).max())):
        raise Unpredictable(f"The series is constant: it has been {series.values[-1]:.4g} all the time.")
    return series


def long_enough(series: Regular, rows: int) -> Regular:
    """The series itself. Raises Unpredictable when it has fewer rows."""
    if len(series.values) < rows:
        has, needs = span(len(series.values) * series.step), span(rows * series.step)
        raise Unpredictable(f"There is too little history: {has}, at least {needs} are needed.")
    return series


def count(values: int) -> str:
    return "no values" if not values else "one value" if values == 1 else f"{values} values"


def span(seconds: float) -> str:
    """'5 min', '36 h', '12 days'."""
    for unit, size in (("days", DAY), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (size < DAY and seconds >= size):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def day_of(seconds: int) -> str:
    return f"{datetime.fromtimestamp(int(seconds), UTC):%-d %B %Y}"
