"""ALERTS, as Prometheus writes it: 1 while an alert is pending or fires, ended at once when it does so no more."""

from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.alerts import alert_series, immediate, lifecycle, running, schedule
from monitoring.alerts.models import Alert, AlertRule, RuleGroup
from monitoring.query import stored
from monitoring.store import StoreUnavailable, matching, series, writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh():
    for known in (series, matching, alert_series):
        known.forget()
    yield
    for known in (series, matching, alert_series):
        known.forget()


@pytest.fixture
def start():
    return schedule.slot(60, timezone.now() - timedelta(minutes=10))


def put(at, value, **labels):
    writer.write(Batch.of([("temp", labels, round(at.timestamp() * 1000), value)]))


def rule(name="Hot", expr="temp > 80", **fields):
    group, _ = RuleGroup.objects.get_or_create(name=name, defaults={"interval": 15})
    return AlertRule.objects.create(group=group, name=name, key=name, expr=expr, **fields)


def run(at):
    """As the schedule does it, in its time."""
    RuleGroup.objects.update(due_at=at, lease="x", leased_until=at + timedelta(days=1))
    running.run(list(RuleGroup.objects.all()), "x", at)


def shown(at, query="ALERTS"):
    found = stored.run_instant(query, round(at.timestamp() * 1000))
    assert set(found.v.tolist()) <= {1.0}
    return sorted((labels["alertname"], labels["alertstate"], labels.get("host", "")) for labels in found.labels)


def test_an_alert_is_pending_then_fires_then_ends(start):
    rule(for_seconds=30, labels={"team": "ops"})
    seen = []
    for second, value in ((0, 90), (15, 90), (30, 90), (45, 20)):
        at = start + timedelta(seconds=second)
        put(at, value, host="a")
        run(at)
        seen.append(shown(at))
    assert seen == [[("Hot", "pending", "a")], [("Hot", "pending", "a")], [("Hot", "firing", "a")], []]
    (labels,) = stored.run_instant("ALERTS", round((start + timedelta(seconds=30)).timestamp() * 1000)).labels
    assert labels == {
        "__name__": "ALERTS", "alertname": "Hot", "alertstate": "firing", "host": "a", "severity": "medium", "team": "ops",
    }  # fmt: skip


def test_an_alert_that_is_only_kept_firing_goes_on_after_a_restart_too(start):
    rule(keep_firing_for=300)
    put(start, 90, host="a")
    run(start)
    for second in (15, 30):
        at = start + timedelta(seconds=second)
        put(at, 20, host="a")
        alert_series.forget()
        run(at)
    assert shown(at) == [("Hot", "firing", "a")]
    ended = start + timedelta(seconds=330)
    put(ended, 20, host="a")
    run(ended)
    assert shown(ended) == []


def test_what_a_person_resolved_begins_anew(start, operator):
    rule(for_seconds=30)
    for second in (0, 30):
        put(start + timedelta(seconds=second), 90, host="a")
        run(start + timedelta(seconds=second))
    lifecycle.resolve([Alert.objects.get().pk], operator)
    again = start + timedelta(seconds=45)
    run(again)
    assert shown(again) == [("Hot", "pending", "a")]


def test_a_rule_that_fails_ends_nothing_and_others_go_on(start):
    rule()
    rule("Warm", "temp > 50")
    put(start, 90, host="a")
    run(start)
    AlertRule.objects.filter(name="Hot").update(expr="sum(")
    later = start + timedelta(seconds=15)
    run(later)
    assert shown(later) == [("Hot", "firing", "a"), ("Warm", "firing", "a")]


def test_a_severity_that_changes_is_another_series(start):
    hot = rule(severity="low")
    put(start, 90, host="a")
    run(start)
    AlertRule.objects.filter(pk=hot.pk).update(severity="high")
    later = start + timedelta(seconds=15)
    run(later)
    assert len(shown(later)) == 1
    assert shown(later, 'ALERTS{severity="high"}') == [("Hot", "firing", "a")]


def test_a_rule_can_ask_for_alerts(start):
    rule()
    rule("Many", 'count(ALERTS{alertname="Hot",alertstate="firing"}) >= 2')
    for host in "ab":
        put(start, 90, host=host)
    run(start)
    later = start + timedelta(seconds=15)
    run(later)
    assert Alert.objects.get(name="Many").state == "firing"


def test_a_marker_that_could_not_be_stored_comes_with_the_next_evaluation(start, monkeypatch):
    rule()
    put(start, 90, host="a")
    run(start)
    later = start + timedelta(seconds=15)
    put(later, 20, host="a")
    with monkeypatch.context() as broken:
        broken.setattr(alert_series.writer, "write", refuse)
        with pytest.raises(StoreUnavailable):
            run(later)
    run(later)
    assert shown(later) == []


def refuse(batch):
    raise StoreUnavailable("the disk is full")


def test_an_evaluation_on_arrival_leaves_it_to_the_interval(start):
    hot = rule(immediate=True)
    put(timezone.now(), 90, host="a")
    immediate._evaluate({hot.pk})
    assert Alert.objects.get().state == "firing"
    assert shown(timezone.now()) == []


def test_thousands_of_alerts_are_one_batch(start, django_assert_max_num_queries, monkeypatch):
    rule()
    at = round(start.timestamp() * 1000)
    writer.write(Batch.of([("temp", {"host": f"h{number}"}, at, 90) for number in range(2000)]))
    run(start)
    batches = []
    write = writer.write
    monkeypatch.setattr(alert_series.writer, "write", lambda batch: batches.append(len(batch)) or write(batch))
    outcomes = running.evaluate(list(AlertRule.objects.select_related("group")), start + timedelta(seconds=15))
    batches.clear()
    with django_assert_max_num_queries(10):
        alert_series.write(outcomes, at + 15_000)
    assert batches == [2000]
