"""The demonstration's past: alerts and incidents of its troubles, of which nobody is told, and which go with it."""

import time

import pytest

from monitoring.alerts.lifecycle import Observation, observe
from monitoring.alerts.models import Alert, AlertTransition
from monitoring.alerts.signals import alert_changed, alert_opened
from monitoring.demo.reports import reports
from monitoring.demo.signals import demo_installed, demo_removed
from monitoring.demo.story import PLOTS
from monitoring.demo.world import World
from monitoring.incidents.models import Incident, IncidentAlert, StatusChange, TimelineEntry
from monitoring.inventory.facts import report
from monitoring.inventory.models import Resource
from monitoring.kpis import demo_past, demo_signs

pytestmark = pytest.mark.django_db
SINCE = int(time.time())


@pytest.fixture
def world():
    return World(7, float(SINCE))


@pytest.fixture
def resources(world):
    rows = report(reports(world, SINCE * 1000, 15), None)
    return {(row.kind, row.name): row for row in rows}


@pytest.fixture
def past(world, resources, monkeypatch):
    monkeypatch.setattr(demo_past, "DAYS", 20)
    demo_installed.send(sender=Alert, world=world, resources=resources)
    return resources


def test_every_trouble_has_alerts_and_every_alert_its_place(past, world):
    assert {plot.kind for plot in PLOTS} == demo_signs.SIGNS.keys()
    assert Alert.objects.count() > 100
    for alert in Alert.objects.all():
        assert alert.labels["demo"] == "true"
        assert alert.state == "resolved"
        assert alert.started_at <= alert.fired_at < alert.resolved_at
        assert alert.resolved_at.timestamp() < SINCE
        assert alert.acknowledged_at is None or alert.fired_at < alert.acknowledged_at < alert.resolved_at
    assert not Alert.objects.filter(resource=None).exists()


def test_incidents_hold_them_with_a_root(past):
    assert Incident.objects.count() > 20
    for incident in Incident.objects.all():
        assert incident.status == "resolved"
        assert incident.started_at <= incident.detected_at < incident.resolved_at
        assert [member.alert_id for member in incident.members.filter(role="root")] == [incident.root_alert_id]
        assert incident.members.count() == incident.alert_count
    assert StatusChange.objects.filter(after="resolved").count() == Incident.objects.count()
    assert TimelineEntry.objects.filter(kind="opened").count() == Incident.objects.count()


def test_a_surge_of_low_alerts_is_no_incident(past):
    low = Alert.objects.filter(name="HostCpuBusyShortly")
    assert low.exists()
    assert not IncidentAlert.objects.filter(alert__in=low).exists()


def test_nobody_is_told(world, resources, monkeypatch):
    monkeypatch.setattr(demo_past, "DAYS", 20)
    heard = []
    for signal in (alert_opened, alert_changed):
        signal.connect(heard.append, dispatch_uid="heard")
    demo_past.write(world, resources)
    for signal in (alert_opened, alert_changed):
        signal.disconnect(dispatch_uid="heard")
    assert heard == []


def test_again_it_adds_nothing(past, world):
    before = (Alert.objects.count(), AlertTransition.objects.count(), Incident.objects.count())
    assert demo_past.write(world, past) == 0
    assert (Alert.objects.count(), AlertTransition.objects.count(), Incident.objects.count()) == before


def test_it_goes_with_the_demonstration_and_real_ones_stay(past):
    real = Resource.objects.create(kind="host", name="real")
    observe([Observation("mine", "firing", name="Mine", labels={"demo": "true"}, resource=real.pk)])
    observe([Observation("theirs", "firing", name="OfADemoHost", resource=past[("host", "db-03.demo")].pk)])
    mixed = Incident.objects.create(title="Both")
    alerts = [Alert.objects.get(name="Mine"), Alert.objects.filter(source="demo").last()]
    IncidentAlert.objects.filter(alert=alerts[1]).delete()
    IncidentAlert.objects.bulk_create([IncidentAlert(incident=mixed, alert=one) for one in alerts])
    demo_removed.send(sender=Alert, resources=[row.pk for row in past.values()])
    assert list(Alert.objects.values_list("name", flat=True)) == ["Mine"]
    assert Incident.objects.filter(pk=mixed.pk).exists()
    assert not Incident.objects.exclude(pk=mixed.pk).filter(members__isnull=False).exists()
