import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.query import context
from monitoring.query.errors import ExecutionError, QueryCanceled, QueryError, QueryTimeout, TooManySamples
from monitoring.query.evaluate import Limits, Semantics, instant, range_query
from monitoring.query.source import MemorySource
from monitoring.query.values import Matrix, RangeVector, Scalar, Text, Vector

pytestmark = pytest.mark.once

HOUR = 3_600_000


@pytest.fixture
def source() -> MemorySource:
    held = MemorySource()
    for number in range(20):
        times = np.arange(0, HOUR, 15_000)
        held.add({"__name__": "load", "host": f"h{number}", "dc": "ab"[number % 2]}, times, np.sin(times / 1e6 + number) + number)
    return held


def test_too_many_samples_end_the_query(source: MemorySource) -> None:
    assert instant("count(load)", source, HOUR // 2, limits=Limits(samples=500)).v[0] == 20
    with pytest.raises(TooManySamples, match="too many samples"):
        instant("sum(sum_over_time(load[30m]))", source, HOUR // 2, limits=Limits(samples=500))


def test_samples_made_by_subqueries_count(source: MemorySource) -> None:
    with pytest.raises(TooManySamples):
        instant("sum(sum_over_time(vector(1)[30m:1s]))", source, HOUR, limits=Limits(samples=1000))


def test_a_query_has_its_time(source: MemorySource) -> None:
    with pytest.raises(QueryTimeout, match="timed out"):
        range_query("sum(load)", source, 0, HOUR, 60_000, limits=Limits(seconds=-1))


def test_a_query_can_be_canceled_while_it_runs(source: MemorySource) -> None:
    asked = iter([False] * 3 + [True] * 100)
    with pytest.raises(QueryCanceled, match="canceled"):
        range_query("sum(load) + sum(load)", source, 0, HOUR, 60_000, limits=Limits(cancel=lambda: next(asked)))


QUERIES = [
    "load",
    "sum by (dc) (rate(load[5m]))",
    "topk(2, load)",
    "load > 10",
    "max_over_time(sum(load)[10m:1m])",
    "time()",
    "absent(load > 18)",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_in_parts_answers_as_a_whole_one(query: str, source: MemorySource, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = range_query(query, source, 0, HOUR + 10 * 60_000, 60_000)
    monkeypatch.setattr(context, "CELLS_AT_ONCE", 150)
    parts = range_query(query, source, 0, HOUR + 10 * 60_000, 60_000)
    assert parts.labels == whole.labels
    assert np.array_equal(parts.present, whole.present)
    assert np.allclose(parts.v[parts.present], whole.v[whole.present], rtol=1e-12)


def test_parts_cut_by_samples_read(source: MemorySource, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = range_query("sum(avg_over_time(load[20m]))", source, 0, HOUR, 60_000)
    monkeypatch.setattr(context, "SAMPLES_AT_ONCE", 2_000)
    parts = range_query("sum(avg_over_time(load[20m]))", source, 0, HOUR, 60_000)
    assert np.allclose(parts.v, whole.v, rtol=1e-12)


def test_kinds_of_answers(source: MemorySource) -> None:
    assert isinstance(instant("load", source, HOUR), Vector)
    assert isinstance(instant("1", source, HOUR), Scalar)
    assert isinstance(instant("'a'", source, HOUR), Text)
    ranges = instant("load{host='h1'}[1m]", source, HOUR // 2)
    assert isinstance(ranges, RangeVector)
    assert ranges.series[0].t.tolist() == [HOUR // 2 - 45_000, HOUR // 2 - 30_000, HOUR // 2 - 15_000, HOUR // 2]
    assert isinstance(range_query("load", source, 0, HOUR, 60_000), Matrix)


@pytest.mark.parametrize(("start", "end", "step"), [(0, 10, 0), (0, 10, -1), (10, 0, 1)])
def test_a_senseless_range_is_refused(start: int, end: int, step: int) -> None:
    with pytest.raises(ExecutionError):
        range_query("up", MemorySource(), start, end, step)


def test_names_go_at_once_unless_delayed() -> None:
    held = MemorySource()
    for name in ("a_total", "b_total"):
        held.add({"__name__": name, "k": "1"}, [0, 60_000, 120_000], [0, 60, 120])
    query = 'label_replace(rate({k="1"}[5m]), "was", "$1", "__name__", "(.*)")'
    with pytest.raises(ExecutionError, match="same labelset"):
        instant(query, held, 120_000)
    kept = instant(query, held, 120_000, semantics=Semantics(delayed_names=True))
    assert sorted(labels["was"] for labels in kept.labels) == ["a_total", "b_total"]
    assert all("__name__" not in labels for labels in kept.labels)


def test_the_far_end_of_a_range_counts_when_closed() -> None:
    held = MemorySource()
    held.add({"__name__": "x"}, [0, 60_000], [1, 1])
    assert instant("count_over_time(x[1m])", held, 60_000).v.tolist() == [1]
    assert instant("count_over_time(x[1m])", held, 60_000, semantics=Semantics(closed_ranges=True)).v.tolist() == [2]
    assert instant("x", held, 360_000).labels == []
    assert instant("x", held, 360_000, semantics=Semantics(closed_ranges=True)).v.tolist() == [1]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="abr(){}[]=~\"',+-*/0159m: @\n^%!<>", max_size=25))
def test_no_text_is_answered_otherwise_than_by_a_value_or_a_query_error(query: str) -> None:
    fault = None
    try:
        instant(query, MemorySource(), 0)
    except QueryError as error:
        fault = error
    if fault is not None:
        assert fault.message
        assert fault.position is None or 0 <= fault.position <= len(query)
