"""Faults of each kind on a small call graph: the culprit comes first."""

import numpy as np
import pytest

from genai.rca import rank_causes

GRAPH = {"web": ["api", "mail"], "api": ["db", "cache"], "admin": ["api"], "mail": []}
NAMES = ["web", "api", "mail", "db", "cache", "admin"]
BEGIN = 1_750_000_000.0


class World:
    """Calm series of a few metrics; a test then does something to them."""

    def __init__(self, step: int = 60, before: int = 180, inside: int = 45, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.rows, self.start = before + inside, before
        self.times = BEGIN + np.arange(self.rows) * step
        self.window = (self.times[before], self.times[-1], "web")
        self.on = np.arange(self.rows) >= before + inside // 3
        self.series: dict[tuple[str, str], np.ndarray] = {}
        for name in NAMES:
            self.series[name, "latency_ms"] = self.around({"web": 120, "admin": 90, "api": 80, "db": 12, "cache": 2, "mail": 40}[name])
            self.series[name, "availability"] = 100 - self.rng.binomial(400, 0.001, self.rows) / 4
            self.series[name, "requests"] = self.around(200)
            self.series[name, "cpu"] = self.around(30)

    def around(self, level: float) -> np.ndarray:
        return level * np.exp(self.rng.normal(0, 0.06, self.rows))

    def add(self, metric: str, by: float, *names: str) -> None:
        for name in names:
            self.series[name, metric] = self.series[name, metric] + by * self.on

    def times_more(self, metric: str, by: float, *names: str) -> None:
        for name in names:
            self.series[name, metric] = self.series[name, metric] * np.where(self.on, by, 1)

    def names(self) -> list[object]:
        lines = {key: (self.times, values) for key, values in self.series.items()}
        return [found.component for found in rank_causes(GRAPH, lines, self.window)]


@pytest.fixture(params=[(60, 180, 45), (300, 36, 7), (10, 300, 120)], ids=["1 min", "5 min", "10 s"])
def world(request) -> World:
    return World(*request.param)


def test_nothing_happens(world):
    assert world.names() == []


def test_a_slow_leaf(world):
    world.add("latency_ms", 90, "db", "api", "web", "admin")
    assert world.names()[0] == "db"


def test_errors_in_the_middle_as_availability_that_falls(world):
    world.add("availability", -22, "api")
    world.add("availability", -20, "web", "admin")
    world.times_more("requests", 0.8, "db", "cache")
    assert world.names()[0] == "api"


def test_the_alerting_component_itself(world):
    world.add("latency_ms", 200, "web")
    world.add("cpu", 50, "web")
    assert world.names()[0] == "web"


def test_a_processor_taken_by_something_else(world):
    world.add("cpu", 60, "cache")
    world.add("latency_ms", 30, "cache", "api", "web", "admin")
    assert world.names()[0] == "cache"


def test_load_that_came_from_outside(world):
    world.times_more("requests", 3, "web", "api", "mail", "db", "cache")
    world.times_more("cpu", 2.2, "web", "api", "mail", "db", "cache")
    world.add("latency_ms", 60, "db", "api", "web", "admin")
    assert world.names()[0] == "web"


def test_a_culprit_that_reports_nothing_is_among_the_first_three(world):
    world.add("latency_ms", 90, "api", "web", "admin")
    for metric in ("latency_ms", "availability", "requests", "cpu"):
        del world.series["db", metric]
    assert {"api", "db"} <= set(world.names()[:3])


def test_trouble_elsewhere_does_not_distract(world):
    world.add("latency_ms", 90, "db", "api", "web", "admin")
    world.times_more("latency_ms", 6, "mail")
    assert world.names()[0] == "db"


def test_names_that_say_nothing(world):
    for (name, metric), values in list(world.series.items()):
        del world.series[name, metric]
        world.series[name, f"x{['latency_ms', 'availability', 'requests', 'cpu'].index(metric)}"] = values
    world.add("x0", 90, "db", "api", "web", "admin")
    assert world.names()[0] == "db"


@pytest.mark.parametrize("form", ["counter", "sparse"])
def test_error_counts(form):
    world = World()
    for name in NAMES:
        rate = np.where(world.on, 3.0 * (name in ("db", "api", "web", "admin")), 0) + 0.02
        counts = world.rng.poisson(rate)
        world.series[name, "errors_total"] = np.cumsum(counts) if form == "counter" else counts
    world.add("latency_ms", 60, "db", "api", "web", "admin")
    assert world.names()[0] == "db"


def test_without_a_past():
    world = World(before=0, inside=120)
    world.on = np.arange(120) >= 60
    world.add("latency_ms", 90, "db", "api", "web", "admin")
    assert world.names()[0] == "db"


def test_the_evidence_says_by_how_much_and_since_when():
    world = World()
    world.add("latency_ms", 90, "db", "api", "web", "admin")
    lines = {key: (world.times, values) for key, values in world.series.items()}
    [best, *_] = rank_causes(GRAPH, lines, world.window)
    [told] = [fact for fact in best.evidence if fact["component"] == "db"]
    assert told["metric"] == "latency_ms"
    assert told["kind"] == "latency"
    assert told["usual"] == pytest.approx(12, rel=0.1)
    assert told["reached"] == pytest.approx(102, rel=0.1)
    assert [fact["component"] for fact in best.evidence] == ["db", "api", "web"]
    assert "db" in best.reason
    assert "web" in best.reason
