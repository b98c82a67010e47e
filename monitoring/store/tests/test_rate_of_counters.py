import numpy as np
import pytest

from monitoring.store.batch import STALE
from monitoring.store.rates import increase, rate_buckets

pytestmark = pytest.mark.once


def _t(*seconds: float) -> np.ndarray:
    return np.array([round(second * 1000) for second in seconds], np.int64)


def test_a_reset_counts_from_zero() -> None:
    grown = increase(_t(0, 15, 30, 45), np.array([10.0, 40.0, 5.0, 6.0]))
    assert np.isnan(grown[0])
    assert grown[1:].tolist() == [30.0, 5.0, 1.0]


def test_an_increase_beside_a_stale_marker_is_unknown() -> None:
    grown = increase(_t(0, 15, 30, 45), np.array([10.0, STALE, 50.0, 60.0]))
    assert np.isnan(grown[:3]).all()
    assert grown[3] == 10.0


def test_one_sample_and_none_have_no_rate() -> None:
    assert np.isnan(rate_buckets(_t(5), np.array([1.0]), _t(0, 10, 20))).all()
    assert np.isnan(rate_buckets(_t(), np.array([]), _t(0, 10))).all()
    assert len(increase(_t(), np.array([]))) == 0


def test_a_steady_counter_has_one_rate_whatever_the_buckets() -> None:
    t = np.arange(0, 600_001, 15_000)
    for width in (5_000, 15_000, 40_000, 60_000):
        rates = rate_buckets(t, t / 1000 * 2.5, np.arange(0, 600_001, width))
        np.testing.assert_allclose(rates, 2.5)


def test_buckets_add_up_to_the_whole_increase() -> None:
    chance = np.random.default_rng(1)
    t = np.cumsum(chance.integers(9_000, 21_000, 200))
    v = np.cumsum(chance.random(200)) * 1e9
    edges = np.linspace(t[0], t[-1], 38)
    rates = rate_buckets(t, v, edges)
    assert np.isclose((rates * np.diff(edges) / 1000).sum(), v[-1] - v[0])


def test_a_gap_is_nan_and_the_buckets_beside_it_are_not() -> None:
    t = _t(*range(0, 61, 5), *range(300, 361, 5))
    rates = rate_buckets(t, t / 1000.0, _t(*range(0, 361, 30)))
    assert np.isnan(rates[2:10]).all()
    np.testing.assert_allclose(rates[[0, 1, 10, 11]], 1.0)


def test_a_bucket_outside_the_samples_is_nan() -> None:
    t = _t(60, 75, 90)
    assert np.isnan(rate_buckets(t, np.array([1.0, 2.0, 3.0]), _t(0, 30, 60))).all()


def test_a_reset_during_a_gap_is_not_shown_as_a_rate() -> None:
    rates = rate_buckets(_t(0, 15, 30, 3600, 3615), np.array([1.0, 2.0, 3.0, 1e6, 1e6 + 15]), _t(0, 30, 3600, 3615))
    assert rates[0] == 1 / 15
    assert np.isnan(rates[1])
    assert rates[2] == 1.0
