"""Immediate rules: evaluated as soon as a sample of their metrics is stored."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.alerts import checks, immediate, running, schedule
from monitoring.alerts.models import Alert, AlertRule, RuleGroup
from monitoring.alerts.signals import alert_opened
from monitoring.store import matching, series, writer
from monitoring.store.batch import Batch


@pytest.fixture(autouse=True)
def _fresh():
    for known in (series, matching, immediate):
        known.forget()
    yield
    immediate.forget()


def put(metric, value, at=None, **labels):
    at = at or timezone.now()
    writer.write(Batch.of([(metric, labels, round(at.timestamp() * 1000), value)]))


def rule(expr, immediate=True, **fields):
    group, _ = RuleGroup.objects.get_or_create(name="g", defaults={"interval": 3600})
    return AlertRule.objects.create(group=group, name="Hot", key="Hot", expr=expr, immediate=immediate, **fields)


def eventually(check, seconds=10):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_a_sample_fires_the_rule_at_once_and_the_next_ends_it():
    rule("temp > 80")
    opened = []
    hear = lambda alert_ids, **rest: opened.extend(alert_ids)  # noqa: E731
    alert_opened.connect(hear)
    try:
        put("temp", 90, host="a")
        eventually(lambda: opened)
    finally:
        alert_opened.disconnect(hear)
    assert Alert.objects.get().state == "firing"
    time.sleep(0.002)
    put("temp", 20, host="a")
    eventually(lambda: Alert.objects.get().state == "resolved")


@pytest.mark.django_db(transaction=True)
def test_other_metrics_and_other_rules_are_left_alone(monkeypatch):
    rule("temp > 80", immediate=False)
    wanted = []
    monkeypatch.setattr(immediate._evaluator, "want", wanted.append)
    put("temp", 90, host="a")
    immediate.forget()
    hot = AlertRule.objects.get()
    AlertRule.objects.update(immediate=True)
    put("humidity", 90, host="a")
    assert wanted == []
    put("temp", 90, host="a")
    assert wanted == [{hot.pk}]


@pytest.mark.django_db(transaction=True)
def test_a_sample_that_is_rolled_back_is_not_heard_of(monkeypatch):
    from django.db import transaction

    rule("temp > 80")
    wanted = []
    monkeypatch.setattr(immediate._evaluator, "want", wanted.append)
    with transaction.atomic():
        put("temp", 90, host="a")
        transaction.set_rollback(True)
    assert wanted == []


@pytest.mark.django_db
def test_the_evaluation_at_the_interval_does_not_end_what_began_after_its_moment():
    found = rule("temp > 80")
    slot = schedule.slot(60, timezone.now() - timedelta(minutes=5))
    put("temp", 90, slot + timedelta(seconds=5), host="a")
    running.evaluate([found], slot + timedelta(seconds=6))
    running.evaluate([found], slot)  # late, about a moment before the sample
    assert Alert.objects.get().state == "firing"


@pytest.mark.parametrize(
    ("expr", "kind", "fits"),
    [("temp > 80", "alert", True), ('{job="x"} > 80', "alert", False), ("temp", "record", False), ("vector(1)", "alert", False)],
)
def test_only_an_alert_that_names_its_metrics_can_be_immediate(expr, kind, fits):
    found = AlertRule(group=RuleGroup(name="g"), name="hot", expr=expr, kind=kind, immediate=True)
    assert [one.field for one in checks.check_rule(found)] == ([] if fits else ["immediate"])
