"""What happens to incidents by itself: over with their alerts, open again with them, acknowledged with the root, taken up at the start."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from aiops import resume
from monitoring.alerts import backtest, lifecycle, pacing
from monitoring.alerts.models import Alert, AlertRule, RuleGroup
from monitoring.incidents import receivers, tasks
from monitoring.incidents.correlate import correlate
from monitoring.incidents.models import Incident, IncidentKey
from monitoring.incidents.tend import tend

pytestmark = pytest.mark.django_db


def steps(incident):
    return [(one.before, one.after) for one in incident.status_changes.order_by("id")]


def test_it_is_mitigated_when_its_alerts_are_over_and_resolved_when_it_stays_calm(fire, end, resource, incident_of, at, heard):
    host = resource("db-1")
    one, other = fire("A", 0, host), fire("B", 1, host)
    correlate()
    incident = incident_of(one)
    end(one, minute=10)
    assert tend(at(11)) == 0
    end(other, minute=12)
    tend(at(13))
    incident.refresh_from_db()
    assert (incident.status, incident.mitigated_at, incident.resolved_at) == ("mitigated", at(12), None)
    assert heard(lambda: tend(at(16))) == []
    told = heard(lambda: tend(at(17)))
    incident.refresh_from_db()
    assert (incident.status, incident.resolution, incident.resolved_at) == ("resolved", "recovered", at(12))
    assert ("incident_resolved", [incident.pk]) in told
    assert steps(incident) == [("", "open"), ("open", "mitigated"), ("mitigated", "resolved")]
    assert not IncidentKey.objects.exists()
    assert tend(at(30)) == 0


def test_an_alert_that_comes_back_while_it_is_mitigated_opens_it_again(fire, end, incident_of, at, heard):
    alert = fire("A", 0)
    correlate()
    end(alert, minute=10)
    tend(at(11))
    fire("A", 12)
    told = heard(lambda: tend(at(13)))
    incident = incident_of(alert)
    assert (incident.status, incident.mitigated_at) == ("open", None)
    assert [name for name, _ in told] == ["incident_changed"]
    assert tend(at(14)) == 0


def test_an_alert_that_comes_back_after_it_was_resolved_opens_it_again_and_it_knows_its_own(fire, end, resource, incident_of, at, heard):
    host = resource("db-1")
    alert = fire("A", 0, host)
    correlate()
    end(alert, minute=10)
    tend(at(15))
    tend(at(15))
    incident = incident_of(alert)
    assert incident.status == "resolved"
    fire("A", 17, host)
    told = heard(lambda: tend(at(18)))
    incident.refresh_from_db()
    assert (incident.status, incident.resolved_at, incident.resolution) == ("open", None, "")
    assert ("incident_opened", [incident.pk]) in told
    other = fire("B", 19, host)
    correlate()
    assert incident_of(other) == incident


def test_flapping_is_one_incident(fire, end, incident_of, at):
    for minute in range(0, 40, 4):
        alert = fire("A", minute)
        correlate()
        tend(at(minute + 1))
        end(alert, minute=minute + 2)
        tend(at(minute + 3))
    incident = Incident.objects.get()
    assert Alert.objects.get().flapping
    assert incident.status == "mitigated"
    tend(at(45))
    incident.refresh_from_db()
    assert incident.status == "resolved"


def test_what_a_person_resolved_while_its_alerts_go_on_stays_resolved(fire, incident_of, at):
    alert = fire("A", 0)
    correlate()
    Incident.objects.update(status="resolved", resolution="manual", resolved_at=at(5))
    assert tend(at(6)) == 0
    assert correlate() == 0
    assert incident_of(alert).status == "resolved"


def test_it_is_acknowledged_with_its_root_alert(fire, incident_of, operator):
    alert = fire("A", 0)
    correlate()
    lifecycle.acknowledge([alert.pk], operator)
    tend()
    incident = incident_of(alert)
    alert.refresh_from_db()
    assert (incident.status, incident.acknowledged_at) == ("acknowledged", alert.acknowledged_at)


def test_people_resolve_what_people_opened(fire, end, incident_of, at):
    alert = fire("A", 0)
    correlate()
    Incident.objects.update(manual=True)
    end(alert, minute=5)
    tend(at(30))
    tend(at(60))
    assert incident_of(alert).status == "open"


def test_further_alerts_end_the_calm(fire, end, resource, incident_of, at):
    host = resource("db-1")
    alert = fire("A", 0, host)
    correlate()
    end(alert, minute=5)
    tend(at(6))
    other = fire("B", 7, host)
    correlate()
    incident = incident_of(other)
    assert (incident, incident.status) == (incident_of(alert), "open")
    assert incident.timeline.filter(text="Open again: further alerts").exists()


def test_statements_do_not_grow_with_the_incidents(fire, end, at):
    def counted(minute, count):
        alerts = [fire(f"A{minute}{n}", minute) for n in range(count)]
        correlate()
        end(*alerts, minute=minute + 1)
        with CaptureQueriesContext(connection) as caught:
            tend(at(minute + 1))
        return len(caught)

    assert counted(0, 2) == counted(3, 30)


# -- tasks -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def asked(monkeypatch):
    """What correlating is asked for, while the clock stands still; `later` ends the pause."""

    class Asked(list):
        later = None

    class Timer(threading.Timer):
        def start(self):
            found.later = self.function

    found = Asked()
    monkeypatch.setattr(tasks.correlate_alerts, "apply_async", lambda given, **rest: found.append(*given))
    paced = pacing.Pacing(receivers.correlate.work, 600.0, clock=lambda: 1.0, timer=Timer)
    monkeypatch.setattr(receivers, "correlate", paced)
    return found


def test_alerts_that_fire_are_correlated_by_one_task(fire, django_capture_on_commit_callbacks, asked):
    with django_capture_on_commit_callbacks(execute=True):
        alert = fire("A")
    assert asked == [[alert.pk]]
    assert tasks.correlate_alerts(*asked) == 1


def test_those_of_a_storm_are_gathered_into_few_tasks_and_none_is_left_out(fire, django_capture_on_commit_callbacks, asked):
    alerts = []
    for number in range(20):
        with django_capture_on_commit_callbacks(execute=True):
            alerts.append(fire(f"A{number}").pk)
    assert asked == [alerts[:1]]
    asked.later()
    assert asked == [alerts[:1], alerts[1:]]


def test_alerts_that_come_while_others_are_correlated_are_done_together(monkeypatch):
    seen = []

    def correlate(ids):
        seen.append(list(ids))
        if len(seen) == 1:  # meanwhile two more tasks begin, and leave it to this one
            assert [tasks.correlate_alerts([number]) for number in (2, 3)] == [0, 0]
        return len(ids)

    monkeypatch.setattr(tasks.correlate, "correlate", correlate)
    monkeypatch.setattr(tasks.tend, "tend", lambda: 0)
    assert tasks.correlate_alerts([1]) == 3
    assert seen == [[1], [2, 3]]


def test_what_nobody_correlated_is_found_at_the_start(fire, incident_of, monkeypatch):
    alert = fire("A")
    monkeypatch.setattr(tasks.tend_incidents, "delay", tasks.tend_incidents)
    assert receivers.take_up in resume._functions
    receivers.take_up()
    assert incident_of(alert)


def test_a_database_that_is_away_is_a_line_in_the_log(monkeypatch, caplog):
    def away(*args):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(tasks.tend, "tend", away)
    assert tasks.follow_alerts() == 0
    assert "put off" in caplog.text


def test_backtests_know_past_incidents(opened, at, settings):
    one = opened("A", 0)
    Incident.objects.filter(pk=one.pk).update(started_at=at(0), resolved_at=at(10))
    merged = opened("B", 30)
    Incident.objects.filter(pk=merged.pk).update(merged_into=one, resolution="merged", status="resolved")
    found = list(receivers.troubles(at(5), at(60)))
    assert [(trouble.name, trouble.start, trouble.end) for trouble in found] == [(f"INC-{one.pk} A", at(0), at(10))]
    assert list(receivers.troubles(at(11), at(60))) == []
    assert receivers.troubles in backtest._troubles
    rule = AlertRule(group=RuleGroup(name="g", interval=60), name="R", expr="absent_metric > 1")
    assert [trouble.name for trouble in backtest.backtest(rule, at(0), at(0) + timedelta(hours=1)).missed] == [f"INC-{one.pk} A"]
