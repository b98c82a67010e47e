"""Scores a detector on the Numenta Anomaly Benchmark: python -m bench.quality.nab [forecasting.detect:alarm …] [--threshold X] [--each]

58 series, 116 labelled windows; the rules of Lavin and Ahmad 2015, "Evaluating real-time anomaly detection algorithms". The first 15 %
of the rows of a file, at most 750, are not scored. A window earns, once, the gain of its earliest alarm: 1 at its left edge, falling
along a sigmoid to 0 at its right edge; a missed one costs the weight `missed`. Every alarm row outside costs up to the weight `false`,
less when it closely follows a window. One threshold serves all files: the best of all, as in every published figure, or --threshold. 100
is perfect, 0 is no alarm at all. Causality is checked on prefixes. Every second file is half A, the others half B; "carried" is each
half at the threshold that was best on the other.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bench.quality.labelled import Labelled, difference_z, nab, named, run

STEEP = 2.5  # of the sigmoid, written as a hyperbolic tangent
FAR = 3  # widths behind a window where a false alarm costs all


class Profile(NamedTuple):
    name: str
    false: float  # weight of a false alarm row
    missed: float  # weight of a missed window; a found one weighs 1


STANDARD, LOW_FP, LOW_FN = PROFILES = (Profile("standard", 0.11, 1), Profile("low FP", 0.22, 1), Profile("low FN", 0.11, 2))


class Row(NamedTuple):
    """Of one file, every row."""

    window: np.ndarray  # its number; -1 outside, -2 not scored
    gain: np.ndarray  # of an alarm inside
    cost: np.ndarray  # 0..1, of one outside


def valued(series: Labelled) -> Row:
    rows = len(series.values)
    window, gain, cost = np.full(rows, -1), np.zeros(rows), np.ones(rows)
    for number, (first, last) in enumerate(series.windows):
        width = last - first + 1
        window[first : last + 1] = number
        gain[first : last + 1] = np.tanh(STEEP * np.arange(width, 0, -1) / width) / np.tanh(STEEP)
        behind = np.arange(1, rows - last) / max(width - 1, 1)
        cost[last + 1 :] = np.where(behind > FAR, 1.0, np.tanh(STEEP * behind))
    window[: series.probation] = -2
    return Row(window, gain, cost)


def steps(row: Row, scores: np.ndarray) -> Iterator[np.ndarray]:
    """[4, rows]: score, cost, gain and windows found that a threshold brings when it sinks to this score."""
    out = row.window == -1
    nothing = np.zeros(int(out.sum()))
    yield np.array([scores[out], row.cost[out], nothing, nothing])
    for number in np.unique(row.window[row.window >= 0]):
        rows = np.flatnonzero(row.window == number)
        rows = rows[np.argsort(-scores[rows], kind="stable")]
        best = np.maximum.accumulate(row.gain[rows])
        yield np.array([scores[rows], np.zeros(len(rows)), np.diff(best, prepend=0.0), np.eye(1, len(rows))[0]])


class Sweep:
    """All rows of some files in order of score: then any threshold of any profile is a look-up."""

    def __init__(self, series: Sequence[Labelled], scores: Sequence[np.ndarray]) -> None:
        table = np.concatenate([part for each, mine in zip(series, scores, strict=True) for part in steps(valued(each), mine)], axis=1)
        table = table[:, np.argsort(-table[0], kind="stable")]
        last = np.flatnonzero(np.r_[np.diff(table[0]) != 0, True])  # equal scores alarm together
        self.windows = int(table[3].sum())
        self.thresholds = np.r_[np.inf, table[0][last]]
        self.cost, self.gain, self.found = (np.r_[0.0, np.cumsum(column)[last]] for column in table[1:])

    def at(self, profile: Profile, threshold: float | None = None) -> tuple[float, float]:
        """Score and threshold; without a threshold the best."""
        value = self.gain - profile.false * self.cost - profile.missed * (self.windows - self.found)
        place = int(np.argmax(value)) if threshold is None else int((self.thresholds >= threshold).sum()) - 1
        none = -profile.missed * self.windows
        return 100 * float(value[place] - none) / max(self.windows - none, 1e-12), float(self.thresholds[place])


class Figures(NamedTuple):
    scores: tuple[float, ...]  # per profile
    threshold: float  # of the standard profile
    halves: tuple[float, float]
    carried: tuple[float, float]
    points_per_cpu_second: float


def score(path: str, threshold: float | None = None, causal: bool = True) -> Figures:
    series = nab()
    found, spent = zip(*(run(named(path), each, causal) for each in series), strict=True)
    whole, first, second = (Sweep(series[part], found[part]) for part in (slice(None), slice(0, None, 2), slice(1, None, 2)))
    (a, cut_a), (b, cut_b) = first.at(STANDARD, threshold), second.at(STANDARD, threshold)
    carried = first.at(STANDARD, cut_b)[0], second.at(STANDARD, cut_a)[0]
    reached = tuple(whole.at(profile, threshold)[0] for profile in PROFILES)
    points = sum(len(each.values) for each in series) / max(sum(spent), 1e-9)
    return Figures(reached, whole.at(STANDARD, threshold)[1], (a, b), carried, points)


def each_file(path: str, threshold: float) -> Iterator[str]:
    for series in nab():
        scores, row = run(named(path), series, False)[0], valued(series)
        alarm = scores >= threshold
        found = len(set(row.window[alarm & (row.window >= 0)].tolist()))
        yield f"{series.name:62s} {found:3d} of {len(series.windows):2d}, false rows {int((alarm & (row.window == -1)).sum()):4d}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectors", nargs="*", metavar="package.module:function")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--each", action="store_true", help="what is found of each file")
    asked = parser.parse_args()
    names = asked.detectors or ["forecasting.detect:alarm", f"{difference_z.__module__}:{difference_z.__name__}"]
    print(" " * 40 + "standard   low FP   low FN   threshold    half A  half B   carried A, B    points / CPU s")
    for path in names:
        found = score(path, asked.threshold)
        standard, low_fp, low_fn = found.scores
        print(
            f"{path:40s}{standard:8.2f} {low_fp:8.2f} {low_fn:8.2f}   {found.threshold:9.4f}  {found.halves[0]:8.1f}{found.halves[1]:8.1f}"
            f"   {found.carried[0]:6.1f}{found.carried[1]:6.1f}   {found.points_per_cpu_second:12,.0f}"
        )
        for line in each_file(path, found.threshold) if asked.each else ():
            print(line)


if __name__ == "__main__":
    main()
