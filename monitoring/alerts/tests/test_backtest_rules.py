"""A rule tried over history does what it would have done live."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from monitoring.alerts import backtest, running, schedule
from monitoring.alerts.models import Alert, AlertRule, AlertTransition, RuleGroup
from monitoring.query.values import Matrix
from monitoring.store import writer
from monitoring.store.batch import Batch

T0 = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)


def rule(**fields):
    return AlertRule(group=RuleGroup(name="g", interval=60), name="Hot", key="Hot", expr="temp > 80", **fields)


def matrix(*rows):
    """Rows of marks, a minute each: # where there is a value."""
    present = np.array([[mark == "#" for mark in row] for row in rows])
    t = np.array([round((T0 + timedelta(minutes=n)).timestamp() * 1000) for n in range(len(rows[0]))])
    return Matrix([{"__name__": "temp", "host": f"h{n}"} for n in range(len(rows))], t, present * 90.0, present)


def minutes(found):
    since = lambda when: None if when is None else (when - T0).total_seconds() / 60  # noqa: E731
    return [(since(one.started_at), since(one.fired_at), since(one.ended_at)) for one in found]


@pytest.mark.parametrize(
    ("marks", "waits", "kept", "expected"),
    [
        ("..###...##", 0, 0, [(2, 2, 5), (8, 8, None)]),
        ("..###...##", 2, 0, [(2, 4, 5)]),
        ("..##....##", 2, 0, []),
        ("..###.##..", 0, 2, [(2, 2, 10)]),
        ("..###..##.", 0, 2, [(2, 2, 7), (7, 7, 11)]),
        ("..........", 0, 0, []),
        ("##########", 5, 0, [(0, 5, None)]),
    ],
)
def test_runs_of_values_become_firings(marks, waits, kept, expected):
    found = backtest.replay(matrix(marks), rule(for_seconds=waits * 60, keep_firing_for=kept * 60), 60)
    assert minutes(found) == expected


def test_firings_of_several_series_are_in_order_and_named_without_the_metric():
    found = backtest.replay(matrix("..##", "##.."), rule(), 60)
    assert [one.labels for one in found] == [{"host": "h1"}, {"host": "h0"}]


def put(values, start):
    samples = (("temp", {"host": "a"}, round((start + timedelta(seconds=15 * n)).timestamp() * 1000), v) for n, v in enumerate(values))
    writer.write(Batch.of(samples))


@pytest.mark.django_db
def test_it_is_what_the_rule_does_live():
    """The same samples, replayed and evaluated one moment after the other."""
    group = RuleGroup.objects.create(name="g", interval=15)
    live = AlertRule.objects.create(group=group, name="Hot", key="Hot", expr="temp > 80", for_seconds=30, keep_firing_for=30)
    chance = np.random.default_rng(3)
    values = np.where(np.repeat(chance.random(30) > 0.5, 4), 90.0, 20.0).tolist()
    start = schedule.slot(60, timezone.now() - timedelta(hours=1))
    put(values, start)
    end = start + timedelta(seconds=15 * (len(values) - 1))
    for n in range(len(values)):
        running.evaluate([live], start + timedelta(seconds=15 * n))
    transitions = AlertTransition.objects.filter(axis="state").order_by("id")
    fired = [one.time for one in transitions if one.after == "firing"]
    ended = [one.time for one in transitions if one.after == "resolved" and one.before == "firing"]
    found = backtest.backtest(live, start, end)
    assert found.count > 2
    assert [one.fired_at for one in found.firings] == fired
    assert [one.ended_at for one in found.firings if one.ended_at and one.ended_at <= end] == ended
    assert Alert.objects.count() >= 1


@pytest.mark.django_db
def test_sums_nights_and_what_really_happened(monkeypatch):
    monkeypatch.setattr(backtest, "_troubles", [])
    start = schedule.slot(3600, timezone.now() - timedelta(hours=3))
    put([90.0] * 8 + [20.0] * 8 + [90.0] * 4 + [20.0] * 100, start)

    @backtest.troubles
    def known(a, b):
        yield backtest.Trouble("seen", "/1", start + timedelta(minutes=1), start + timedelta(minutes=5))
        yield backtest.Trouble("unseen", "/2", start + timedelta(minutes=20), start + timedelta(minutes=25))

    tried = AlertRule(group=RuleGroup(name="g", interval=15), name="Hot", expr="temp > 80")
    found = backtest.backtest(tried, start, start + timedelta(minutes=30))
    assert (found.count, found.series, found.median_seconds, found.longest_seconds) == (2, 1, 90.0, 120.0)
    assert found.firing_share == pytest.approx(180 / 1800)
    assert sum(found.by_hour) == 2
    assert ([one.name for one in found.caught], [one.name for one in found.missed]) == (["seen"], ["unseen"])


@pytest.mark.django_db
def test_a_long_time_is_looked_at_in_larger_steps_and_says_so():
    found = backtest.backtest(rule(), T0 - timedelta(days=30), T0)
    assert found.step == 260
    assert "each 260 s" in found.warnings[-1]
