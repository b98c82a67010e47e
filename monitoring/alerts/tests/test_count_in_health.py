"""Firing alerts in the health of what they are about."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.alerts import concerns
from monitoring.alerts.lifecycle import Observation, observe
from monitoring.alerts.models import Alert
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.sources.judge import judge_resources

pytestmark = pytest.mark.django_db


@pytest.fixture
def host():
    return Resource.objects.create(kind="host", name="db-1")


def fire(host, severity, name="DiskFull", **more):
    observe([Observation(f"{name} {host.pk}", "firing", name=name, severity=severity, resource=host.pk, **more)])


def judged(host):
    judge_resources()
    host.refresh_from_db()
    return host


@pytest.mark.parametrize(
    ("severity", "health", "status"),
    [("critical", 40, "degraded"), ("high", 70, "degraded"), ("medium", 85, "degraded"), ("low", 95, "healthy")],
)
def test_a_firing_alert_lowers_the_health(host, severity, health, status):
    fire(host, severity)
    assert (judged(host).health, host.status) == (health, status)
    [reason] = host.reasons
    assert (reason["text"], reason["severity"], reason["points"]) == ("Alert DiskFull fires", severity, 100 - health)
    assert reason["alert"] == Alert.objects.get().pk


def test_several_alerts_cost_as_much_as_the_worst(host):
    fire(host, "medium", "A")
    fire(host, "high", "B")
    assert judged(host).health == 70
    assert [(reason["text"], reason["points"]) for reason in host.reasons] == [("Alert B fires", 30), ("Alert A fires", 0)]


def test_it_recovers_when_the_alert_ends(host):
    fire(host, "critical")
    judged(host)
    observe([Observation(f"DiskFull {host.pk}", "resolved")])
    assert (judged(host).reasons, host.status) == ([], "unknown")  # nothing of it is measured


def test_the_change_is_told(host):
    fire(host, "critical")
    judged(host)
    assert ResourceChange.objects.get().text == "Degraded, was unknown: Alert DiskFull fires"


def test_a_suppressed_alert_does_not_count(host):
    fire(host, "critical")
    Alert.objects.update(suppressed=True)
    assert judged(host).health is None


def test_a_pending_alert_and_a_prediction_do_not_count(host):
    observe([Observation("p", "pending", name="Pending", severity="critical", resource=host.pk)])
    fire(host, "critical", "Soon", kind="predictive")
    assert judged(host).health is None


def test_a_resource_without_a_report_stays_stale(host):
    Resource.objects.update(state="stale", health=None)
    fire(host, "critical")
    assert judged(host).status == "stale"


def test_one_statement_for_all(host):
    others = [Resource.objects.create(kind="host", name=f"n-{n}") for n in range(5)]
    for one in others:
        fire(one, "high")
    with CaptureQueriesContext(connection) as captured:
        found = concerns.firing({one.pk for one in others})
    assert (len(captured), len(found)) == (1, 5)
