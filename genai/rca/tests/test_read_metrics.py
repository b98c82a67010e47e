"""What a metric's name or its values tell, and what counts as a departure."""

import numpy as np
import pytest

from genai.rca import meaning
from genai.rca.departures import Least, departures
from genai.rca.meaning import ERRORS, LATENCY, OTHER, OWN, TRAFFIC
from genai.rca.ranking import CERTAINTY, WEIGHTS
from genai.rca.reading import Track, Window
from genai.rca.weighing import FEATURES


@pytest.mark.parametrize(
    ("name", "kind", "worse"),
    [
        ("http_request_duration_seconds_p99", LATENCY, 1),
        ("latencyP95", LATENCY, 1),
        ("rt", LATENCY, 1),
        ("response_time_ms", LATENCY, 1),
        ("load_time", LATENCY, 1),
        ("error_rate", ERRORS, 1),
        ("http_5xx", ERRORS, 1),
        ("timeouts_total", ERRORS, 1),
        ("availability", ERRORS, -1),
        ("SuccessRate", ERRORS, -1),
        ("requests_total", TRAFFIC, 0),
        ("qps", TRAFFIC, 0),
        ("cpu_usage_percent", OWN, 1),
        ("container_memory_working_set_bytes", OWN, 1),
        ("memory_available_bytes", OWN, -1),
        ("disk_free", OWN, -1),
        ("replicas_ready", OWN, -1),
        ("packet_loss", OWN, 1),
        ("restarts", OWN, 1),
    ],
)
def test_names(name, kind, worse):
    assert meaning.of_name(name) == (kind, worse)


def test_values_tell_where_a_name_does_not():
    assert meaning.of_name("x1") is None
    assert meaning.of_values(np.array([1.0, 0.999]), 0.9, 1.0) == (ERRORS, -1)
    assert meaning.of_values(np.array([100.0, 99.7]), 80.0, 100.0) == (ERRORS, -1)
    assert meaning.of_values(np.array([0.0, 0.0, 3.0]), 0.0, 9.0) == (ERRORS, 1)
    assert meaning.of_values(np.array([12.0, 40.0]), 1.0, 90.0) == (OTHER, 0)


def of(values: np.ndarray, before: int, step: float = 30.0, unit: float = 0.0):
    times = 1_000_000.0 + np.arange(len(values)) * step
    least = Least(np.array([unit]), np.array([0.03]))
    return departures([Track(0, "m", times, np.asarray(values, dtype=float))], Window(times[before], times[-1], None), least), times


def test_a_step_is_measured_in_spreads_of_the_past_and_dated():
    rng = np.random.default_rng(1)
    found, times = of(np.concatenate([rng.normal(100, 5, 280), rng.normal(160, 5, 40)]), before=240)
    assert found.up.spreads[0] > 10
    assert found.down.spreads[0] < 4
    assert found.up.change[0] == pytest.approx(60, rel=0.15)
    assert abs(found.up.onset[0] - times[280]) <= 5 * 30
    assert found.usual[0] == pytest.approx(100, rel=0.03)


def test_a_single_spike_is_none_and_a_fault_before_the_window_is_seen():
    rng = np.random.default_rng(2)
    calm = rng.normal(100, 5, 320)
    spike = calm.copy()
    spike[300] += 500
    assert of(spike, before=240)[0].up.spreads[0] < 4
    early = calm.copy()
    early[235:] += 60
    found, times = of(early, before=240)
    assert found.up.spreads[0] > 8
    assert times[230] <= found.up.onset[0] <= times[242]


def test_a_counter_that_starts_anew_is_a_rate():
    rng = np.random.default_rng(3)
    counter = np.cumsum(rng.poisson(50, 320)).astype(float)
    counter[200:] -= counter[200]
    found, _ = of(counter, before=240)
    assert found.up.spreads[0] < 4
    assert found.usual[0] == pytest.approx(50 / 30, rel=0.05)


def test_rare_errors_below_the_least_are_nothing():
    zeros = np.zeros(320)
    zeros[300:303] = 0.001
    assert of(zeros, before=240, unit=0.004)[0].up.spreads[0] < 1


def test_each_figure_has_a_weight():
    assert len(WEIGHTS) == len(FEATURES)
    assert len(CERTAINTY) == 4
