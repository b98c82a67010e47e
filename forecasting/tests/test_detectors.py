"""Every member of the family: what it says of odd rows, that it looks back only, and what it does with bad input."""

import numpy as np
import pytest

from aiops.plugins import member
from forecasting.detectors.base import DEFAULT, DETECTORS, REASONS, Detector

pytestmark = pytest.mark.once

STEP = 300
DAY = 86_400 // STEP
SPIKE, SHIFT = 5 * DAY + 100, 6 * DAY + 150


@pytest.fixture(params=DETECTORS)
def detector(request) -> Detector:
    return member(DETECTORS, request.param)()


def times(rows: int, step: int = STEP) -> np.ndarray:
    return np.datetime64("2026-01-05T00:00:00") + np.arange(rows) * np.timedelta64(step, "s")


def wave(days: int = 8) -> np.ndarray:
    x = 50 + 20 * np.sin(np.arange(days * DAY) * 2 * np.pi / DAY) + np.random.default_rng(1).normal(size=days * DAY)
    x[SPIKE] += 60
    x[SHIFT:] += 40
    return x


def test_it_says_what_it_is(detector):
    assert detector.label
    assert detector.description.endswith(".")


def test_odd_rows_stand_out(detector):
    x = wave()
    score = detector.score(times(len(x)), x).score
    calm = np.quantile(score[4 * DAY : SPIKE], 0.99)
    assert score[SPIKE : SPIKE + 3].max() > calm
    assert score[SHIFT : SHIFT + 12].max() > calm


def test_scores_lie_between_0_and_1_and_have_a_band_and_a_reason(detector):
    x = wave()
    scored = detector.score(times(len(x)), x)
    assert ((scored.score >= 0) & (scored.score <= 1)).all()
    known = np.isfinite(scored.low)
    assert known[-DAY:].all()
    assert (scored.low[known] <= scored.high[known]).all()
    assert {REASONS[code] for code in np.unique(scored.reason)} > {"Nothing unusual"}


def test_it_never_looks_ahead(detector):
    x = wave()
    whole = detector.score(times(len(x)), x)
    for cut in (300, len(x) // 2, 9 * len(x) // 10):
        part = detector.score(times(cut), x[:cut])
        np.testing.assert_allclose(part.score, whole.score[:cut], atol=1e-9)
        np.testing.assert_allclose(part.low, whole.low[:cut], atol=1e-9)


@pytest.mark.parametrize("rows", [0, 1, 2, 31])
def test_a_cold_start_is_quiet(detector, rows):
    x = np.random.default_rng(2).lognormal(size=rows)
    assert not detector.score(times(rows), x).score[:30].any()


@pytest.mark.parametrize("value", [0.0, 45.0, -3e12])
def test_a_constant_is_not_strange(detector, value):
    assert not detector.score(times(3 * DAY), np.full(3 * DAY, value)).score.max() > 1e-6


def test_missing_values_are_left_out(detector):
    x = wave()
    holed = x.copy()
    holed[1000:1050], holed[1200], holed[1201] = np.nan, np.inf, 1e300
    scored, there = detector.score(times(len(x)), holed), np.abs(holed) < 1e100
    without = detector.score(times(len(x))[there], x[there])
    np.testing.assert_allclose(scored.score[there], without.score, atol=1e-9)
    assert not scored.score[~there].any()
    assert np.isnan(scored.low[~there]).all()


def test_no_value_at_all_is_nothing_to_say(detector):
    scored = detector.score(times(100), np.full(100, np.nan))
    assert not scored.score.any()
    assert not scored.reason.any()


def test_times_that_repeat_or_jump_do_no_harm(detector):
    x, t = wave(), times(8 * DAY)
    t[700:712] = t[688:700]  # a clock change
    t[1500:] += np.timedelta64(3650, "D")
    score = detector.score(t, x).score
    assert np.isfinite(score).all()


def test_lengths_must_agree(detector):
    with pytest.raises(ValueError, match="one length"):
        detector.score(times(3), np.zeros(4))


def test_the_default_is_one_of_them():
    assert DEFAULT in DETECTORS


@pytest.mark.parametrize("name", DETECTORS)
def test_their_texts_fit_where_they_are_kept(name):
    assert max(len(text) for text in REASONS) <= 32
    assert len(member(DETECTORS, name).label) <= 32
