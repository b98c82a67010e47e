"""The shipped detector over whole series: the graded score, the alarms, and the words for them."""

import subprocess
import sys

import numpy as np
import pytest

from forecasting import detect
from forecasting.detectors.base import REASONS

pytestmark = pytest.mark.once

START = np.datetime64("2026-01-05T00:00:00")


def times(rows: int, step: int) -> np.ndarray:
    return START + np.arange(rows) * np.timedelta64(step, "s")


def wave(days: int, step: int, seed: int = 1) -> np.ndarray:
    day = 86_400 // step
    return 50 + 20 * np.sin(np.arange(days * day) * 2 * np.pi / day) + np.random.default_rng(seed).normal(size=days * day)


def alarms(x: np.ndarray, step: int) -> np.ndarray:
    return np.flatnonzero(detect.alarm(times(len(x), step), x) >= 0.5)


@pytest.mark.parametrize("step", [60, 300, 1800, 3600])
def test_a_spike_and_an_outage_alarm_at_once(step):
    day = 86_400 // step
    x = wave(14, step)
    x[9 * day + day // 4] += 80
    x[12 * day + day // 2 : 12 * day + day // 2 + 3] = 0
    found = alarms(x, step)
    assert 9 * day + day // 4 in found
    assert 12 * day + day // 2 in found


@pytest.mark.parametrize("step", [60, 300, 3600])
def test_one_event_of_hours_is_told_once_or_twice(step):
    """Not with every row of it."""
    day = 86_400 // step
    x = wave(10, step)
    x[8 * day : 8 * day + day // 3] += 70
    found = alarms(x, step)
    told = found[(found >= 8 * day) & (found < 8 * day + day // 3)]
    assert 1 <= len(told) <= 3


@pytest.mark.parametrize("step", [300, 3600])
def test_a_wave_with_noise_is_quiet(step):
    """At most two false alarms in the first month of a series."""
    assert np.mean([len(alarms(wave(30, step, seed), step)) for seed in range(10)]) <= 2


def test_what_is_usual_at_noon_is_odd_at_night():
    step, day = 3600, 24
    x = np.tile(np.r_[np.full(12, 10.0), np.full(12, 100.0)], 20) + np.random.default_rng(3).normal(size=20 * day)
    x[17 * day + 3] = 100
    examined = detect.examine(times(len(x), step), x)
    assert examined.strength[17 * day + 3] >= 0.5
    assert REASONS[examined.reason[17 * day + 3]] in ("High for this time of day", "Spike")
    assert not examined.low[17 * day + 3] <= 100 <= examined.high[17 * day + 3]


@pytest.mark.parametrize(
    ("rows", "value", "reason"),
    [(1, 130, "Above its range"), (3, 0, "Below its range"), (12, 75, "High for this time of day"), (12, 45, "Low for this time of day")],
)
@pytest.mark.parametrize("step", [60, 300])
def test_reasons_are_told_in_words(rows, value, reason, step):
    """At the wave's mean (50), or where it is lowest (30) and highest (70)."""
    day = 86_400 // step
    x = wave(21, step)
    at = 15 * day + {75: 3 * day // 4, 45: day // 4}.get(value, 0)
    x[at : at + rows] = value - (10 if value == 75 else 0)
    examined = detect.examine(times(len(x), step), x)
    assert examined.alarm[at]
    assert REASONS[examined.reason[at]] == reason


def test_noise_is_not_told_by_the_time_of_day():
    x = np.random.default_rng(6).lognormal(size=8000)
    examined = detect.examine(times(8000, 300), x)
    told = {REASONS[code] for code in examined.reason[examined.alarm]}
    assert told
    assert not any("time of day" in reason for reason in told)


def test_the_band_holds_what_is_usual():
    x = wave(20, 300)
    examined = detect.examine(times(len(x), 300), x)
    late = slice(10 * 288, None)
    inside = (examined.low[late] <= x[late]) & (x[late] <= examined.high[late])
    assert inside.mean() > 0.98


def test_nothing_below_zero_is_expected_where_nothing_ever_was():
    x = np.random.default_rng(4).exponential(size=2000)
    assert np.nanmin(detect.examine(times(2000, 300), x).low) >= 0


def test_a_constant_that_moves_alarms():
    x = np.zeros(2000)
    x[1500] = 1
    assert 1500 in alarms(x, 300)


@pytest.mark.parametrize("factor", [1e-9, 1e12])
def test_the_unit_does_not_matter(factor):
    x = wave(9, 300)
    x[2000] += 50
    t = times(len(x), 300)
    np.testing.assert_allclose(detect.alarm(t, factor * x), detect.alarm(t, x), atol=0.02)


def test_a_prefix_gives_the_same_scores():
    x = np.random.default_rng(5).lognormal(size=3000)
    t = times(3000, 300)
    whole, graded = detect.alarm(t, x), detect.score(t, x)
    for cut in (5, 200, 1999):
        np.testing.assert_allclose(detect.alarm(t[:cut], x[:cut]), whole[:cut], atol=1e-9)
        np.testing.assert_allclose(detect.score(t[:cut], x[:cut]), graded[:cut], atol=1e-9)


def test_channels_are_named():
    x = wave(9, 300)
    x[2000] += 60
    channels = detect.examine(times(len(x), 300), x).channels(2000)
    assert channels["step"] > 1
    assert set(channels) <= {"range", "level", "shift", "time of day", "hours unlike", "step", "distance"}


def test_it_needs_no_django():
    code = "import sys, forecasting.detect; sys.exit('django' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
