"""Alerts and incidents on the overview, on a resource's page and in the rail."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring.alerts import standing
from monitoring.alerts.lifecycle import Observation, observe
from monitoring.alerts.models import Alert
from monitoring.dashboards.tests.conftest import cpu
from monitoring.incidents.models import Incident
from monitoring.inventory.models import ResourceChange

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forget():
    standing.forget()
    yield
    standing.forget()


@pytest.fixture
def get(viewer, client_of):
    client = client_of(viewer)
    return lambda address="/", **more: client.get(address, **more)


def fire(name="Down", severity="critical", resource=None, **more):
    observe(
        [
            Observation(
                f"{name}{resource and resource.pk}", "firing", name=name, severity=severity, resource=resource and resource.pk, **more
            )
        ]
    )
    return Alert.objects.latest("pk")


def test_the_overview_counts_what_fires(get, watch):
    watch()
    for name, severity in (("A", "critical"), ("B", "high"), ("C", "high")):
        fire(name, severity)
    observe([Observation("p", "pending", name="Pending")])
    found = get().context["troubles"]
    assert (found.total, found.severities) == (3, [("critical", 1), ("high", 2)])
    assert [row.alert.name for row in found.shown] == ["A", "C", "B"]


def test_what_is_kept_quiet_is_counted_apart(get, watch):
    watch()
    fire()
    Alert.objects.update(suppressed=True, suppressed_by=[{"silence": 1, "kind": "silence", "reason": "r", "by": "b", "until": ""}])
    standing.forget()
    answer = get()
    assert (answer.context["troubles"].total, answer.context["troubles"].suppressed) == (0, 1)
    assert "1 suppressed" in answer.content.decode()


def test_open_incidents_are_counted(get, watch):
    watch()
    first = Incident.objects.create(title="A", severity="critical", detected_at=timezone.now() - timedelta(hours=2))
    Incident.objects.create(title="B", severity="low", status="mitigated")
    Incident.objects.create(title="C", status="resolved")
    Incident.objects.create(title="D", merged_into=first, resolution="merged")
    found = get().context["troubles"]
    assert (found.incident_count, found.incidents["critical"], found.oldest) == (2, 1, first.detected_at)


def test_open_incidents_are_listed_where_there_are_some(get, watch):
    watch()
    assert "/incidents/open/" not in get().content.decode()
    Incident.objects.create(title="A")
    assert 'hx-get="/incidents/open/"' in get().content.decode()


def test_activity_counts_what_fired_in_the_range(get, watch):
    watch()
    fire("A")
    fire("B", "low")
    Alert.objects.filter(name="B").update(fired_at=timezone.now() - timedelta(hours=2))
    assert get().context["fired_count"] == 1
    assert get("/?range=now-3h").context["fired_count"] == 2
    assert get("/?range=now-30d").context["fired_count"] == 2


def test_a_name_is_shown_and_not_run(get, watch):
    host = watch()
    fire("<img src=x>", resource=host)
    assert b"<img src=x" not in get().content
    assert b"<img src=x" not in get(f"/resources/{host.pk}/").content


def test_statements_do_not_grow_with_alerts(get, watch):
    host = watch()
    fire("A", resource=host)

    def count(address):
        get(address)
        with CaptureQueriesContext(connection) as captured:
            get(address)
        return len(captured)

    addresses = ["/", f"/resources/{host.pk}/", f"/resources/{host.pk}/?tab=alerts"]
    few = [count(address) for address in addresses]
    for n in range(30):
        fire(f"N{n}", resource=host)
    assert [count(address) for address in addresses] == few


# -- a resource ----------------------------------------------------------------------------------------------------------
def test_a_resource_shows_what_fires_and_what_was(get, watch):
    host, other = watch(), watch("web-2")
    fire("Firing", resource=host)
    fire("Over", resource=host)
    observe([Observation(f"Over{host.pk}", "resolved")])
    fire("Elsewhere", resource=other)
    answer = get(f"/resources/{host.pk}/?tab=alerts")
    assert [row.alert.name for row in answer.context["alerts"].rows] == ["Firing", "Over"]
    assert {tab["key"]: tab["count"] for tab in answer.context["tabs"]}["alerts"] == 1


def test_alerts_are_marks_in_the_charts(get, watch, sample):
    host = watch()
    sample(host, cpu(20))
    alert = fire("Full", "high", host)
    ResourceChange.objects.create(resource=host, kind="health", text="Degraded, was healthy: Alert Full fires", after=70)
    ResourceChange.objects.create(resource=host, kind="rebooted", text="Rebooted")
    events = get(f"/resources/{host.pk}/charts.json").json()["events"]
    assert [(event["n"], event["kind"], event["text"]) for event in events[-2:]] == [
        ("2", "alert", "Full, high"),
        ("3", "deploy", "Rebooted"),
    ]
    assert events[1]["url"] == f"/alerts/{alert.pk}/"
    assert "Degraded" not in {event["text"][:8] for event in events}


def test_a_reason_leads_to_its_alert(get, watch):
    alert = fire()
    reason = {"severity": "critical", "text": "Alert Down fires", "points": 60, "rule": "alert", "metric": "", "alert": alert.pk}
    host = watch(health=40, reasons=[reason])
    page = get(f"/resources/{host.pk}/").content.decode()
    assert "Alert Down fires" in page
    assert f'href="/alerts/{alert.pk}/"' in page


# -- the rail ------------------------------------------------------------------------------------------------------------
def test_the_rail_counts_what_wants_somebody(get):
    fire("A")
    fire("B", "high")
    fire("C", "medium")
    Incident.objects.create(title="A")
    badges = get("/system/line").context["badges"]
    assert (badges["alerts"].count, badges["alerts"].alarm) == (2, True)
    assert (badges["incidents"].count, badges["incidents"].alarm) == (1, False)
    page = get("/system/line").content.decode()
    assert 'id="count-alerts" hx-swap-oob="true">2' in page
    assert 'id="count-alerts"' in get("/system/").content.decode()


def test_without_trouble_the_rail_has_no_numbers(get):
    assert 'id="count-alerts" hx-swap-oob="true"></span>' in get("/system/line").content.decode()
