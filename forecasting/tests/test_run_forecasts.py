from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecasting import fit_process, kept, runs, scoring, training
from forecasting.fit_process import FitFault
from forecasting.models import Forecast, ForecastModel, Foresight, History, Prediction, Track, Watch
from forecasting.tests.conftest import STEP, at, daily, later, put
from monitoring.alerts.models import Alert, Silence
from monitoring.store import reader
from monitoring.store.windows import DAY, HOUR

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _light(monkeypatch) -> None:
    """The numpy level: what the child process does is tested with it."""
    monkeypatch.setattr(training, "level", lambda: "numpy")


@pytest.fixture
def foreseen(watch):
    """A watch of a level that is full at 95."""
    return watch("disk", detect=False, forecast=True, direction="up", limit=95.0, unit="percent")


def run(t: int) -> int:
    """Series are looked for, and what is due is forecast, as of `t`."""
    Watch.objects.update(due_at=at(t))
    scoring.score_due(at(t))
    Track.objects.update(due_at=at(t))
    return runs.forecast_due(at(t))


def again(t: int) -> int:
    Track.objects.update(due_at=at(t))
    return runs.forecast_due(at(t))


def filling(end: int, days: float = 14, per_day: float = 4.0, last: float = 85.0, swing: float = 1.0) -> np.ndarray:
    """A disk that gains `per_day` points a day, a little more by day than by night."""
    rows = int(days * DAY / STEP)
    t = end - STEP * np.arange(rows)[::-1]
    return last + per_day * (t - end) / DAY + swing * np.sin(2 * np.pi * (t % DAY) / DAY) + np.random.default_rng(5).normal(0, 0.1, rows)


def test_a_forecast_is_rows_samples_and_predictions(watch, now) -> None:
    watch(forecast=True, detect=False, unit="percent")
    put("load", daily(14, end=now), now, instance="a")
    assert run(now) == 1
    track, row, model = Track.objects.get(), Forecast.objects.get(), ForecastModel.objects.get()
    assert (track.state, track.reason) == ("ok", "")
    assert (model.version, model.kind, model.level, model.active, model.why) == (1, "blend", "numpy", True, "first")
    assert model.ratio < 1
    assert model.trained_to <= at(now)
    assert len(row.points["mean"]) == 48
    assert all(low <= mean <= high for low, mean, high in zip(row.points["lo80"], row.points["mean"], row.points["hi80"], strict=True))
    assert row.start == now + HOUR
    [ref] = reader.select("load_percent:forecast", {"instance": "a"})
    t, v = reader.raw(ref.id, now, now + 3 * DAY)
    assert t[0] == now + HOUR or t[0] == now + 2 * HOUR  # what was ahead when it was written
    assert v.tolist() == pytest.approx(row.points["mean"][-len(v) :])
    assert {one.metric for one in (*reader.select("load_percent:lower"), *reader.select("load_percent:upper"))}
    assert Prediction.objects.filter(vm="a", metric="load_percent").count() == 48
    assert track.due_at <= at(now) or Track.objects.get().due_at == at(now) + timedelta(hours=1)


def test_a_second_run_for_the_same_time_changes_nothing_more(watch, now) -> None:
    watch(forecast=True, detect=False)
    put("load", daily(14, end=now), now, instance="a")
    run(now)
    again(now)
    assert Forecast.objects.filter(latest=True).count() == 1
    assert ForecastModel.objects.count() == 1
    assert Prediction.objects.count() == 48


def test_the_next_run_reads_only_what_is_new(watch, now, monkeypatch) -> None:
    watch(forecast=True, detect=False)
    put("load", daily(14, end=now), now, instance="a")
    run(now - 2 * HOUR)
    asked = []
    past = kept.evaluation.past
    monkeypatch.setattr(kept.evaluation, "past", lambda *args: asked.append((args[2], args[3])) or past(*args))
    again(now)
    assert [(end - start) for start, end in asked] == [2 * HOUR - STEP]
    assert History.objects.get().through == now
    assert len(kept.of(Track.objects.get())[0]) == pytest.approx(14 * 96, abs=3)


def test_what_came_is_noted_beside_what_was_foretold(watch, now) -> None:
    watch(forecast=True, detect=False)
    put("load", daily(14, end=now), now, instance="a")
    run(now - 5 * HOUR)
    again(now)
    came = Prediction.objects.filter(actual__isnull=False).order_by("timestamp")
    assert [row.timestamp for row in came] == [datetime.fromtimestamp((now - hours * HOUR) / 1000, UTC) for hours in (4, 3, 2, 1, 0)]
    assert all(abs(row.actual - row.mean) < 5 for row in came)
    assert not Prediction.objects.filter(timestamp__gt=at(now), actual__isnull=False).exists()


def test_the_time_to_the_limit_has_an_interval(foreseen, now) -> None:
    put("disk", filling(now), now, instance="a")
    run(now)
    row = Forecast.objects.get()
    days = (row.eta - at(now)) / timedelta(days=1)
    assert 2.0 < days < 3.2  # ten points at four a day
    assert row.eta_lo <= row.eta <= row.eta_hi
    assert row.agreeing == 1
    assert Alert.objects.count() == 0  # one run alone


def agree(now: int, runs_: int = 3, gap: int = HOUR) -> None:
    run(now - (runs_ - 1) * gap)
    for back in range(runs_ - 2, -1, -1):
        again(now - back * gap)


def test_three_runs_that_agree_open_an_alert_with_the_forecast_as_evidence(foreseen, now) -> None:
    put("disk", filling(now), now, instance="a")
    agree(now)
    alert, one = Alert.objects.get(), Foresight.objects.get()
    assert (alert.kind, alert.state, alert.name, alert.severity) == ("predictive", "firing", "DiskForeseen", "medium")
    assert "reaches 95 % in" in alert.summary
    assert len(alert.evidence["forecast"]) == 48
    assert alert.evidence["threshold"] == 95
    assert (one.alert, one.outcome, one.limit) == (alert, "open", 95.0)
    again(now)
    assert (Alert.objects.count(), Foresight.objects.count()) == (1, 1)


def after(now: int, foreseen: Watch, more: np.ndarray, opened: int) -> Foresight:
    """What came since: `more` follows the values up to `opened`."""
    end = opened + STEP * len(more)
    put("disk", more, end, instance="a")
    again(end)
    return Foresight.objects.latest("pk")


@pytest.fixture
def opened(foreseen, now) -> int:
    """A prediction that was opened three hours ago; the level was at 85."""
    start = now - 3 * HOUR
    put("disk", filling(start), start, instance="a")
    agree(start)
    assert Foresight.objects.get().outcome == "open"
    return start


def test_a_limit_that_is_reached_came_true(foreseen, now, opened) -> None:
    one = after(now, foreseen, np.linspace(85, 99, 36), opened)
    assert one.outcome == "came_true"
    assert one.lead is not None
    assert timedelta(0) < one.lead < timedelta(hours=3)
    assert one.nearest == pytest.approx(99, abs=1)
    alert = Alert.objects.get()
    assert alert.state == "resolved"
    assert "came true" in alert.transitions.last().reason


def test_a_clean_up_averts_it(foreseen, now, opened) -> None:
    one = after(now, foreseen, np.full(36, 40.0), opened)
    assert (one.outcome, Alert.objects.get().state) == ("averted", "resolved")
    assert Watch.objects.get().muted_because == ""


def test_a_time_that_passes_makes_it_false(foreseen, now, opened) -> None:
    Foresight.objects.update(eta=at(opened) + timedelta(hours=1), eta_lo=None, eta_hi=at(opened) + timedelta(hours=1))
    one = after(now, foreseen, np.full(36, 85.5), opened)
    assert (one.outcome, Alert.objects.get().state) == ("false", "resolved")
    assert "time passed" in one.note


def test_a_prediction_that_is_withdrawn_is_false_after_as_many_runs(foreseen, now, opened, monkeypatch) -> None:
    nothing = {"eta_seconds": None, "lo": None, "hi": None, "reason": "It does not reach the limit within 7 days."}
    monkeypatch.setattr(runs.capacity, "time_to_limit", lambda *args: nothing)
    put("disk", np.full(36, 85.0), now, instance="a")
    for hours, outcome in ((1, "open"), (2, "open"), (3, "false")):
        again(opened + hours * HOUR)
        assert Foresight.objects.get().outcome == outcome
    assert Forecast.objects.get(latest=True).fault.startswith("It does not reach")


def test_a_metric_whose_predictions_do_not_hold_is_muted_and_speaks_again(foreseen, now) -> None:
    from forecasting import ledger

    put("disk", filling(now), now, instance="a")
    run(now)
    track = Track.objects.get()
    past = {"track": track, "limit": 95, "value": 85, "nearest": 86, "eta": at(now), "opened_at": at(now) - timedelta(days=2)}
    for outcome in ("false", "false", "false", "came_true", "false"):
        Foresight.objects.create(**past, outcome=outcome, closed_at=at(now) - timedelta(days=1))
    assert ledger.mute(foreseen, at(now)) == "1 of 5 predictions came true within 90 days."
    for back in (2, 1, 0):
        again(now - back)
    one = Foresight.objects.get(outcome="open")
    assert (one.fingerprint, Alert.objects.count()) == ("", 0)  # noted silently
    for _ in range(3):
        Foresight.objects.create(**past, outcome="came_true", closed_at=at(now))
    assert ledger.mute(foreseen, at(now)) == ""


def test_nothing_is_opened_in_a_maintenance_window(foreseen, now) -> None:
    matchers = [{"name": "instance", "op": "=", "value": "a"}]
    starts, ends = at(now) - timedelta(minutes=10), at(now) + timedelta(hours=1)
    Silence.objects.create(matchers=matchers, kind="maintenance", reason="new disks", starts_at=starts, ends_at=ends)
    put("disk", filling(now), now, instance="a")
    agree(now)
    assert Foresight.objects.count() == 0


def test_what_is_no_better_than_naive_is_marked_and_makes_no_alert(foreseen, now, monkeypatch) -> None:
    monkeypatch.setattr(runs, "judged", lambda fitted: (Track.State.NOT_PREDICTABLE, "No model does better."))
    put("disk", filling(now), now, instance="a")
    agree(now)
    assert Track.objects.get().state == "not_predictable"
    assert Alert.objects.count() == 0
    assert [len(reader.raw(ref.id, now, now + 3 * DAY)[0]) for ref in reader.select("disk_percent:forecast")] == [0]


@pytest.mark.parametrize(
    ("values", "state", "said"),
    [
        (np.full(3 * 288, 7.0), "not_predictable", "constant"),
        (np.arange(20.0), "learning", "too little history"),
        (np.append(np.full(4 * 288, np.nan), [1.0]), "learning", "too little history"),
    ],
)
def test_what_cannot_be_predicted_says_why(foreseen, now, values, state, said) -> None:
    put("disk", values, now, instance="a")
    run(now)
    track = Track.objects.get()
    assert (track.state, said in track.reason) == (state, True), track.reason
    assert Forecast.objects.get().points == {}
    assert Prediction.objects.count() == 0


def test_a_fit_that_fails_is_visible_and_fails_that_series_only(foreseen, now, monkeypatch) -> None:
    put("disk", filling(now), now, instance="a")
    put("disk", filling(now), now, instance="b")
    anew = training.anew

    def crashing(track: Track, *args: object) -> object:
        if track.vm == "a":
            raise FitFault("The fit took longer than 120 s and was ended.")
        return anew(track, *args)

    monkeypatch.setattr(training, "anew", crashing)
    run(now)
    again(now)
    bad, good = Track.objects.get(vm="a"), Track.objects.get(vm="b")
    assert (bad.state, good.state) == ("failed", "ok")
    assert "longer than 120 s" in bad.reason
    assert ForecastModel.objects.get(track=bad).fault == bad.reason  # one row, however often
    assert bad.due_at > at(now) + timedelta(hours=5)


def test_a_model_is_made_anew_by_age_drift_level_or_when_asked(watch, now) -> None:
    watch(forecast=True, detect=False)
    put("load", daily(14, end=now), now, instance="a")
    run(now)
    track, model = Track.objects.get(), ForecastModel.objects.get()
    series = kept.of(track)
    why = lambda level="numpy", days=0.0: training.why_anew(track, model, series, level, at(later(now, days=days)))  # noqa: E731
    assert (why(), why("full"), why(days=8)) == ("", "level", "age")
    for hours in range(24):
        moment = at(now) + timedelta(hours=hours)
        Prediction.objects.filter(timestamp=moment).delete()
        band = {"mean": 50.0, "lower": 49.0, "upper": 51.0, "actual": 50.0 + 9 * model.mae}
        Prediction.objects.create(vm="a", metric="x", timestamp=moment, track=track, **band)
    assert why(days=1.1) == "drift"
    model.params["asked"] = "Ada"
    assert why() == "asked by Ada"


def test_versions_follow_each_other_and_one_is_active(watch, now) -> None:
    watch(forecast=True, detect=False)
    put("load", daily(14, end=now), now, instance="a")
    run(now)
    ForecastModel.objects.update(made_at=at(now) - timedelta(days=9))
    again(now)
    assert list(ForecastModel.objects.order_by("version").values_list("version", "active", "why")) == [
        (1, False, "first"),
        (2, True, "age"),
    ]


def test_the_full_blend_is_asked_of_the_child(watch, now, monkeypatch) -> None:
    asked = []
    blend = training.predict.blend

    def child(t, x, horizon, **options: object) -> object:
        asked.append(options["level"])
        return blend(t, x, horizon, level="numpy")

    monkeypatch.setattr(training, "level", lambda: "full")
    monkeypatch.setattr(fit_process, "blend", child)
    watch(forecast=True, detect=False)
    put("load", daily(14, end=now), now, instance="a")
    run(now)
    assert asked == ["full"]
    assert ForecastModel.objects.get().level == "full"


def test_a_small_fleet_is_forecast_by_the_full_blend_and_a_large_one_by_the_light_level(watch, now, monkeypatch) -> None:
    monkeypatch.undo()
    watch(forecast=True, detect=False)
    assert training.level() == "full"
    monkeypatch.setattr(training, "FULL_FLEET", -1)
    assert training.level() == "numpy"


def test_a_track_near_its_limit_is_looked_at_sooner(foreseen, now) -> None:
    put("disk", filling(now, days=6, last=92.0, per_day=8), now, instance="a")
    run(now)
    assert Track.objects.get().due_at <= at(now) + timedelta(minutes=10)


def test_an_expression_that_fails_is_said_on_its_tracks(foreseen, now) -> None:
    put("disk", filling(now), now, instance="a")
    run(now)
    Watch.objects.update(expr="disk * on (instance) group_left other")
    for part in "xy":
        put("other", daily(1, end=now + HOUR), now + HOUR, instance="a", part=part)
    put("disk", filling(now + HOUR, days=0.2), now + HOUR, instance="a")
    again(now + HOUR)
    track = Track.objects.get()
    assert track.state == "failed"
    assert track.lease == ""


def test_counts_are_never_foretold_below_zero(watch, now) -> None:
    watch(forecast=True, detect=False, unit="bytes")
    put("load", np.maximum(daily(14, end=now) - 50, 0), now, instance="a")
    run(now)
    points = Forecast.objects.get().points
    assert points == {} or min(points["lo95"]) >= 0
