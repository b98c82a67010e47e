from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import OperationalError, connection

from forecasting import scoring, shards, stream
from forecasting.anomalies import Episodes, Row, counts
from forecasting.models import Anomaly, DetectorState, Track, Watch
from forecasting.tests.conftest import STEP, at, daily, later, put
from monitoring.alerts.models import Alert, Silence
from monitoring.store import StoreUnavailable, reader, writer
from monitoring.store.windows import DAY, MINUTE

pytestmark = pytest.mark.django_db


def tick(t: int) -> int:
    Watch.objects.update(due_at=at(t))
    return scoring.score_due(at(t))


def scores(metric: str = "load_percent:anomaly") -> dict[int, float]:
    [ref] = reader.select(metric)
    t, v = reader.raw(ref.id, 0, 1 << 60)
    return dict(zip(t.tolist(), v.tolist(), strict=True))


def spike_at(values: np.ndarray, rows_before_end: int, height: float = 100.0, rows: int = 3) -> np.ndarray:
    spiked = values.copy()
    spiked[len(values) - rows_before_end : len(values) - rows_before_end + rows] += height
    return spiked


@pytest.fixture
def spiked(now: int) -> int:
    """Eight days of one host; a spike an hour before `now`."""
    put("load", spike_at(daily(8, end=now), 12), now, instance="a")
    return now


def test_a_series_becomes_a_track_and_is_judged_from_then_on(watch, now) -> None:
    watch()
    put("load", daily(8, end=now), now, instance="a")
    tick(now - 3 * STEP)
    track = Track.objects.get()
    assert (track.vm, track.series, track.metric) == ("a", "load_percent", "load_percent")
    tick(now)
    assert sorted(scores()) == [now - 2 * STEP, now - STEP, now]
    assert Anomaly.objects.count() == 0


def test_a_spike_is_an_anomaly_with_reason_band_and_value(watch, spiked) -> None:
    watch(direction="up")
    tick(spiked - 20 * STEP)
    tick(spiked)
    [found] = Anomaly.objects.all()
    assert found.started_at == datetime.fromtimestamp((spiked - 11 * STEP) / 1000, UTC)
    assert found.value > 100
    assert found.high is not None
    assert found.high < 100
    assert found.reason in stream.REASONS
    assert max(found.channels.values()) >= 1


def row_of(score: float, reason: str, minutes: int) -> Row:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    return Row(
        1, start + timedelta(minutes=minutes), score, 90.0, 10.0, 20.0, reason, {"range": 2.0} if reason != stream.REASONS[0] else {}
    )


def test_an_anomaly_keeps_its_reason_while_its_score_fades() -> None:
    """A later row may have the higher score and nothing unusual of its own."""
    episodes = Episodes(Watch(step=300), {})
    episodes.loud(row_of(0.5, "Level shift up", 0))
    episodes.heard(row_of(0.6, stream.REASONS[0], 5))
    [found] = episodes.fresh
    assert (found.score, found.reason, found.channels) == (0.6, "Level shift up", {"range": 2.0})
    episodes.heard(row_of(0.7, "Spike", 10))
    assert found.reason == "Spike"


def test_one_ends_and_another_begins_in_the_rows_of_one_tick(watch) -> None:
    """After a pause a tick goes through many rows at once."""
    mine = watch()
    track = Track.objects.create(watch=mine, key="k", metric="load_percent", vm="a", series="load_percent")
    for rows in ([(0.8, 0)], [(0.1, minutes) for minutes in (5, 10, 15)] + [(0.9, 60)]):
        episodes = Episodes.of(mine)
        for score, minutes in rows:
            row = row_of(score, "Spike", minutes)._replace(track=track.pk)
            episodes.loud(row) if score > 0.5 else episodes.heard(row)
        episodes.save()
    assert [(row.score, row.is_open) for row in Anomaly.objects.order_by("started_at")] == [(0.8, False), (0.9, True)]


def test_the_other_side_is_no_trouble_of_a_watch_of_high_values(watch, now) -> None:
    watch(direction="up")
    put("load", spike_at(daily(8, end=now), 12, -60.0), now, instance="a")
    tick(now - 20 * STEP)
    tick(now)
    assert Anomaly.objects.count() == 0


def test_a_less_sensitive_watch_says_less() -> None:
    strength, none = np.array([0.3, 0.6, 0.9]), np.full(3, np.nan)
    judged = stream.Judged(strength, strength, none, none, np.ones(3, np.int8), np.zeros((0, 3)))
    found = {sensitivity: counts(Watch(sensitivity=sensitivity), judged, none).tolist() for sensitivity in (0.25, 1.0, 2.0)}
    assert found == {0.25: [False, False, True], 1.0: [False, True, True], 2.0: [True, True, True]}


def test_a_track_of_less_than_two_days_is_scored_but_quiet(watch, now) -> None:
    watch()
    put("load", spike_at(daily(1.5, end=now), 12), now, instance="a")
    tick(now - 20 * STEP)
    tick(now)
    assert Anomaly.objects.count() == 0
    assert len(scores()) == 20


def test_series_that_are_only_forecast_become_tracks_without_a_score(watch, now) -> None:
    watch(detect=False, forecast=True)
    put("load", daily(1, end=now), now, instance="a")
    tick(now)
    assert Track.objects.get().place is None
    assert reader.select("load_percent:anomaly") == []
    assert Watch.objects.get().due_at > at(later(now, minutes=25))


def test_rows_in_one_go_or_one_by_one_say_the_same(watch, spiked) -> None:
    watch()
    tick(spiked - 24 * STEP)
    tick(spiked)
    together = (scores(), Anomaly.objects.values_list("started_at", "seen_at", "score", "reason").get())
    Track.objects.all().delete()
    DetectorState.objects.all().delete()
    shards.forget()
    tick(spiked - 24 * STEP)
    for back in range(23, -1, -1):
        tick(spiked - back * STEP)
    assert scores() == pytest.approx(together[0])
    assert Anomaly.objects.values_list("started_at", "seen_at", "score", "reason").get() == together[1]


def test_a_process_that_is_killed_goes_on_where_the_rows_say(watch, spiked, monkeypatch) -> None:
    """Killed after the samples were written and before it was told: the next process does it again, and nothing is there twice."""
    watch()
    tick(spiked - 24 * STEP)
    tell = scoring._tell

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "_tell", killed)
    with pytest.raises(KeyboardInterrupt):
        tick(spiked - 6 * STEP)
    assert Anomaly.objects.count() == 0
    shards.forget()
    Watch.objects.update(lease="", leased_until=None)  # what embedded mode does at its start, and time everywhere
    monkeypatch.setattr(scoring, "_tell", tell)
    tick(spiked - 6 * STEP)
    tick(spiked)
    assert Anomaly.objects.count() == 1
    assert sorted(scores()) == [spiked - back * STEP for back in range(23, -1, -1)]


def test_a_restart_replays_what_came_since_the_state_was_written(watch, spiked) -> None:
    watch()
    tick(spiked - 24 * STEP)
    tick(spiked - 22 * STEP)  # not written again so soon
    assert DetectorState.objects.get().through == spiked - 24 * STEP
    shards.forget()
    tick(spiked)
    replayed = scores()
    assert sorted(replayed) == [spiked - back * STEP for back in range(23, -1, -1)]
    assert DetectorState.objects.get().through == spiked  # two hours: written


def test_a_row_told_of_by_another_process_is_not_told_again(watch, spiked) -> None:
    watch()
    tick(spiked - 24 * STEP)
    mine = dict(shards._held)
    shards.forget()
    tick(spiked - 4 * STEP)  # the other process
    anomaly = Anomaly.objects.get()
    shards._held.clear()
    shards._held.update(mine)
    tick(spiked)
    assert Anomaly.objects.get().pk == anomaly.pk
    assert len(scores()) == 24


def test_who_lost_his_lease_writes_no_anomaly(watch, spiked, monkeypatch) -> None:
    watch()
    tick(spiked - 24 * STEP)
    write = scoring._write

    def slow(told: object) -> int:
        Watch.objects.update(lease="somebody else")
        return write(told)

    monkeypatch.setattr(scoring, "_write", slow)
    tick(spiked)
    assert Anomaly.objects.count() == 0
    assert Watch.objects.get().lease == "somebody else"


def test_a_leased_watch_is_left_alone_until_the_lease_ends(watch, spiked) -> None:
    watch(lease="x", leased_until=at(spiked) + timedelta(minutes=1))
    assert tick(spiked) == 0
    Watch.objects.update(leased_until=at(spiked) - timedelta(minutes=1))
    assert tick(spiked) == 1


def test_cold_start_is_quiet(watch, now) -> None:
    watch()
    put("load", np.random.default_rng(3).exponential(5, 60), now, instance="a")
    for back in range(50, -1, -10):
        tick(now - back * STEP)
    assert Anomaly.objects.count() == 0


def test_a_maintenance_window_is_neither_judged_nor_learned(watch, spiked) -> None:
    watch()
    Silence.objects.create(
        matchers=[{"name": "instance", "op": "=", "value": "a"}],
        kind="maintenance",
        reason="new disks",
        starts_at=at(spiked - 13 * STEP),
        ends_at=at(spiked - 6 * STEP),
    )
    tick(spiked - 20 * STEP)
    tick(spiked)
    assert Anomaly.objects.count() == 0
    assert spiked - 10 * STEP not in scores()
    assert spiked in scores()


def test_a_gap_has_no_score_and_makes_no_anomaly(watch, now) -> None:
    watch()
    values = daily(8, end=now)
    values[-20:-8] = np.nan
    put("load", values, now, instance="a")
    tick(now - 30 * STEP)
    tick(now)
    assert now - 10 * STEP not in scores()
    assert Anomaly.objects.count() == 0


def test_a_counter_that_starts_anew_is_no_anomaly(watch, now) -> None:
    watch(expr="rate(bytes_total[10m])", metric="bytes")
    counted = np.cumsum(daily(8, end=now) * 300)
    counted[-10:] -= counted[-10]
    put("bytes_total", counted, now, instance="a")
    tick(now - 20 * STEP)
    tick(now)
    assert Anomaly.objects.count() == 0


def test_an_anomaly_ends_when_it_has_been_calm(watch, now) -> None:
    watch()
    put("load", spike_at(daily(9, end=now), 288), now, instance="a")
    tick(now - 300 * STEP)
    tick(now)
    [found] = Anomaly.objects.all()
    assert found.ended_at is not None
    assert found.started_at < found.ended_at < at(now)


def test_series_that_come_later_join(watch, now) -> None:
    watch()
    put("load", daily(8, end=now), now, instance="a")
    tick(now - 3 * STEP)
    put("load", daily(8, end=now, seed=2), now, instance="b")
    tick(now - 2 * STEP)
    tick(now)
    state = DetectorState.objects.get()
    assert (state.size, Track.objects.filter(shard=state).count()) == (2, 2)
    assert len(reader.select("load_percent:anomaly")) == 2


def test_no_more_series_than_the_watch_allows(watch, now) -> None:
    watch(most=2)
    for name in "abc":
        put("load", daily(1, end=now), now, instance=name)
    tick(now)
    assert Track.objects.count() == 2
    assert Watch.objects.get().last_series == 3


def test_an_expression_that_cannot_be_evaluated_is_said_and_others_go_on(watch, now) -> None:
    watch("broken", expr="load * on (instance) group_left other_load")
    watch()
    for name in "ab":
        put("load", daily(1, end=now), now, instance="a", part=name)
        put("other_load", daily(1, end=now), now, instance="a", part=name)
    assert tick(now) == 2
    assert "many" in Watch.objects.get(key="broken").last_error
    assert Watch.objects.get(key="load").last_error == ""
    assert Track.objects.filter(watch__key="load").count() == 2


def test_while_the_store_is_away_nothing_is_lost(watch, spiked, monkeypatch) -> None:
    from forecasting.tasks import score_due

    watch()
    tick(spiked - 24 * STEP)
    with monkeypatch.context() as away:
        away.setattr(writer, "write", lambda batch: (_ for _ in ()).throw(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            tick(spiked)
        assert score_due() == 0  # the task puts it off
    tick(spiked)
    assert Anomaly.objects.count() == 1
    assert len(scores()) == 24


def test_a_locked_database_puts_it_off(watch, spiked, monkeypatch) -> None:
    watch()
    monkeypatch.setattr(scoring, "_tell", lambda *args: (_ for _ in ()).throw(OperationalError("database is locked")))
    with pytest.raises(OperationalError):
        tick(spiked)
    assert Watch.objects.get().lease == ""


def test_a_state_of_another_detector_is_learned_anew(watch, spiked) -> None:
    watch()
    tick(spiked - 24 * STEP)
    DetectorState.objects.update(blob=b"old", version=7)
    shards.forget()
    tick(spiked - 23 * STEP)
    tick(spiked)
    assert Anomaly.objects.count() == 1
    assert Track.objects.get().shard is not None


def test_a_watch_that_says_so_alerts_and_ends_its_alert(watch, now) -> None:
    watch(alert_anomalies=True)
    put("load", spike_at(daily(9, end=now), 288), now, instance="a")
    tick(now - 300 * STEP)
    tick(now - 286 * STEP)
    alert = Alert.objects.get()
    assert (alert.kind, alert.state, alert.name, alert.source) == ("anomaly", "firing", "LoadAnomaly", "forecasting")
    assert alert.labels["instance"] == "a"
    tick(now)
    alert.refresh_from_db()
    assert alert.state == "resolved"


def test_without_being_asked_an_anomaly_makes_no_alert(watch, spiked) -> None:
    watch()
    tick(spiked - 20 * STEP)
    tick(spiked)
    assert Anomaly.objects.count() == 1
    assert Alert.objects.count() == 0


def test_a_watch_of_many_metrics_writes_under_each_ones_name(watch, now) -> None:
    watch("facts", metric="", expr='{vm!="",job=""}')
    for name in ("cpu", "memory"):
        put(name, daily(8, end=now), now, vm="web-1")
    tick(now - STEP)
    tick(now)
    assert {(track.vm, track.series) for track in Track.objects.all()} == {("web-1", "cpu"), ("web-1", "memory")}
    assert len(reader.select("cpu:anomaly", {"vm": "web-1"})) == 1


def test_after_a_long_pause_a_day_is_caught_up(watch, now) -> None:
    watch()
    put("load", daily(12, end=now), now, instance="a")
    tick(later(now, days=-3))
    tick(now)
    assert min(scores()) >= now - DAY
    assert max(scores()) == now


@pytest.mark.django_db(transaction=True)
def test_two_at_once_share_the_watches(watch, now) -> None:
    for name in "abcd":
        watch(name, expr="load", metric=f"{name}_percent")
    put("load", daily(1, end=now), now, instance="a")

    def work(_: int) -> int:
        try:
            return scoring.score_due(at(now))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(work, range(2)))
    assert sum(counts) == 4
    assert Track.objects.count() == 4
    assert not Watch.objects.exclude(lease="").exists()


def test_minute_steps_are_scored_by_the_minute(watch, now) -> None:
    watch(step=60)
    put("load", np.full(300, 5.0) + np.arange(300) % 3, now, step=MINUTE, instance="a")
    tick(now - 2 * MINUTE)
    tick(now)
    assert sorted(scores()) == [now - MINUTE, now]
