"""Every step of a range query, computed at once, against the definition of each function applied to one window at a time."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.query import windows
from monitoring.query.evaluate import range_query
from monitoring.query.source import MemorySource

pytestmark = pytest.mark.once

Samples = Sequence[tuple[int, float]]
VALUES = st.one_of(st.integers(-50, 50).map(float), st.sampled_from([math.nan, math.inf, -math.inf, 1e100, -1e100, 0.1]))


def _increase(window: Samples, start: int, end: int) -> float | None:
    if len(window) < 2:
        return None
    (first_t, first_v), (last_t, last_v) = window[0], window[-1]
    grown = last_v - first_v + sum(before for (_, before), (_, now) in pairwise(window) if now < before)
    covered = (last_t - first_t) / 1000
    average = covered / (len(window) - 1)
    before, after = (first_t - start) / 1000, (end - last_t) / 1000
    before = average / 2 if before >= average * 1.1 else before
    if grown > 0 and first_v >= 0:
        before = min(before, covered * (first_v / grown))
    after = average / 2 if after >= average * 1.1 else after
    return grown * ((covered + before + after) / covered)


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values, key=lambda v: (not math.isnan(v), v))
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] * (1 - (rank - low)) + ordered[high] * (rank - low)


def _least(values: list[float], choose: Callable[[list[float]], float]) -> float:
    numbers = [v for v in values if not math.isnan(v)]
    return choose(numbers) if numbers else math.nan


def _changes(values: list[float]) -> float:
    return float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairwise(values)))


DEFINITIONS: dict[str, Callable[[list[float]], float]] = {
    "count_over_time": lambda values: float(len(values)),
    "min_over_time": lambda values: _least(values, min),
    "max_over_time": lambda values: _least(values, max),
    "last_over_time": lambda values: values[-1],
    "first_over_time": lambda values: values[0],
    "changes": _changes,
    "resets": lambda values: float(sum(b < a for a, b in pairwise(values))),
    "quantile_over_time(0.3": lambda values: _quantile(values, 0.3),
}


@st.composite
def series(draw: st.DrawFn, values: st.SearchStrategy[float]) -> list[tuple[int, float]]:
    gaps = draw(st.lists(st.integers(1, 40_000), max_size=25))
    times = np.cumsum(gaps).tolist()
    return [(t, draw(values)) for t in times]


def _evaluated(call: str, data: list[Samples], span: int, step: int, end: int) -> tuple[list[dict[int, float]], list[int]]:
    held = MemorySource()
    for number, samples in enumerate(data):
        held.add({"__name__": "x", "n": str(number)}, [t for t, _ in samples], [v for _, v in samples])
    head = f"{call}, " if "(" in call else f"{call}("
    found = range_query(f"{head}x[{span}ms])", held, 0, end, step)
    rows: list[dict[int, float]] = [{} for _ in data]
    for row, labels in enumerate(found.labels):
        kept = found.present[row]
        rows[int(labels["n"])] = dict(zip(found.t[kept].tolist(), found.v[row][kept].tolist(), strict=True))
    return rows, found.t.tolist()


def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("call", DEFINITIONS)
@settings(max_examples=20, deadline=None)
@given(st.lists(series(VALUES), min_size=1, max_size=4), st.integers(1, 200_000), st.integers(1_000, 90_000))
def test_functions_of_windows(call: str, data: list[Samples], span: int, step: int) -> None:
    rows, times = _evaluated(call, data, span, step, 600_000)
    for samples, row in zip(data, rows, strict=True):
        for t in times:
            window = [v for when, v in samples if t - span < when <= t]
            assert (t in row) == bool(window)
            if window:
                assert _same(row[t], DEFINITIONS[call](window)), (call, window)


@settings(max_examples=50, deadline=None)
@given(st.lists(series(st.integers(0, 30).map(float)), min_size=1, max_size=4), st.integers(1, 200_000), st.integers(1_000, 90_000))
def test_increase_of_counters_with_resets(data: list[Samples], span: int, step: int) -> None:
    rows, times = _evaluated("increase", data, span, step, 600_000)
    for samples, row in zip(data, rows, strict=True):
        for t in times:
            wanted = _increase([(when, v) for when, v in samples if t - span < when <= t], t - span, t)
            assert (t in row) == (wanted is not None)
            if wanted is not None:
                assert _same(row[t], wanted)


@settings(max_examples=50, deadline=None)
@given(st.lists(series(st.floats(allow_nan=False, allow_infinity=False, width=32)), min_size=1, max_size=3), st.integers(1, 200_000))
def test_sums_lose_nothing(data: list[Samples], span: int) -> None:
    rows, times = _evaluated("sum_over_time", data, span, 30_000, 600_000)
    means, _ = _evaluated("avg_over_time", data, span, 30_000, 600_000)
    for samples, row, mean in zip(data, rows, means, strict=True):
        for t in times:
            window = [v for when, v in samples if t - span < when <= t]
            if window:
                assert math.isclose(row[t], math.fsum(window), rel_tol=1e-9, abs_tol=1e-30)
                assert math.isclose(mean[t], math.fsum(window) / len(window), rel_tol=1e-9, abs_tol=1e-30)


@pytest.mark.parametrize("call", ["min_over_time", "max_over_time", "count_over_time"])
@pytest.mark.parametrize("span", [9_000, 63_999, 64_000, 200_001])
def test_long_windows_put_together_from_runs(call: str, span: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_LONG", 0)
    random = np.random.default_rng(3)
    data = [
        [(t, float(v)) for t, v in enumerate(random.choice([1.0, 5.0, -3.0, math.nan, math.inf], count))] for count in (1, 700, 130, 64)
    ]
    data = [[(t * 1000, v) for t, v in samples] for samples in data]
    rows, times = _evaluated(call, data, span, 7_000, 700_000)
    for samples, row in zip(data, rows, strict=True):
        for t in times:
            window = [v for when, v in samples if t - span < when <= t]
            assert (t in row) == bool(window)
            assert not window or _same(row[t], DEFINITIONS[call](window))


def test_long_sums_put_together_from_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    data = [[(t * 1000, float(t % 17)) for t in range(800)]]
    (short,), _ = _evaluated("sum_over_time", data, 300_000, 10_000, 800_000)
    monkeypatch.setattr(windows, "_LONG", 0)
    (long,), _ = _evaluated("sum_over_time", data, 300_000, 10_000, 800_000)
    assert long == short
