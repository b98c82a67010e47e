"""Scores a detector's graded score and its alarms: python -m bench.quality.tsad [--score forecasting.detect:score] [--alarm …] [--nab]

On the Microsoft Cloud Monitoring Dataset (first half of each series), with --nab on the Numenta Anomaly Benchmark; causality is checked
on prefixes, nothing is point-adjusted. Figures are means over the series that have labelled events after the warm-up.
VUS-PR: volume under the range precision-recall surface of the graded score (Paparrizos et al. 2022, TSB-AD): the labels get sloping
buffers of 0..L rows and the average precision is averaged over them; L = rows per day, at most 100.
F1 own: event F1 of the alarms at the best threshold of each series. An event counts when an alarm falls between its start and 10 minutes
later (one row at least; NAB: anywhere in it). Rows above the threshold outside events, at most 10 minutes apart, are one false alarm,
and one more for every full hour of firing. F1 one: the same at one threshold for all series. Recall: the share of events found at the
threshold that gives at most one false alarm a day. Every second series is half A, the others half B.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bench.quality.labelled import Labelled, difference_z, mscloud, nab, named, run, segments

THRESHOLDS = 250
DELAY = 10  # minutes after its start in which an event must be found
DIFFERENCE_Z = f"{difference_z.__module__}:{difference_z.__name__}"


def vus_pr(label: np.ndarray, score: np.ndarray, widest: int) -> float:
    """Mean over the widths of the buffer of the range average precision."""
    cuts = -np.sort(-score)[np.linspace(0, len(label) - 1, THRESHOLDS).astype(int)]
    bins = np.searchsorted(-cuts, -score)  # the threshold at which a row fires
    return float(np.mean([range_precision(label, bins, width) for width in range(widest + 1)]))


def fired(bins: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """[thresholds]: how many rows fire, or their weight."""
    return np.cumsum(np.bincount(bins, weights, minlength=THRESHOLDS + 1)[:THRESHOLDS]).astype(float)


def range_precision(label: np.ndarray, bins: np.ndarray, width: int) -> float:
    events, half = segments(label), width // 2
    hit, soft = fired(bins[label == 1]), np.zeros(THRESHOLDS)
    if half:
        rows, weight = buffers(label, events, half, width)
        soft = fired(bins[rows], weight)
    earliest = np.array([bins[first : last + 1].min() for first, last in joined(events, half, len(label))])
    seen = fired(earliest) / len(earliest)
    recall = np.minimum((hit + soft) / (label.sum() + soft / 2), 1) * seen
    return float(np.dot(np.diff(recall, prepend=0.0), (hit + soft) / np.maximum(fired(bins), 1)))


def buffers(label: np.ndarray, events: list[tuple[int, int]], half: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows beside events, and what they count there; where buffers meet they add up to one at most."""
    rows, weight = [], []
    for first, last in events:
        after, before = np.arange(last + 1, min(last + half + 1, len(label))), np.arange(max(first - half, 0), first)
        rows += [after, before]
        weight += [np.sqrt(1 - (after - last) / width), np.sqrt(1 - (first - before) / width)]
    kept, place = np.unique(np.concatenate(rows), return_inverse=True)
    total, free = np.minimum(1, np.bincount(place, np.concatenate(weight))), label[kept] == 0
    return kept[free], total[free]


def joined(events: list[tuple[int, int]], half: int, rows: int) -> Iterator[tuple[int, int]]:
    """Events with their buffers; those that meet are one."""
    first = max(events[0][0] - half, 0)
    for (_, last), following in zip(events, [*events[1:], None], strict=True):
        if following is None:
            yield first, min(last + half, rows - 1)
        elif last + half < following[0] - half:
            yield first, last + half
            first = following[0] - half


class Events:
    """Found events and false alarms of one series at any threshold."""

    def __init__(self, series: Labelled, score: np.ndarray) -> None:
        label, self.score = series.label[series.probation :], score[series.probation :]
        self.hour, self.gap = (max(1, round(seconds / series.step)) for seconds in (3600, 600))
        reach = len(label) if series.whole else max(1, round(60 * DELAY / series.step))
        self.peaks = np.array([self.score[first : min(last, first + reach) + 1].max() for first, last in segments(label)])
        self.calm, self.days = label == 0, len(label) * series.step / 86_400
        grid = np.unique(np.quantile(self.score, 1 - np.logspace(-5, -1, 60)))
        self.grid = grid[grid > self.score.min()]

    def at(self, cut: float) -> tuple[int, int]:
        """Events found, false alarms."""
        rows = np.flatnonzero((self.score >= cut) & self.calm)
        false = int(len(rows) > 0) + int((np.diff(rows) > self.gap).sum()) + len(rows) // self.hour
        return int((self.peaks >= cut).sum()), false

    def f1(self, cut: float) -> float:
        found, false = self.at(cut)
        return 2 * found / max(1, found + false + len(self.peaks))

    def best(self) -> float:
        return max(map(self.f1, self.grid), default=0.0)

    def recall(self) -> float:
        """At one false alarm a day at most."""
        found = (hits / len(self.peaks) for hits, false in map(self.at, self.grid) if false <= self.days)
        return max(found, default=0.0)


def one_threshold(events: Sequence[Events]) -> tuple[float, float]:
    """Best mean F1 with one threshold for all, and that threshold."""
    cuts = np.unique(np.quantile(np.concatenate([each.score for each in events]), 1 - np.logspace(-5, -0.5, 120)))
    return max(((float(np.mean([each.f1(cut) for each in events])), float(cut)) for cut in cuts if cut > 0), default=(0.0, 1.0))


class Figures(NamedTuple):
    series: int
    vus_pr: float
    own: float
    one: float
    recall: float
    threshold: float  # of `one`


def mean(vus: Sequence[float], events: Sequence[Events]) -> Figures:
    one, cut = one_threshold(events)
    own, recall = np.mean([each.best() for each in events]), np.mean([each.recall() for each in events])
    return Figures(len(events), float(np.mean(vus)), float(own), one, float(recall), cut)


class Result(NamedTuple):
    whole: Figures
    halves: tuple[Figures, Figures]
    points_per_cpu_second: float  # of the graded score


def score(graded: str, alarm: str, series: Sequence[Labelled], causal: bool = True) -> Result:
    vus, events, spent, points = [], [], 0.0, 0
    for each in series:
        scores, seconds = run(named(graded), each, causal)
        alarms, _ = run(named(alarm), each, causal)
        spent, points = spent + seconds, points + len(scores)
        label = each.label[each.probation :]
        if label.any():
            vus.append(vus_pr(label, scores[each.probation :], min(100, round(86_400 / each.step))))
            events.append(Events(each, alarms))
    halves = mean(vus[::2], events[::2]), mean(vus[1::2], events[1::2])
    return Result(mean(vus, events), halves, points / max(spent, 1e-9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--score", default="forecasting.detect:score", metavar="package.module:function")
    parser.add_argument("--alarm", default="forecasting.detect:alarm", metavar="package.module:function")
    parser.add_argument("--nab", action="store_true")
    asked = parser.parse_args()
    print(" " * 44 + "series  VUS-PR  F1 own  F1 one  recall  threshold")
    for graded, alarm in ((asked.score, asked.alarm), (DIFFERENCE_Z, DIFFERENCE_Z)):
        found = score(graded, alarm, nab() if asked.nab else mscloud())
        for name, part in zip((graded, "  half A", "  half B"), (found.whole, *found.halves), strict=True):
            print(f"{name:44s}{part.series:6d}{part.vus_pr:8.3f}{part.own:8.3f}{part.one:8.3f}{part.recall:8.3f}{part.threshold:11.4f}")
        print(f"  {found.points_per_cpu_second:,.0f} points per CPU second")


if __name__ == "__main__":
    main()
