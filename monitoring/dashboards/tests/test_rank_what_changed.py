import numpy as np
import pytest

from monitoring.dashboards import departures, what_changed
from monitoring.dashboards.tests.conftest import cpu

NAN = np.nan
HOUR = 3_600_000


def noisy(rows, columns, level=100.0, spread=5.0):
    return np.random.default_rng(7).normal(level, spread, (rows, columns))


def test_the_median_leaves_out_what_is_missing():
    values = np.array([[3.0, NAN, 1.0, 2.0], [NAN, 4.0, NAN, 2.0], [NAN] * 4])
    np.testing.assert_array_equal(departures.median(values), [2.0, 3.0, NAN])


def test_who_stays_scores_low_and_who_leaves_scores_high():
    past, window = noisy(3, 60), noisy(3, 12)
    window[1] += 50
    z = departures.measure(window, past).z
    assert z[1] > 8
    assert max(z[0], z[2]) < 1.5


def test_one_spike_of_the_past_does_not_hide_a_change():
    past, window = noisy(1, 60), noisy(1, 12, level=160.0)
    past[0, 10] = 10_000.0
    plain = np.abs(window.mean() - past.mean()) / past.std()
    assert plain < 1  # an ordinary z-score sees nothing
    past[0, 10] = 500.0
    assert departures.measure(window, past).z[0] > 5


def test_a_single_spike_in_the_window_is_no_change():
    window = noisy(1, 13)
    window[0, 4] = 1e6
    assert departures.measure(window, noisy(1, 60)).z[0] < 1.5


def test_a_past_that_never_moved_is_left_by_any_step():
    measured = departures.measure(np.full((1, 12), 5.0), np.zeros((1, 60)))
    assert departures.score(measured.z[0]) == 100


def test_the_onset_is_the_first_bucket_that_left():
    window = np.r_[np.full(5, 100.0), np.full(7, 200.0)][None]
    assert departures.measure(window, noisy(1, 60)).onset[0] == 5


def test_new_and_ended_series_are_told():
    window = np.array([[1.0] * 4, [NAN] * 4, [1.0, 1.0, NAN, NAN]])
    past = np.array([[NAN] * 8, [1.0] * 8, [1.0] * 8])
    measured = departures.measure(window, past)
    assert measured.appeared.tolist() == [True, False, False]
    assert measured.ended.tolist() == [False, True, True]


def test_what_only_grows_is_seen_by_its_pace():
    assert departures.rising(np.array([[1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 1.0, 5.0], [1.0, 1.0, 1.0, 1.0]])).tolist() == [True, False, False]


def test_nothing_to_compare_is_no_score():
    assert np.isnan(departures.measure(np.empty((2, 0)), np.ones((2, 3))).z).all()


# -- over the store ------------------------------------------------------------------------------------------------------
@pytest.fixture
def span(now_ms):
    from aiops import timerange

    return timerange.absolute(now_ms - HOUR, now_ms)


@pytest.fixture
def fleet(watch, sample):
    """Two hosts over 2 h, one sample each 15 s: in the last 40 minutes one of them has trouble."""
    count, wild = 480, np.random.default_rng(3)
    for name, trouble in (("calm", 0.0), ("loud", 9.0)):
        load = wild.normal(1.0, 0.1, count)
        load[-160:] += trouble
        clock = 1_700_000_000 + 15.0 * np.arange(count)
        sample(watch(name), [("node_load1", {}, list(load)), ("node_time_seconds", {}, list(clock)), *cpu(20, count)])


@pytest.mark.django_db
def test_the_series_that_left_its_past_stands_first(fleet, span):
    found = what_changed.in_window(span)
    first = found.changes[0]
    assert (first.metric, first.name, first.word) == ("node_load1", "loud", "changed")
    assert first.score > 60
    assert first.before.startswith("1")
    assert span.end_ms - first.onset == pytest.approx(40 * 60_000, abs=10 * 60_000)
    assert [change.metric for change in found.changes] == ["node_load1"]  # clocks and steady counters stay where they are


@pytest.mark.django_db
def test_a_selector_narrows_it(fleet, span):
    found = what_changed.in_window(span, '{instance="calm"}')
    assert found.looked_at == 6
    assert found.changes == []


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["rate(x[5m])", "{instance=", "1"])
def test_what_is_no_selector_is_refused_in_words(wrong, span):
    assert what_changed.in_window(span, wrong).error.message


@pytest.mark.django_db
def test_series_of_a_new_host_are_one_line(fleet, watch, sample, span):
    sample(watch("fresh"), [(f"metric_{n}", {}, [1.0] * 60) for n in range(5)])
    [line] = [change for change in what_changed.in_window(span).changes if change.word == "new"]
    assert (line.metric, line.name, line.query) == ("5 series appeared", "fresh", "q=count%28%7Binstance%3D%22fresh%22%7D%29")


@pytest.mark.django_db
def test_a_series_that_ended_is_told(fleet, watch, sample, span):
    sample(watch("silent"), [("beat", {}, [1.0] * 240)], until=HOUR)
    [line] = [change for change in what_changed.in_window(span).changes if change.word == "ended"]
    assert (line.metric, line.name) == ("beat", "silent")


@pytest.mark.django_db
def test_more_series_than_it_takes_are_said(fleet, span, monkeypatch):
    monkeypatch.setattr(what_changed, "MOST_SERIES", 4)
    found = what_changed.in_window(span)
    assert (found.looked_at, found.matched) == (4, 12)


def test_the_longer_the_window_the_fewer_series(now_ms):
    from aiops import timerange

    hour, month = (what_changed.Windows.of(timerange.absolute(now_ms - hours * HOUR, now_ms)).most for hours in (1, 720))
    assert (hour, month) == (8000, 333)


@pytest.mark.django_db
def test_the_page_part_opens_each_series_in_the_explorer(fleet, viewer, client_of):
    page = client_of(viewer).get("/explore/changed?range=now-1h").content.decode()
    assert "/explore/?q=node_load1%7Binstance%3D%22loud%22%7D&amp;range=now-1h" in page
