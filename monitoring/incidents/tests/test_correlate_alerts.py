"""Which alerts become one incident, why, which is the root, and that nothing is lost or done twice."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.alerts import silencing
from monitoring.alerts.lifecycle import observe
from monitoring.alerts.models import Alert, Silence
from monitoring.incidents import correlate as room
from monitoring.incidents.correlate import correlate, join_latest
from monitoring.incidents.models import Incident, IncidentAlert, IncidentKey
from monitoring.incidents.tests.conftest import seen
from monitoring.inventory import topology
from monitoring.inventory.models import Resource

pytestmark = pytest.mark.django_db


def reason(alert):
    return alert.memberships.get().reason


def role(alert):
    return alert.memberships.get().role


def test_an_alert_opens_an_incident_that_tells_what_it_is(fire, incident_of, heard, at):
    alert = fire("DiskFull", 3, annotations={"summary": "Disk of db-1 is full"}, labels={"service": "shop"}, severity="critical")
    told = heard(correlate)
    incident = incident_of(alert)
    assert (incident.title, incident.severity, incident.status, incident.services) == ("Disk of db-1 is full", "critical", "open", ["shop"])
    assert (incident.root_alert, incident.alert_count, incident.detected_at) == (alert, 1, at(3))
    assert (role(alert), reason(alert)) == ("root", "It opened the incident")
    assert told == [("incident_opened", [incident.pk]), ("incident_changed", [incident.pk])]
    assert [(one.before, one.after) for one in incident.status_changes.all()] == [("", "open")]
    assert incident.timeline.get().text == "Opened by DiskFull"


def test_doing_it_again_changes_nothing(fire, heard):
    fire("DiskFull")
    assert correlate() == 1
    assert heard(lambda: correlate()) == []
    assert Incident.objects.count() == 1


@pytest.mark.parametrize("together", [True, False])
def test_alerts_about_one_resource_belong_together(fire, resource, incident_of, together):
    host = resource("db-1")
    one = fire("DiskFull", 0, host)
    together or correlate()
    other = fire("SlowWrites", 20, host)
    correlate()
    assert incident_of(one) == incident_of(other)
    assert reason(other) == "Same host db-1"
    assert incident_of(one).alert_count == 2


def test_what_has_nothing_in_common_stays_apart(fire, resource, incident_of):
    one, other = fire("DiskFull", 0, resource("db-1")), fire("SlowWrites", 1, resource("web-1"))
    correlate()
    assert incident_of(one) != incident_of(other)


def test_too_long_after_is_another_trouble(fire, resource, incident_of):
    one, other = fire("A", -30, labels={"service": "shop"}), fire("B", -15, labels={"service": "shop"})
    correlate()
    assert incident_of(one) != incident_of(other)


def test_a_shared_label_says_so(fire, incident_of):
    one, other = fire("A", 0, labels={"service": "shop", "instance": "a:1"}), fire("B", 5, labels={"service": "shop", "instance": "b:1"})
    correlate()
    assert incident_of(one) == incident_of(other)
    assert reason(other) == "Same service shop"


def test_machines_that_the_inventory_does_not_know_are_known_by_name(fire, incident_of):
    one, other = fire("A", 0, labels={"instance": "db-1:9100"}), fire("B", 5, labels={"instance": "db-1:9187"})
    correlate()
    assert incident_of(one) == incident_of(other)
    assert reason(other) == "Same db-1"


def test_which_labels_count_is_a_setting(fire, incident_of, settings):
    settings.INCIDENT_LABELS = ["team+site"]
    one, other = fire("A", 0, labels={"team": "x", "site": "fra"}), fire("B", 1, labels={"team": "x", "site": "fra"})
    third = fire("C", 1, labels={"team": "x", "site": "ams"})
    correlate()
    assert incident_of(one) == incident_of(other) != incident_of(third)
    assert reason(other) == "Same team x, site fra"


# -- topology ----------------------------------------------------------------------------------------------------------
def test_the_machine_is_the_root_of_what_runs_on_it_though_it_fired_last(fire, resource, incident_of):
    host = resource("node-1")
    pods = [resource(f"pod-{n}", "pod", host) for n in range(3)]
    symptoms = [fire(f"PodSlow{n}", n, pod) for n, pod in enumerate(pods)]
    cause = fire("HostDown", 4, host)
    correlate()
    incident = incident_of(cause)
    assert {incident_of(one) for one in symptoms} == {incident}
    assert incident.root_alert == cause
    assert [role(one) for one in symptoms] == ["symptom"] * 3
    assert reason(symptoms[0]) == "Runs on node-1, which has alerts too"
    assert reason(cause) == "What runs on it has alerts too: host node-1"


def test_a_cause_that_comes_later_becomes_the_root(fire, resource, incident_of):
    host = resource("node-1")
    symptom = fire("PodSlow", 0, resource("pod-1", "pod", host))
    correlate()
    cause = fire("HostDown", 5, host, annotations={"summary": "node-1 is down"})
    correlate()
    incident = incident_of(cause)
    assert (incident, incident.root_alert, incident.title) == (incident_of(symptom), cause, "node-1 is down")
    assert (role(symptom), role(cause)) == ("symptom", "root")


def test_a_late_cause_pulls_incidents_together_that_nobody_has_touched(fire, resource, incident_of, heard):
    switch = resource("switch-1", "device")
    hosts = [resource(f"web-{n}") for n in range(3)]
    topology.note([(host.pk, switch.pk) for host in hosts])
    lone = [fire(f"Slow{n}", 20 * n - 40, host) for n, host in enumerate(hosts)]
    correlate()
    first, second, third = (incident_of(one) for one in lone)
    assert len({first, second, third}) == 3
    cause = fire("SwitchDown", 10, switch)
    told = heard(correlate)
    assert {incident_of(one) for one in (*lone[1:], cause)} == {second}  # 30 minutes are as far as needs reach
    assert incident_of(lone[0]) == first
    third.refresh_from_db()
    assert (third.merged_into, third.status, third.resolution, third.alert_count) == (second, "resolved", "merged", 0)
    second.refresh_from_db()
    assert (second.root_alert, second.alert_count) == (cause, 3)
    assert not IncidentKey.objects.filter(incident=third).exists()
    assert "incident_resolved" not in [name for name, _ in told]
    assert third not in Incident.counted()


def test_incidents_that_people_work_on_are_not_merged_by_themselves(fire, resource, incident_of, operator):
    switch = resource("switch-1", "device")
    hosts = [resource(f"web-{n}") for n in range(2)]
    topology.note([(host.pk, switch.pk) for host in hosts])
    lone = [fire(f"Slow{n}", n * 14, host) for n, host in enumerate(hosts)]
    correlate()
    Incident.objects.update(commander=operator)
    cause = fire("SwitchDown", 15, switch)
    correlate()
    assert incident_of(lone[0]) != incident_of(lone[1])
    assert incident_of(cause) == incident_of(lone[1])  # nearer in time


def test_a_dependency_of_a_dependency_counts(fire, resource, incident_of):
    service, database, disk = resource("shop", "service"), resource("pg", "database"), resource("store-1")
    database.parent = disk
    database.save()
    topology.note([(service.pk, database.pk)], "calls", "tracing")
    one, other = fire("Slow", 1, service), fire("DiskFull", 2, disk)
    correlate()
    assert incident_of(one) == incident_of(other)
    assert incident_of(one).root_alert == other
    assert reason(one) == "Needs store-1, which has alerts too"
    assert reason(other) == "What needs it has alerts too: host store-1"


def test_two_that_run_on_the_same_machine_belong_together_soon_after_each_other(fire, resource, incident_of):
    host = resource("node-1")
    one, other = (fire(f"Slow{n}", n, resource(f"pod-{n}", "pod", host)) for n in range(2))
    late = fire("Slow2", 15, resource("pod-2", "pod", host))
    correlate()
    assert incident_of(one) == incident_of(other) != incident_of(late)
    assert reason(other) == "Runs on node-1, as others with alerts do"


def test_two_pods_of_a_cluster_have_little_in_common(fire, resource, incident_of):
    cluster = resource("prod", "cluster")
    one, other = (fire(f"Slow{n}", n, resource(f"node-{n}", "node", cluster)) for n in range(2))
    correlate()
    assert incident_of(one) != incident_of(other)


def test_a_circle_of_dependencies_has_a_root_too(fire, resource, incident_of):
    one, other = resource("a", "service"), resource("b", "service")
    topology.note([(one.pk, other.pk), (other.pk, one.pk)])
    first, second = fire("A", 0, one), fire("B", 1, other)
    correlate()
    assert incident_of(first) == incident_of(second)
    assert incident_of(first).root_alert == first


# -- what opens, what joins --------------------------------------------------------------------------------------------
def test_a_low_alert_opens_nothing_but_joins(fire, resource, incident_of):
    host = resource("db-1")
    low = fire("Warm", 57, host, severity="low")
    correlate([low.pk])
    assert incident_of(low) is None
    fire("Down", 58, host)
    correlate()
    join_latest()
    assert incident_of(low).root_alert.name == "Down"
    assert incident_of(low).severity == "high"


@pytest.mark.parametrize("kind", ["anomaly", "predictive"])
def test_anomalies_and_forecasts_open_nothing(fire, incident_of, kind):
    alert = fire("Odd", kind=kind, severity="critical")
    correlate([alert.pk])
    assert incident_of(alert) is None


def test_the_severity_that_opens_is_a_setting(fire, incident_of, settings):
    settings.INCIDENT_SEVERITY = "critical"
    alert = fire("Down", severity="high")
    correlate()
    assert incident_of(alert) is None
    settings.INCIDENT_SEVERITY = "low"
    assert correlate() == 1


def test_what_is_kept_quiet_opens_an_incident_when_the_silence_ends(fire, incident_of, operator, at):
    from datetime import timedelta

    from django.utils import timezone

    now = timezone.now()
    matchers = [{"name": "alertname", "op": "=", "value": "Down"}]
    row = Silence(
        matchers=matchers, kind="maintenance", reason="move", starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1)
    )
    silence = silencing.create(row, operator)
    alert = fire("Down", 59)
    assert alert.suppressed
    assert correlate([alert.pk]) == 0
    silencing.end(silence, operator)
    assert correlate() == 1
    assert incident_of(alert)


def test_a_pending_alert_is_not_an_incident_yet(db, at):
    observe([seen("Down", "pending", severity="high")], at(0))
    assert correlate() == 0


# -- many --------------------------------------------------------------------------------------------------------------
def storm(count, at, name="InstanceDown", start=0):
    observe([seen(name, labels={"instance": f"h{n}:9100"}, severity="high") for n in range(start, start + count)], at(0))


def test_the_same_alert_in_many_places_is_one_incident(at):
    storm(40, at)
    assert correlate() == 40
    incident = Incident.objects.get()
    assert (incident.alert_count, incident.title) == (40, "InstanceDown in many places at once")
    assert IncidentAlert.objects.filter(reason="One of many InstanceDown at the same time").count() == 40


def test_a_storm_that_comes_drop_by_drop_is_one_incident_in_the_end(at):
    for n in range(15):
        storm(1, at, start=n)
        correlate()
    assert Incident.counted().get().alert_count == 15


def test_a_few_of_the_same_name_are_not_a_storm(at):
    storm(5, at)
    correlate()
    assert Incident.objects.count() == 5


def test_statements_do_not_grow_with_the_alerts(at, monkeypatch):
    def counted(count, name):
        observe(
            [
                seen(name, labels={"instance": f"h{n}:9100", "service": f"{name}{n % 7}"}, severity="high", resource=ids[n])
                for n in range(count)
            ],
            at(0),
        )
        with CaptureQueriesContext(
            connection,
        ) as caught:
            correlate()
        return len(caught)

    parent = Resource.objects.create(kind="node", name="n")
    ids = [Resource.objects.create(kind="pod", name=f"p{n}", parent=parent).pk for n in range(100)]
    counted(5, "Warm")
    few, many = counted(15, "Few"), counted(100, "Many")
    assert many <= few + 1
    assert many < 45


def test_batches_that_are_cut_off_are_done_by_the_next_call(at, monkeypatch):
    storm(50, at)
    monkeypatch.setattr(room, "AT_ONCE", 20)
    real, calls = room.place, []

    def dies(alerts, now):
        calls.append(len(alerts))
        if len(calls) == 2:
            real(alerts, now)
            raise KeyboardInterrupt  # killed before the commit
        return real(alerts, now)

    monkeypatch.setattr(room, "place", dies)
    with pytest.raises(KeyboardInterrupt):
        correlate()
    assert IncidentAlert.objects.count() == 20
    monkeypatch.setattr(room, "place", real)
    assert correlate() == 30
    assert Incident.objects.get().alert_count == 50
    assert Alert.objects.filter(memberships=None).count() == 0


# -- one bond ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("together", [True, False])
def test_one_thing_shared_here_and_another_there_do_not_chain(fire, incident_of, together, settings):
    settings.INCIDENT_LABELS = ["service", "team"]
    shop = [fire(f"A{n}", n, labels={"service": "shop", "instance": f"a{n}"}) for n in range(3)]
    shop.append(fire("Both", 3, labels={"service": "shop", "team": "red", "instance": "ab"}))
    together or correlate()
    red = [fire(f"C{n}", 4 + n, labels={"team": "red", "instance": f"c{n}"}) for n in range(2)]
    correlate()
    assert len({incident_of(alert) for alert in shop}) == 1
    assert incident_of(red[0]) == incident_of(red[1]) != incident_of(shop[0])


def test_what_shares_the_bond_still_joins(fire, incident_of):
    first = [fire(f"A{n}", n, labels={"service": "shop", "instance": f"a{n}"}) for n in range(2)]
    correlate()
    late = fire("Late", 5, labels={"service": "shop", "instance": "z"})
    correlate()
    assert incident_of(late) == incident_of(first[0])


def test_the_largest_bond_counts_first(fire, incident_of, settings):
    settings.INCIDENT_LABELS = ["service", "team"]
    both = fire("Both", 0, labels={"service": "shop", "team": "red", "instance": "0"})
    shop = fire("Shop", 1, labels={"service": "shop", "instance": "1"})
    red = [fire(f"Red{n}", 2, labels={"team": "red", "instance": f"r{n}"}) for n in range(3)]
    correlate()
    assert {incident_of(one) for one in red} == {incident_of(both)}
    assert incident_of(shop) != incident_of(both)


def test_statements_do_not_grow_with_what_is_merged(fire, resource):
    def counted(minute, count):
        for n in range(count):
            switch, host = resource(f"s{minute}-{n}", "device"), resource(f"h{minute}-{n}")
            topology.note([(host.pk, switch.pk), (resource(f"o{minute}-{n}").pk, switch.pk)])
            fire(f"Slow{minute}-{n}", minute, host)
            fire(f"Other{minute}-{n}", minute + 12, Resource.objects.get(name=f"o{minute}-{n}"))
        correlate()
        before = Incident.counted().count()
        for n in range(count):
            fire(f"SwitchDown{minute}-{n}", minute + 13, Resource.objects.get(name=f"s{minute}-{n}"))
        with CaptureQueriesContext(connection) as caught:
            correlate()
        assert Incident.counted().count() == before - count
        return len(caught)

    assert counted(20, 8) <= counted(-40, 2) + 1


def test_incidents_that_labels_hold_together_are_not_merged_by_a_machine_under_some_of_their_alerts(fire, resource, incident_of):
    host = resource("node-1")
    shop, mail = (
        [fire(f"{name}{n}", n, resource(f"{name}-{n}", "pod", host if n == 0 else None), labels={"service": name}) for n in range(3)]
        for name in ("shop", "mail")
    )
    for alert in (*shop, *mail):
        correlate([alert.pk])
    cause = fire("HostSlow", 12, host)
    correlate()
    assert incident_of(shop[1]) != incident_of(mail[1])
    assert incident_of(cause) in (incident_of(shop[0]), incident_of(mail[0]))
