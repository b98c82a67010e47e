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
    assert set(channels) <= {"range", "level", "shift", "time of day", "hours unlike", "seldom", "step", "distance"}


def stolen(days: int, every: int, lasts: int, seed: int = 7) -> np.ndarray:
    """A few tenths of a per cent; 18 % for `lasts` rows of five minutes, each `every` rows."""
    rows = np.arange(days * 288)
    return np.abs(np.random.default_rng(seed).normal(0.2, 0.1, len(rows))) + 18.0 * (rows % every >= every - lasts)


def test_a_seldom_state_is_told_each_time_it_comes_back():
    """A neighbour who takes the CPU for two hours of 27."""
    every, lasts = 27 * 12, 24
    found = alarms(stolen(14, every, lasts), 300)
    found = found[found > 2 * 288]
    begins = np.arange(every - lasts, 14 * 288 - lasts, every)[2:]  # the first two days are quiet
    assert all(((found >= begin) & (found < begin + lasts)).any() for begin in begins)
    assert len(found) <= len(begins) + 3


@pytest.mark.parametrize("job", [stolen(14, 288, 24), stolen(14, 27, 9), np.r_[stolen(10, 99_999, 1), stolen(4, 99_999, 1) + 5]])
def test_what_comes_daily_or_often_or_stays_is_not_seldom(job):
    """A job of each night; one that takes a third of the time; a level that stays is told when it comes."""
    assert len(alarms(job, 300)[alarms(job, 300) > 11 * 288]) == 0


def test_a_short_spike_is_not_a_seldom_state():
    x = wave(10, 300)
    x[9 * 288 : 9 * 288 + 4] += 70
    seldom = [detect.examine(times(len(x), 300), x).channels(row).get("seldom") for row in range(9 * 288, 9 * 288 + 5)]
    assert seldom == [None] * 5


def office(weeks: int, first: int, seed: int) -> np.ndarray:
    """Rows of five minutes of a service that rests on two days of seven; the first row is of weekday `first`, Monday 0."""
    rows = np.arange(weeks * 7 * 288)
    works = (rows // 288 + first) % 7 < 5
    hill = np.clip(np.sin((rows % 288 - 84) / 144 * np.pi), 0, 1)
    return 10 + 40 * hill * np.where(works, 1.0, 0.25) + np.random.default_rng(seed).normal(0, 1.5, len(rows))


@pytest.mark.parametrize("upside", [1, -1])
def test_first_weekends_and_mondays_are_quiet(upside):
    """Whichever day a series begins on: on the mean at most two false alarms in its first three weeks."""
    told = 0
    for first in range(7):
        x = 60 + upside * office(3, first, first)
        strength = detect.alarm(times(len(x), 300) + np.timedelta64(first, "D"), x)
        told += int((strength[2 * 288 :] >= 0.5).sum())
    assert told <= 14


@pytest.mark.parametrize("step", [60, 300, 3600])
@pytest.mark.parametrize("seed", range(3))
def test_no_alarm_is_without_a_reason(step, seed):
    """Not at the bar of the most sensitive watch either."""
    x = np.random.default_rng(seed).lognormal(size=6000) + wave(6000 * step // 86_400 + 1, step, seed)[:6000]
    x[4000:4100] += 30
    examined = detect.examine(times(6000, step), x)
    assert (examined.strength >= 0.25).sum() > 3
    assert (examined.reason[examined.strength >= 0.25] > 0).all()


def test_it_needs_no_django():
    code = "import sys, forecasting.detect; sys.exit('django' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
