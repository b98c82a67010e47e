"""Whatever form the caller has it in, the case is the same."""

import json
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from genai.rca import rank_causes
from genai.rca.reading import case_of, seconds, window_of

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = START.timestamp()


def lines(step: int = 30, before: int = 240, inside: int = 60, seed: int = 1) -> dict:
    """web calls api calls db; db becomes slow a third into the window."""
    rng = np.random.default_rng(seed)
    times = EPOCH + (np.arange(before + inside) - before) * step
    on = (np.arange(before + inside) >= before + inside // 3) * 1.0
    base = {"web": 90.0, "api": 60.0, "db": 10.0, "mail": 20.0}
    felt = {"web": 150.0, "api": 150.0, "db": 150.0, "mail": 0.0}
    return {(name, "latency_p95"): (times, (base[name] + felt[name] * on) * np.exp(rng.normal(0, 0.05, len(times)))) for name in base}


GRAPH = {"web": ["api", "mail"], "api": ["db"]}
WINDOW = (EPOCH, EPOCH + 1800, "web")


def first(series: dict, window: object = WINDOW, graph: object = GRAPH) -> str:
    return rank_causes(graph, series, window)[0].component


def test_the_deepest_slow_callee_comes_first():
    found = rank_causes(GRAPH, lines(), WINDOW)
    assert found[0].component == "db"
    assert found[0].path == ["db", "api", "web"]
    assert found[0].metric == "latency_p95"
    assert abs(found[0].onset - (EPOCH + 600)) <= 120
    assert sum(hypothesis.score for hypothesis in found) <= 1.001


def test_a_hypothesis_reads_as_tuple_object_and_mapping_and_goes_into_json():
    [best, *_] = rank_causes(GRAPH, lines(), WINDOW)
    assert best[0] == best.component == best["component"] == dict(best)["component"] == best.get("component")
    assert best.get("nothing") is None
    with pytest.raises(KeyError):
        best["nothing"]
    assert json.loads(json.dumps(best.as_dict()))["component"] == "db"
    assert json.loads(json.dumps(best))[0] == "db"


@pytest.mark.parametrize(
    "turn",
    [
        lambda times: times * 1000,
        lambda times: (times * 1e9).astype(np.int64),
        lambda times: [datetime.fromtimestamp(moment, UTC) for moment in times],
        lambda times: [datetime.fromtimestamp(moment, UTC).replace(tzinfo=None) for moment in times],
        lambda times: times.astype("datetime64[s]"),
        lambda times: [datetime.fromtimestamp(moment, UTC).isoformat() for moment in times],
        lambda times: list(times),
    ],
    ids=["ms", "ns", "aware", "naive", "datetime64", "text", "list"],
)
def test_times_in_any_form(turn):
    assert first({key: (turn(times), values) for key, (times, values) in lines().items()}) == "db"


@pytest.mark.parametrize(
    "window",
    [
        ("web", EPOCH, EPOCH + 1800),
        [EPOCH * 1000, EPOCH * 1000 + 1_800_000, "web"],
        {"start": START, "end": START + timedelta(minutes=30), "component": "web"},
        {"from": START.isoformat(), "to": "2026-03-01T12:30:00Z", "service": "web"},
        SimpleNamespace(start=START, end=START + timedelta(minutes=30), alerting="web"),
        namedtuple("Window", "component start end")("web", EPOCH, EPOCH + 1800),
        (EPOCH, EPOCH + 1800, ("web", "latency_p95")),
        (EPOCH + 1800, EPOCH, "web"),
    ],
)
def test_windows_in_any_form(window):
    assert window_of(window, {"web": 0}) == (EPOCH, EPOCH + 1800, "web")
    assert first(lines(), window) == "db"


def test_no_alerting_component_and_an_unknown_one_are_no_error():
    assert first(lines(), (EPOCH, EPOCH + 1800)) == "db"
    assert first(lines(), (EPOCH, EPOCH + 1800, "elsewhere")) == "db"


def test_a_window_without_times_is_refused():
    with pytest.raises(ValueError, match="start and end are times"):
        rank_causes(GRAPH, lines(), ("soon", "later", "web"))


def test_order_gaps_none_and_different_lengths_do_not_matter():
    series = lines()
    mixed = {}
    for number, (key, (times, values)) in enumerate(series.items()):
        order = np.random.default_rng(number).permutation(len(times))[: len(times) - 7 * number]
        kept = [None if place % 11 == 3 else value for place, value in enumerate(values[order])]
        mixed[key] = (times[order], kept)
    assert first(mixed) == "db"


def test_pairs_nested_series_and_sets_of_callees():
    nested: dict = {}
    for (name, metric), (times, values) in lines().items():
        nested.setdefault(name, {})[metric] = list(zip(times.tolist(), values.tolist(), strict=True))
    assert first(nested, graph={"web": {"api", "mail"}, "api": "db"}) == "db"


def test_cycles_strangers_and_silent_nodes_are_no_error():
    series = lines() | {("stray", "cpu"): (np.arange(5) + EPOCH, np.ones(5)), ("db", "empty"): ([], [])}
    graph = {**GRAPH, "db": ["web"], "silent": ["silent", "api"], "alone": []}
    assert first(series, graph=graph) in ("db", "api")
    assert rank_causes(graph, {}, WINDOW) == []
    assert rank_causes({}, {}, WINDOW) == []


def test_without_a_graph_the_series_alone_are_ranked():
    assert rank_causes({}, lines(), WINDOW)


def test_components_are_given_back_as_they_came():
    series = {((7, "db") if name == "db" else name, metric): line for (name, metric), line in lines().items()}
    assert first(series, graph={"web": ["api", "mail"], "api": [(7, "db")]}) == (7, "db")


def test_shared_timestamps_are_read_once():
    times = list(lines()[("web", "latency_p95")][0])
    case = case_of({}, {(name, "m"): (times, np.ones(len(times))) for name in "abc"}, WINDOW)
    assert case.tracks[0].times is case.tracks[1].times


def test_text_and_nothing_are_no_times():
    assert np.isnan(seconds(["x", None])).all()
