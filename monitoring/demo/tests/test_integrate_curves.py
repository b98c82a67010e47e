"""A counter read from a curve's integral has the rate that the curve's value shows."""

import numpy as np
import pytest

from monitoring.demo.curves import HOUR, MINUTE, WEEK, Level, Noise, Periodic, drawn, noises, seeds_of, weekly
from monitoring.demo.profiles import PROFILES

pytestmark = pytest.mark.once

NOW = 1_795_000_000.0
SEEDS = seeds_of(1, "any", 3)
CURVES = {
    "a week": weekly(
        np.array([PROFILES["office"], PROFILES["jobs"], PROFILES["nightly"]]), [0.1, 0.2, 0.3], [0.5, 0.6, 0.9], [0.0, 3600.0, -18_000.0]
    ),
    "a pulse": Periodic(
        [0.0, 0.0, 300.0, 5000.0, 6000.0, 9000.0], np.outer([1, 2, 3], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]), [NOW, 0.0, NOW - 4000.0]
    ),
    "noise": Noise(SEEDS, 700.0, [0.1, 0.2, 0.3]),
}


@pytest.mark.parametrize("name", CURVES)
def test_the_integral_grows_by_the_value(name):
    curve = CURVES[name]
    fine = NOW + np.arange(0, 3 * HOUR, 0.5).reshape(1, -1)
    summed = (curve.value(fine)[:, :-1] * 0.5).sum(axis=1)
    assert curve.integral(fine[:, -1:])[:, 0] - curve.integral(fine[:, :1])[:, 0] == pytest.approx(summed, rel=0.01, abs=0.5)


@pytest.mark.parametrize("name", ["a week", "a pulse"])
def test_what_is_periodic_comes_back(name):
    curve = CURVES[name]
    t = NOW + np.arange(0, 20_000, 77.0).reshape(1, -1)
    np.testing.assert_allclose(curve.value(t), curve.value(t + curve.period), atol=1e-6)


def test_noise_stays_within_its_bounds_and_has_no_mean():
    noise = CURVES["noise"]
    v = noise.value(NOW + np.arange(0, WEEK, 97.0).reshape(1, -1))
    assert (np.abs(v) <= 2 * np.array([[0.1], [0.2], [0.3]])).all()
    assert np.abs(v.mean(axis=1)).max() < 0.01
    assert v.std(axis=1).min() > 0.05


def test_rows_and_purposes_are_unlike_and_the_same_again():
    t = NOW + np.arange(0, 10 * HOUR, MINUTE).reshape(1, -1)
    one, again = Noise(SEEDS, 300.0, 1.0).wander(t), Noise(seeds_of(1, "any", 3), 300.0, 1.0).wander(t)
    np.testing.assert_array_equal(one, again)
    other = Noise(seeds_of(1, "other", 3), 300.0, 1.0).wander(t)
    assert abs(np.corrcoef(np.vstack([one, other]))[np.triu_indices(6, 1)]).max() < 0.6
    assert len(set(drawn(seeds_of(2, "any", 500)))) == 500


def test_a_part_belongs_to_its_rows_only():
    extra = Periodic([0.0, 10.0], [[5.0, 5.0]], 0.0)
    level = Level(3, [Noise(SEEDS, 60.0, 0.0)], [(np.array([1]), extra)])
    t = np.array([[NOW, NOW + 7]])
    np.testing.assert_allclose(level.value(t), [[0, 0], [5, 5], [0, 0]])
    np.testing.assert_allclose(np.diff(level.integral(t)), [[0], [35], [0]])
    np.testing.assert_allclose(level.mean(t, 60.0), [[0, 0], [5, 5], [0, 0]])


def test_unrest_is_at_most_what_was_asked_for():
    level = Level(3, noises(SEEDS, [0.1, 0.2, 0.4]))
    v = np.abs(level.value(NOW + np.arange(0, WEEK, 31.0).reshape(1, -1))).max(axis=1)
    assert (v <= [0.1, 0.2, 0.4]).all()
