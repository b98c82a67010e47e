from datetime import timedelta

import numpy as np
import pytest

from forecasting import scoring, shards, tasks, tending
from forecasting.models import Anomaly, DetectorState, Forecast, ForecastModel, Foresight, Prediction, Track, Watch
from forecasting.tests.conftest import STEP, at, daily, put
from monitoring.store.windows import DAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(watch, now) -> int:
    watch()
    for name in "ab":
        put("load", daily(3, end=now), now, instance=name)
    scoring.score_due(at(now))
    return now


def test_a_silent_track_ends_with_what_is_open_of_it(two) -> None:
    track = Track.objects.get(vm="a")
    moment = at(two)
    Anomaly.objects.create(track=track, started_at=moment, peak_at=moment, seen_at=moment, score=0.9, reason="Spike", value=9)
    Foresight.objects.create(track=track, opened_at=moment, limit=9, value=5, nearest=5, eta=moment)
    Track.objects.filter(pk=track.pk).update(last_seen=moment - timedelta(days=2))
    assert tending.end_silent(moment) == 1
    assert tending.end_silent(moment) == 0
    track.refresh_from_db()
    assert track.state == "ended"
    assert Anomaly.objects.get().ended_at == moment
    assert (Foresight.objects.get().outcome, Foresight.objects.get().note) == ("averted", "The series ended.")


def test_the_place_of_an_ended_track_is_anothers_and_the_rest_go_on(two) -> None:
    Track.objects.filter(vm="a").update(last_seen=at(two) - timedelta(days=3))
    tending.end_silent(at(two))
    assert tending.sweep(at(two)) == 1
    assert DetectorState.objects.get().size == 1
    shards.forget()
    put("load", daily(3, end=two + 2 * STEP)[-2:], two + 2 * STEP, instance="b")
    Watch.objects.update(due_at=at(two))
    scoring.score_due(at(two + 2 * STEP))
    assert Track.objects.get(vm="b").place == 0
    assert Track.objects.get(vm="a").place is None


def test_a_track_that_comes_back_learns_anew(two) -> None:
    Track.objects.filter(vm="a").update(last_seen=at(two) - timedelta(days=3))
    tending.end_silent(at(two))
    tending.sweep(at(two))
    put("load", np.array([50.0, 51.0]), two + 2 * STEP, instance="a")
    for t in (two + STEP, two + 2 * STEP):
        Watch.objects.update(due_at=at(two))
        scoring.score_due(at(t))
    track = Track.objects.get(vm="a")
    assert track.state == "ok"  # its past is known
    assert track.place is not None


def test_a_track_that_is_scored_alone_is_known_after_two_days(watch, now) -> None:
    watch()
    put("load", daily(1, end=now), now, instance="young")
    put("load", daily(3, end=now), now, instance="old")
    scoring.score_due(at(now))
    assert dict(Track.objects.values_list("vm", "state")) == {"young": "learning", "old": "ok"}
    assert "quiet until two days" in Track.objects.get(vm="young").reason
    assert tending.introduce(at(now)) == 0
    assert tending.introduce(at(now) + timedelta(days=3)) == 1


def test_old_rows_go_and_the_ledger_stays(two, settings) -> None:
    settings.FORECAST_RETENTION_DAYS = 30
    old, track = at(two) - timedelta(days=40), Track.objects.get(vm="a")
    Anomaly.objects.create(track=track, started_at=old, peak_at=old, seen_at=old, ended_at=old, score=0.9, reason="Spike", value=9)
    Prediction.objects.create(vm="a", metric="x", timestamp=old, mean=1, lower=0, upper=2)
    Forecast.objects.create(track=track, made_at=old, latest=False, start=0, step=60)
    Forecast.objects.create(track=track, made_at=old, latest=True, start=0, step=60)
    closed = {"opened_at": old, "limit": 9, "value": 5, "nearest": 5, "eta": old, "outcome": "false", "closed_at": old}
    Foresight.objects.create(track=track, **closed)
    for version in range(1, 9):
        ForecastModel.objects.create(track=track, version=version, kind="blend", active=version == 1)
    assert tending.expire(at(two)) == 3 + 2
    left = (Anomaly, Prediction, Forecast, Foresight)
    assert [model.objects.count() for model in left] == [0, 0, 1, 1]
    assert sorted(ForecastModel.objects.values_list("version", flat=True)) == [1, 4, 5, 6, 7, 8]
    assert tending.expire(at(two)) == 0


def test_a_track_that_ended_long_ago_goes(two, settings) -> None:
    settings.FORECAST_RETENTION_DAYS = 30
    Track.objects.filter(vm="a").update(state="ended", last_seen=at(two) - timedelta(days=31))
    tending.expire(at(two))
    assert Track.objects.get().vm == "b"


def test_every_task_runs_on_an_empty_installation(db) -> None:
    names = (tasks.score_due, tasks.forecast_due, tasks.tend_tracks, tasks.expire_forecasts)
    assert [task() for task in names] == [0, 0, 0, 0]


def test_leases_of_a_process_that_ended_are_freed(two) -> None:
    from forecasting import schedule

    Watch.objects.update(lease="x", leased_until=at(two) + timedelta(days=1))
    Track.objects.update(lease="x", leased_until=at(two) + timedelta(days=1))
    assert schedule.free_leases() == 3
    assert schedule.claim_watch(at(two + DAY)) is not None
