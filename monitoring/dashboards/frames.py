"""Samples of many series laid over one grid of buckets: what charts and utilisation are computed from. Pure numpy."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from monitoring.store import rates
from monitoring.store.reader import SeriesRef

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Samples = Mapping[int, tuple[Times, Floats]]

STEPS_MS = [s * 1000 for s in (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)]
SILENCE = 3  # this many intervals without a sample are a gap
USUAL_MS = 15_000  # taken as the interval where nothing tells it


@dataclass(frozen=True)
class Grid:
    """`count` buckets of `step` ms from `start`, which is a multiple of the step: a window that slides keeps its buckets."""

    start: int
    step: int
    count: int

    @classmethod
    def over(cls, start_ms: int, end_ms: int, points: int, interval_ms: int = 1000) -> "Grid":
        """About `points` buckets, none shorter than a sample's interval."""
        wanted = max((end_ms - start_ms) / max(points, 1), interval_ms)
        step = next((step for step in STEPS_MS if step >= wanted), STEPS_MS[-1] * int(np.ceil(wanted / STEPS_MS[-1])))
        first = start_ms // step * step
        return cls(first, step, max(1, -(-(end_ms - first) // step)))

    @property
    def seconds(self) -> Floats:
        """The middle of each bucket."""
        return (self.start + self.step * (np.arange(self.count) + 0.5)) / 1000


@dataclass
class Line:
    """One value per bucket, NaN where there is none; low and high of the samples behind it."""

    mean: Floats
    low: Floats
    high: Floats

    def scaled(self, factor: float) -> "Line":
        return Line(self.mean * factor, self.low * factor, self.high * factor)

    @property
    def last(self) -> float | None:
        known = np.flatnonzero(np.isfinite(self.mean))
        return float(self.mean[known[-1]]) if len(known) else None

    @property
    def empty(self) -> bool:
        return not np.isfinite(self.mean).any()


def interval_of(samples: Samples) -> int:
    """The usual time between two samples of the densest series, ms."""
    longest = max((t for t, _ in samples.values()), key=len, default=np.empty(0, np.int64))
    if len(longest) < 3:
        return USUAL_MS
    return max(1000, int(np.median(np.diff(longest))))


def add(lines: Sequence[Line]) -> Line:
    """The sum per bucket of what is known there."""
    parts = [np.vstack([getattr(line, part) for line in lines]) for part in ("mean", "low", "high")]
    known = np.isfinite(parts[0]).any(axis=0)
    return Line(*(np.where(known, np.nansum(part, axis=0), np.nan) for part in parts))


def bucketed(t: Times, v: Floats, grid: Grid, hold: int) -> Line:
    """Mean, lowest and highest value per bucket. A hole of up to `hold` buckets is the pause between two samples, a longer one is a gap."""
    keep = np.isfinite(v) & (t >= grid.start) & (t < grid.start + grid.step * grid.count)
    t, v = t[keep], v[keep]
    nothing = np.full(grid.count, np.nan)
    if not len(t):
        return Line(nothing, nothing, nothing)
    bucket = (t - grid.start) // grid.step
    at = np.flatnonzero(np.diff(bucket, prepend=-1))
    where, count = bucket[at], np.diff(np.append(at, len(t)))
    found = (np.add.reduceat(v, at) / count, np.minimum.reduceat(v, at), np.maximum.reduceat(v, at))
    source = held(where, grid.count, hold)
    return Line(*(np.where(source >= 0, part[source], np.nan) for part in found))


def held(where: npt.NDArray[np.int64], count: int, hold: int) -> npt.NDArray[np.int64]:
    """For each bucket, which of the filled ones (`where`) it shows; -1 for none."""
    buckets = np.arange(count)
    source = np.searchsorted(where, buckets, side="right") - 1
    following = np.append(where, count + hold + 1)[np.clip(source + 1, 0, len(where))]
    age = buckets - where[np.clip(source, 0, None)]
    bridged = (age == 0) | (following - where[np.clip(source, 0, None)] - 1 <= hold)
    return np.where((source >= 0) & bridged, source, -1)


def rate(t: Times, v: Floats, silence_ms: int) -> tuple[Times, Floats]:
    """Per-second rate between neighbouring samples of a counter, at the later one's time. No rate over a gap."""
    if len(t) < 2:
        return t[:0], v[:0]
    passed = np.diff(t)
    fine = (passed > 0) & (passed <= silence_ms)
    return t[1:][fine], rates.increase(t, v)[1:][fine] / (passed[fine] / 1000)


class Frames:
    """Lines of a resource's metrics, each read once."""

    def __init__(self, refs: Sequence[SeriesRef], samples: Samples, grid: Grid, interval_ms: int | None = None) -> None:
        self.refs, self.samples, self.grid = refs, samples, grid
        self.interval = interval_ms or interval_of(samples)
        self.hold = max(0, int(np.ceil(self.interval * SILENCE / grid.step)) - 1)

    @cached_property
    def by_metric(self) -> dict[str, list[SeriesRef]]:
        found: dict[str, list[SeriesRef]] = {}
        for ref in self.refs:
            found.setdefault(ref.metric, []).append(ref)
        return found

    def of(self, refs: Sequence[SeriesRef]) -> Self:
        """The same samples on the same grid, of these series only."""
        part = copy(self)
        part.refs = refs
        part.__dict__.pop("by_metric", None)
        return part

    def has(self, metric: str) -> bool:
        return metric in self.by_metric

    def gauge(self, metric: str, *by: str, **only: str) -> dict[str, Line]:
        """{label values joined: line}; series that agree in `by` are added up. Without `by` there is one line, named ""."""
        return self._grouped(metric, by, only, counter=False)

    def counter(self, metric: str, *by: str, **only: str) -> dict[str, Line]:
        """As gauge, of the per-second rates."""
        return self._grouped(metric, by, only, counter=True)

    def one(self, metric: str) -> Line | None:
        return self.gauge(metric).get("")

    def _grouped(self, metric: str, by: tuple[str, ...], only: dict[str, str], counter: bool) -> dict[str, Line]:
        groups: dict[str, list[tuple[Times, Floats]]] = {}
        for name, ref in self.named(metric, by, only):
            t, v = self.samples[ref.id]
            groups.setdefault(name, []).append(rate(t, v, self.interval * SILENCE) if counter else (t, v))
        return {name: self._sum(parts) for name, parts in groups.items()}

    def named(self, metric: str, by: tuple[str, ...], only: dict[str, str]) -> Iterator[tuple[str, SeriesRef]]:
        """Series with samples and the name of the group each belongs to."""
        for ref in self.by_metric.get(metric, ()):
            if ref.id in self.samples and all(ref.labels.get(name) == value for name, value in only.items()):
                yield " ".join(filter(None, (ref.labels.get(name, "") for name in by))), ref

    def _sum(self, parts: list[tuple[Times, Floats]]) -> Line:
        """Series sampled at the same moments are added before they are put into buckets, so that peaks of the sum stay peaks."""
        times = parts[0][0]
        if all(len(t) == len(times) and np.array_equal(t, times) for t, _ in parts[1:]):
            return bucketed(times, np.sum([v for _, v in parts], axis=0), self.grid, self.hold)
        return add([bucketed(t, v, self.grid, self.hold) for t, v in parts])
