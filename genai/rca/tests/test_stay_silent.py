"""Where nothing stands out nothing is said."""

import numpy as np
import pytest

from genai.rca import rank_causes

NAMES = ["web", "api", "db", "cache"]
GRAPH = {"web": ["api"], "api": ["db", "cache"]}
BEFORE, INSIDE, STEP = 240, 80, 30
BEGIN = 1_750_000_000.0
TIMES = BEGIN + np.arange(BEFORE + INSIDE) * STEP
WINDOW = (TIMES[BEFORE], TIMES[-1], "web")


def silent(values: dict[str, np.ndarray], metric: str = "latency_p95") -> bool:
    return rank_causes(GRAPH, {(name, metric): (TIMES, line) for name, line in values.items()}, WINDOW) == []


@pytest.mark.parametrize("seed", range(5))
def test_plain_noise(seed):
    rng = np.random.default_rng(seed)
    assert silent({name: 50 * np.exp(rng.normal(0, 0.2, len(TIMES))) for name in NAMES})


def test_spikes_that_were_always_there():
    rng = np.random.default_rng(3)
    assert silent({name: 50 + (rng.random(len(TIMES)) < 0.03) * 300 + rng.normal(0, 2, len(TIMES)) for name in NAMES})


def test_a_level_that_drifts_as_it_did():
    rng = np.random.default_rng(4)
    assert silent({name: 50 + np.arange(len(TIMES)) * 0.05 + rng.normal(0, 1, len(TIMES)) for name in NAMES})


def test_a_blip_that_nobody_feels():
    rng = np.random.default_rng(5)
    values = {name: 50 * np.exp(rng.normal(0, 0.05, len(TIMES))) for name in NAMES}
    values["cache"][BEFORE + 30 : BEFORE + 45] *= 3
    assert silent(values)


def test_constants_and_counters():
    rng = np.random.default_rng(6)
    assert silent(dict.fromkeys(NAMES, np.full(len(TIMES), 7.0)))
    assert silent({name: np.cumsum(rng.poisson(40, len(TIMES))) for name in NAMES}, "requests_total")


def test_few_samples():
    series = {(name, "latency"): (TIMES[::20], np.full(len(TIMES[::20]), 5.0)) for name in NAMES}
    assert rank_causes(GRAPH, series, WINDOW) == []
    assert rank_causes(GRAPH, {("web", "latency"): ([TIMES[-2]], [5.0])}, WINDOW) == []
