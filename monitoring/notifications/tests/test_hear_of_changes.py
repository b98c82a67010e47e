"""Changes of alerts are told soon, and what is down is waited for."""

import kombu.exceptions
import pytest
from django.db import OperationalError

from monitoring.alerts import pacing
from monitoring.notifications import grouping, receivers, tasks


@pytest.fixture
def asked(monkeypatch):
    found = []
    monkeypatch.setattr(tasks.tend_notifications, "apply_async", lambda given, **options: found.append(options))
    monkeypatch.setattr(receivers, "nudge", pacing.Pacing(receivers.nudge.work, 600.0))
    return found


@pytest.mark.django_db(transaction=True)
def test_a_storm_of_changes_is_one_task(asked, engine):
    for number in range(20):
        engine.see(f"A{number}")
    assert asked == [{"expires": 10, "retry": False}]


def test_a_broker_that_is_away_is_not_the_alerts_trouble(monkeypatch):
    def away(given, **options):
        raise kombu.exceptions.OperationalError("away")

    monkeypatch.setattr(tasks.tend_notifications, "apply_async", away)
    receivers.nudge.work()


def test_a_database_that_is_away_is_one_line(monkeypatch, caplog):
    def away():
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(grouping, "read_on", away)
    assert tasks.tend_notifications() == 0
    assert "wait until the database answers" in caplog.text
    assert tasks._one_at_a_time.acquire(blocking=False)
    tasks._one_at_a_time.release()


def test_a_mistake_of_ours_is_not_taken_for_an_outage(monkeypatch):
    def wrong():
        raise OperationalError("no such column: x")

    monkeypatch.setattr(grouping, "read_on", wrong)
    with pytest.raises(OperationalError):
        tasks.tend_notifications()


def test_the_second_at_once_leaves_it_to_the_first():
    with tasks._one_at_a_time:
        assert tasks.tend_notifications() == 0


@pytest.mark.django_db
def test_idle_asks_three_questions(engine, django_assert_num_queries):
    engine.route(engine.channel())
    engine.wait()
    with django_assert_num_queries(3):
        assert tasks.tend_notifications() == 0
