"""Completeness, correlations and seasons of series, and the page that shows them."""

import math

import numpy as np
import pytest

from forecasting import analysis
from forecasting.tests.rows import a_track, a_watch, an_anomaly, samples

HOURS = np.arange(24 * 28)
TIMES = HOURS * 3600
DAILY = np.sin(2 * np.pi * HOURS / 24)
NOISE = np.random.default_rng(1).normal(size=len(HOURS))


def test_completeness_is_counted_from_the_first_sample_on():
    values = np.array([[np.nan, np.nan, 1, np.nan, 1, 1], [np.nan] * 6, [1.0] * 6])
    assert analysis.completeness(values).tolist() == [0.75, 0, 1]


def test_correlations_are_of_the_times_that_both_have():
    gappy = np.where(HOURS % 5 == 0, np.nan, 3 - 2 * DAILY)
    r = analysis.correlations(np.array([DAILY, gappy, np.full(len(HOURS), 7.0), NOISE]))
    assert r[0, 1] == pytest.approx(-1)
    assert r[0, 0] == pytest.approx(1)
    assert np.isnan(r[0, 2])
    assert abs(r[0, 3]) < 0.2
    assert np.isnan(analysis.correlations(np.array([DAILY[:5], DAILY[:5]]))[0, 1])


def test_the_strength_of_a_season_is_the_share_that_repeats():
    weekly = DAILY * (HOURS // 24 % 7 < 5)
    values = np.array([DAILY, NOISE, DAILY + NOISE, weekly, np.full(len(HOURS), 3.0)])
    day, week = analysis.strength(values, TIMES, analysis.DAY), analysis.strength(values, TIMES, analysis.WEEK)
    assert day[0] == pytest.approx(1)
    assert day[1] < 0.1
    assert 0.2 < day[2] < 0.5
    assert week[3] == pytest.approx(1)
    assert day[3] < week[3]
    assert np.isnan(day[4])
    assert np.isnan(analysis.strength(values[:, :30], TIMES[:30], analysis.DAY)).all()


def test_a_heat_map_holds_means_by_weekday_and_hour():
    found = analysis.heat(DAILY, HOURS // 24 % 7, HOURS % 24)
    assert found.means.shape == (7, 24)
    assert found.means[3, 6] == pytest.approx(math.sin(math.pi / 2))
    assert analysis.heat(np.full(3, np.nan), HOURS[:3] * 0, HOURS[:3]) is None


# -- the page ----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def seen(db, client_of, viewer):
    client = client_of(viewer)

    def get(query="", status=200):
        answer = client.get(f"/analysis/{query}")
        assert answer.status_code == status, answer.content[:2000]
        return answer.content.decode()

    return get


def test_series_of_a_set_are_compared(seen):
    one, other = a_track(), a_track("db-2")
    samples(one, days=3, step=900)
    samples(other, 10, 20, days=3, step=900)
    an_anomaly(one)
    page = seen(f"?watch={one.watch_id}&range=now-3d&of={other.pk}")
    assert "1.00" in page
    assert "Highest on" in page
    assert "Disk used /, db-2, means, by your clock" in page
    assert "1 series" in seen("?q=db-2")
    assert "No series to compare" in seen("?q=nothing")


def test_it_is_read_without_anything_there(seen):
    page = seen()
    assert "No rule fired in this time." in page
    assert "No series is watched yet." in page


def test_series_that_are_silent_are_counted_by_watch(seen):
    a_track("gone-1", a_watch(), last_seen="2020-01-01T00:00:00Z")
    assert "of 1" in seen()


@pytest.mark.parametrize("query", ["?track=x", "?watch=x", "?range=ever"])
def test_what_cannot_be_asked_is_refused(seen, query):
    seen(query, 400)


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("operator", 200), ("admin", 200), ("stranger", 302)])
def test_who_may_read_it(request, db, role, status, client_of):
    assert client_of(request.getfixturevalue(role)).get("/analysis/").status_code == status
