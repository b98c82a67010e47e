"""How far each series left its past within the window, up and down, and since when.

All series at once, one row each. A series' past is its samples before the window; its usual level is their median, its usual spread what
its running means did there (so noise that lasts, daily load and heavy tails are part of the past). The window's largest running mean is
measured in that spread. Where there is no past, the window's first third stands for it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genai.rca.reading import Floats, Ints, Track, Window

MOST_INSIDE, MOST_PAST, BLOCK = 240, 480, 200
FEWEST_PAST, FEWEST_TO_GUARD, FEWEST_TO_SMOOTH = 4, 24, 8
MOST_RESETS = 0.02  # of a counter's steps
LONGEST_MEAN = 10  # samples of a running mean
FEW = 2.5  # a spread told from n samples is widened by 1 + FEW / n
LARGEST = 100.0  # spreads
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
NORMAL = (1.645, 1.349, 2.326)  # of a normal distribution: 5 % to the middle, quarter to quarter, the middle to 99 %
CLEAR = 5.0  # spreads from which on a departure has begun


class Side(NamedTuple):
    """One direction, a row for each series."""

    spreads: Floats  # ≥ 0
    change: Floats  # ≥ 0, in the series' own unit
    onset: Floats  # seconds; NaN where nothing left


class Departures(NamedTuple):
    up: Side
    down: Side
    usual: Floats


class Split(NamedTuple):
    past: Floats
    inside: Floats
    times: Floats


class Least(NamedTuple):
    """The smallest spread of each series that means something: in its unit, and as a share of its usual level."""

    units: Floats
    shares: Floats


def departures(tracks: list[Track], window: Window, least: Least) -> Departures:
    found = np.full((7, len(tracks)), np.nan)
    for begin in range(0, len(tracks), BLOCK):
        rows = slice(begin, begin + BLOCK)
        found[:, rows] = of_block([split(track, window) for track in tracks[rows]], Least(least.units[rows], least.shares[rows]))
    return Departures(Side(*found[0:3]), Side(*found[3:6]), found[6])


def of_block(splits: list[Split], least: Least) -> Floats:
    """As `compared`; of a few series at a time, whose matrices stay in the processor's cache."""
    past = packed([part.past for part in splits], right=True, most=MOST_PAST)
    inside, times = packed([part.inside for part in splits]), packed([part.times for part in splits])
    past, inside = without_spikes(past, inside)
    widths = np.clip(np.isfinite(inside).sum(axis=1) // 6, 1, LONGEST_MEAN)
    found = np.full((7, len(splits)), np.nan)
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        found[:, rows] = compared(past[rows], inside[rows], times[rows], int(width), Least(least.units[rows], least.shares[rows]))
    return found


def split(track: Track, window: Window) -> Split:
    """Past and window of a series, counters as rates, at most MOST_INSIDE samples within."""
    t, y = rates(track.times, track.values)
    begin, end = np.searchsorted(t, window.start, "left"), np.searchsorted(t, window.end, "right")
    thin = -(-int(end - begin) // MOST_INSIDE) or 1
    past, inside, times = y[max(0, begin - MOST_PAST * thin) : begin], y[begin:end], t[begin:end]
    if thin > 1:
        past, inside, times = thinned(past[len(past) % thin :], thin), thinned(inside, thin), times[: len(inside) // thin * thin : thin]
    thin_times = t[max(0, begin - MOST_PAST * thin) : begin]
    guard = min(len(inside) // 4, len(past) // 4)  # an alert comes after what it tells of
    if guard and len(past) - guard >= FEWEST_TO_GUARD:
        times = np.concatenate([thin_times[len(thin_times) % thin :: thin][-guard:], times])
        past, inside = past[:-guard], np.concatenate([past[-guard:], inside])
    if len(past) < FEWEST_PAST:
        borrowed = max(3, len(inside) // 3) if len(inside) >= 5 else 0
        past, inside, times = np.concatenate([past, inside[:borrowed]]), inside[borrowed:], times[borrowed:]
    return Split(past, inside, times)


def thinned(values: Floats, thin: int) -> Floats:
    means: Floats = values[: len(values) // thin * thin].reshape(-1, thin).mean(axis=1)
    return means


def rates(t: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A series that only grows, but for starting anew, as what it grows by in a second."""
    if len(y) < 12 or y[0] < 0 or y[-1] == y[0] or np.count_nonzero(y[1:13] < y[:12][: len(y) - 1]) > 1:
        return t, y
    steps = y[1:] - y[:-1]
    half = max(8, len(steps) // 2)
    falls = steps < 0
    most = 0.02
    if (
        np.count_nonzero(falls) > most * len(steps)
        or np.count_nonzero(falls[:half]) > most * half
        or np.count_nonzero(steps[:half] > 0) < 3
    ):
        return t, y
    spans = t[1:] - t[:-1]
    usable = (spans > 0) & (steps >= 0)
    return t[1:][usable], steps[usable] / spans[usable]


def packed(rows: list[Floats], right: bool = False, most: int = MOST_INSIDE * 5 // 4 + 1) -> Floats:
    """Rows of different lengths as one matrix, NaN where there is nothing."""
    width = min(most, max((len(row) for row in rows), default=0))
    matrix = np.full((len(rows), max(1, width)), np.nan)
    for number, row in enumerate(rows):
        row = row[-width:] if right and width else row[:width]
        if right:
            matrix[number, matrix.shape[1] - len(row) :] = row
        else:
            matrix[number, : len(row)] = row
    return matrix


def without_spikes(past: Floats, inside: Floats) -> tuple[Floats, Floats]:
    """Each value as the median of itself and its neighbours: what is gone by the next sample is no departure. Not where nothing is usual,
    as with counts of errors, nor of a few samples."""
    whole = np.hstack([past, inside])  # without a gap between the two
    before, at, after = whole[:, :-2], whole[:, 1:-1], whole[:, 2:]
    middle = np.full_like(whole, np.nan)
    middle[:, 1:-1] = np.maximum(np.minimum(before, at), np.minimum(np.maximum(before, at), after))
    known = np.isfinite(whole)
    for ahead in (1, -1):  # the first and the last have one neighbour: as that one
        middle = np.where(known & np.isnan(middle), np.roll(middle, ahead, axis=1), middle)
    samples = known.sum(axis=1)
    smooth = (samples >= FEWEST_TO_SMOOTH) & ((known & (whole != 0)).sum(axis=1) >= 0.7 * samples)
    whole = np.where(smooth[:, None] & np.isfinite(middle), middle, whole)
    return whole[:, : past.shape[1]], whole[:, past.shape[1] :]


def compared(past: Floats, inside: Floats, times: Floats, width: int, floor: Least) -> Floats:
    """[7, series]: spreads, change and onset up, the same down, then the past's median."""
    before, after = running(past, width), running(inside, width)
    smooth = np.isfinite(before).sum(axis=1) >= 2 * FEWEST_PAST
    before = np.where(smooth[:, None], padded(before, past.shape[1]), past)
    counts = np.isfinite(before).sum(axis=1)
    low, lower, middle, upper, high, highest = quantiles(before, counts)
    lowest = -quantile(np.sort(-before, axis=1), counts, QUANTILES[-1])
    least = np.maximum(floor.units, floor.shares * np.abs(middle)) + 1e-12
    core = 0.7 * (upper - lower) / NORMAL[1]
    widened = 1 + FEW / np.maximum(np.isfinite(past).sum(axis=1), 1)
    over = np.maximum.reduce([(high - middle) / NORMAL[0], (highest - middle) / NORMAL[2], core]) * widened + least
    under = np.maximum.reduce([(middle - low) / NORMAL[0], (middle - lowest) / NORMAL[2], core]) * widened + least
    drifted = trend(before, counts, middle, np.maximum(over, under), np.isfinite(inside).sum(axis=1))
    up = farthest(after - np.maximum(middle, drifted)[:, None], over, width, times)
    down = farthest(np.minimum(middle, drifted)[:, None] - after, under, width, times)
    return np.vstack([up, down, middle])


def running(values: Floats, width: int) -> Floats:
    """Means of `width` neighbours, NaN where one of them is missing."""
    if width == 1:
        return values
    if values.shape[1] < width:
        return np.full((len(values), 1), np.nan)
    level = np.where(np.isfinite(values), values, -np.inf).max(axis=1)
    level = np.where(np.isfinite(level), level, 0.0)[:, None]  # smaller sums lose less
    sums = np.cumsum(np.pad(np.nan_to_num(values - level), ((0, 0), (1, 0))), axis=1)
    means = (sums[:, width:] - sums[:, :-width]) / width + level
    gaps = np.isnan(values[:, width - 1 :]) | np.isnan(values[:, : values.shape[1] - width + 1])
    return np.where(gaps, np.nan, means)


def padded(values: Floats, width: int) -> Floats:
    """The last `width` columns, filled up with NaN on the left."""
    cut = values[:, -width:]
    return np.pad(cut, ((0, 0), (width - cut.shape[1], 0)), constant_values=np.nan)


def quantiles(values: Floats, counts: Ints) -> list[Floats]:
    ordered = np.sort(values, axis=1)  # NaN last
    return [quantile(ordered, counts, share) for share in QUANTILES]


def quantile(ordered: Floats, counts: Ints, share: float) -> Floats:
    place = share * np.maximum(counts - 1, 0)
    below = place.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(counts - 1, 0))
    rows = np.arange(len(ordered))
    left, right = ordered[rows, below], ordered[rows, above]
    found: Floats = left + (right - left) * (place - below)
    return found


def trend(before: Floats, counts: Ints, middle: Floats, spread: Floats, ahead: Ints) -> Floats:
    """The level that a drifting past would have at the window's middle; the median where it does not drift."""
    third = before.shape[1] // 3
    if third < 6:
        return middle
    known = counts >= 0.9 * before.shape[1]
    first, last = mean(before[:, :third]), mean(before[:, -third:])
    drift = last - first
    drifting = known & (np.abs(drift) > spread)
    return np.where(drifting, last + drift * (third / 2 + ahead / 2) / (2 * third), middle)


def mean(values: Floats) -> Floats:
    found: Floats = np.nan_to_num(values).sum(axis=1) / np.maximum(np.isfinite(values).sum(axis=1), 1)
    return found


def farthest(above: Floats, spread: Floats, width: int, times: Floats) -> Floats:
    """[3, series]: the largest departure in spreads (≥ 0) and in the series' unit, and when it began."""
    scaled = np.where(np.isfinite(above), above, -np.inf) / spread[:, None]
    rows = np.arange(len(above))
    if not above.shape[1]:
        return np.vstack([np.zeros((2, len(rows))), np.full((1, len(rows)), np.nan)])
    at = scaled.argmax(axis=1)
    peak = np.maximum(scaled[rows, at], 0.0)
    begun = scaled >= np.minimum(0.5 * peak, CLEAR)[:, None]
    first = begun.argmax(axis=1) + width // 2
    onset = times[rows, np.minimum(first, times.shape[1] - 1)]
    left = peak >= 1.0
    return np.vstack([np.minimum(peak, LARGEST), peak * spread, np.where(left, onset, np.nan)])


def finite_or(values: Floats, instead: float) -> Floats:
    return np.where(np.isfinite(values), values, instead)


def leaves(spreads: Floats, enough: float, steepness: float) -> NDArray[np.float64]:
    """From spreads to how sure it is that a series left its past, 0-1."""
    with np.errstate(divide="ignore"):
        return 1 / (1 + np.exp(-steepness * (np.log(np.maximum(finite_or(spreads, 0.0), 1e-9)) - np.log(enough))))
