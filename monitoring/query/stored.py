"""Queries over the metric store. Other rooms call `run_instant` and `run_range`."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from django.conf import settings

from monitoring.query import engine, evaluate
from monitoring.query.errors import QueryCanceled, QueryTimeout, TooManySamples
from monitoring.query.evaluate import LOOKBACK, Limits
from monitoring.query.source import Matcher, SeriesData
from monitoring.query.values import Matrix, Value
from monitoring.store import matching, reader, retention
from monitoring.store.batch import Times, Values
from monitoring.store.labels import Selection
from monitoring.store.windows import DAY, ROLLUP, floor, now_ms

USUAL_INTERVAL = 15_000  # ms; guesses how many samples a series has
PORTION = 2_000_000  # samples read at once, about: between portions a query can be stopped
FEWEST = 16  # series
ALWAYS = 0  # ms: raw samples reach as far back as is asked for
_Samples = dict[int, tuple[Times, Values]]


def limits() -> Limits:
    """What the settings allow one query."""
    return Limits(seconds=settings.QUERY_SECONDS, samples=settings.QUERY_SAMPLES)


class StoredSource:
    """The series of the store, for one query: reading stops where the query's limits are reached.

    Older than a series' raw samples there are its 5-minute rollups: each is one sample, the bucket's last value, just before the
    bucket ends.
    """

    def __init__(self, within: Limits | None = None) -> None:
        self.limits = within or limits()
        self.samples, self.seconds = 0, 0.0  # read so far, and the time it took
        self._deadline = time.monotonic() + self.limits.seconds

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> list[SeriesData]:
        begun = time.perf_counter()
        found = self._select(matchers, start, end + 1)
        self.seconds += time.perf_counter() - begun
        return found

    def _select(self, matchers: Sequence[Matcher], a: int, b: int) -> list[SeriesData]:
        found = list(matching.select(matchers))
        samples: _Samples = {}
        before = self.samples
        for horizon, sids in _horizons(found, a).items():
            for portion in _portions(sids, a, b):
                self._check(self.samples - before)
                part = _read(portion, a, b, horizon)
                self.samples += sum(len(t) for t, _ in part.values())
                samples |= part
        self._check(self.samples - before)
        return [series for selection in found for series in _labelled(selection, samples)]

    def _check(self, held: int) -> None:
        """Raises a QueryError when it is time to stop. What the selections of a query hold together, its evaluator counts."""
        if self.limits.cancel is not None and self.limits.cancel():
            raise QueryCanceled("the query was canceled")
        if time.monotonic() > self._deadline:
            raise QueryTimeout(f"the query took longer than {self.limits.seconds:g} s")
        if held > self.limits.samples:
            many = f"the query reads more than {self.limits.samples:,} samples"
            raise TooManySamples(f"{many}; select fewer series or a shorter time, or raise AIOPS_QUERY_SAMPLES")


def _labelled(selection: Selection, samples: _Samples) -> Iterator[SeriesData]:
    sids = selection.sids()
    here = np.fromiter((sid in samples for sid in sids), np.bool_, len(sids))
    labels = selection._replace(rows=selection.rows[here]).labels(named=True)
    present = (samples[sid] for sid in sids if sid in samples)
    return (SeriesData(of_series, t, v) for of_series, (t, v) in zip(labels, present, strict=True))


def _horizons(found: Sequence[Selection], a: int) -> dict[int, list[int]]:
    """Series by the time from which they have raw samples; ALWAYS for those that have them from `a` on."""
    now = now_ms()
    raws = {selection.table.metric: retention.of(selection.table.metric).raw for selection in found}
    promised = retention.promised() if any(a < _raw_from(now, raw) for raw in raws.values()) else {}
    by_horizon: defaultdict[int, list[int]] = defaultdict(list)
    for selection in found:
        for sid in selection.sids():
            horizon = _raw_from(now, max(raws[selection.table.metric], promised.get(sid, 0)))
            by_horizon[ALWAYS if a >= horizon else horizon].append(sid)
    return by_horizon


def _raw_from(now: int, kept: int) -> int:
    """Whole days go at once."""
    return floor(now - kept, DAY)


def _portions(sids: list[int], a: int, b: int) -> Iterator[list[int]]:
    size = max(FEWEST, PORTION // (1 + (b - a) // USUAL_INTERVAL))
    return (sids[place : place + size] for place in range(0, len(sids), size))


def _read(sids: Collection[int], a: int, b: int, horizon: int) -> _Samples:
    """Samples in [a, b), rolled up before `horizon`."""
    if a >= horizon:
        return reader.raw_many(sids, a, b, stale=True)
    found = _rolled_up(sids, a, min(b, horizon))
    recent = reader.raw_many(sids, horizon, b, stale=True) if b > horizon else {}
    return found | {sid: _after(found.get(sid), samples) for sid, samples in recent.items()}


def _rolled_up(sids: Collection[int], a: int, b: int) -> _Samples:
    """A bucket's value is known when it ends: nothing is told before it was measured."""
    found = {}
    for sid, buckets in reader.buckets_many(sids, floor(a, ROLLUP), b, ROLLUP).items():
        t = buckets.t + ROLLUP - 1
        keep = (t >= a) & (t < b)
        if keep.any():
            found[sid] = (t[keep], buckets.last[keep])
    return found


def _after(earlier: tuple[Times, Values] | None, later: tuple[Times, Values]) -> tuple[Times, Values]:
    if earlier is None:
        return later
    return np.concatenate([earlier[0], later[0]]), np.concatenate([earlier[1], later[1]])


def run_instant(query: str, at: int, *, lookback: int = LOOKBACK, within: Limits | None = None) -> Value:
    """The query's value at a time, ms. Raises QueryError, StoreUnavailable."""
    within = within or limits()
    remote = engine.configured()
    if remote is not None:
        return engine.instant(remote, query, at, lookback=lookback, seconds=within.seconds)
    return evaluate.instant(query, StoredSource(within), at, lookback=lookback, limits=within)


def run_range(query: str, start: int, end: int, step: int, *, lookback: int = LOOKBACK, within: Limits | None = None) -> Matrix:
    """Its values at start, start + step, … up to end, all in ms. Raises QueryError, StoreUnavailable."""
    within = within or limits()
    remote = engine.configured()
    if remote is not None:
        return engine.range_query(remote, query, start, end, step, lookback=lookback, seconds=within.seconds)
    return evaluate.range_query(query, StoredSource(within), start, end, step, lookback=lookback, limits=within)
