"""Alerts and incidents of the database as columns, and what services they make."""

from datetime import timedelta

import numpy as np
import pytest

from monitoring.alerts.models import AlertTransition, Silence
from monitoring.kpis import read, services
from monitoring.kpis.compute import Period
from monitoring.kpis.report import Report, Scope, gather, kpis
from monitoring.kpis.tests.conftest import DAY, NOW, ago

pytestmark = pytest.mark.django_db
SECONDS = int(NOW.timestamp())
WEEK = Period(SECONDS - 7 * 86_400, SECONDS)


EVERYTHING = Scope()


def report(scope=EVERYTHING, basis="", period=WEEK):
    return Report(gather(period, SECONDS, scope), period, basis)


def figures(**asked):
    return {kpi.key: kpi for kpi in kpis(report(**asked))}


def test_columns_hold_what_the_rows_hold(alert, host):
    row = alert(60, 15, "Disk", "critical", 3, 5, host())
    found = read.alerts(WEEK)
    assert [getattr(found, name).tolist() for name in ("id", "began", "opened", "acknowledged", "resolved", "resource")] == [
        [row.pk], [SECONDS - 63 * 60], [SECONDS - 3600], [SECONDS - 55 * 60], [SECONDS - 45 * 60], [row.resource_id],
    ]  # fmt: skip
    assert (found.names, found.severity.tolist(), found.acted.tolist(), found.lapsed.tolist()) == (("Disk",), [3], [True], [False])


def test_predictions_and_what_never_fired_are_left_out(alert):
    alert(60, kind="predictive")
    alert(60, None, fired_at=None, state="pending")
    assert len(read.alerts(WEEK)) == 0


@pytest.mark.parametrize("fields", [{"ownership": "in_progress"}, {"resolution": "manual"}, {"acknowledged_at": NOW}])
def test_whatever_a_person_does_is_acting(alert, fields):
    alert(60, **fields)
    assert read.alerts(WEEK).acted.tolist() == [True]


def test_who_was_quiet_or_flapped_is_told_by_transitions(alert, covered):
    calm, quiet, flapping = alert(60), alert(50), alert(40)
    covered(quiet, 49, 45, "silence")
    AlertTransition.objects.create(alert=flapping, axis="note", after="flapping")
    AlertTransition.objects.create(alert=calm, axis="note", after="comment", reason="looks fine")
    found = read.alerts(WEEK)
    order = np.argsort(found.id)
    assert found.quiet[order].tolist() == [False, True, False]
    assert found.flapped[order].tolist() == [False, False, True]


def test_merged_incidents_are_counted_once(incident):
    kept = incident(60)
    incident(60, merged_into=kept, resolution="merged")
    assert read.incidents(WEEK).id.tolist() == [kept.pk]


# -- figures -------------------------------------------------------------------------------------------------------------
def test_times_are_over_incidents_where_there_are_some(alert, incident):
    alert(60, 10, seen=4)
    incident(600, 30, onset=5, seen=12)
    found = figures()
    assert {key: (found[key].value, found[key].n) for key in ("time-to-detect", "time-to-acknowledge", "time-to-resolve")} == {
        "time-to-detect": (300.0, 1), "time-to-acknowledge": (720.0, 1), "time-to-resolve": (1800.0, 1),
    }  # fmt: skip
    assert figures(basis="alerts")["time-to-resolve"].value == 600.0


def test_without_incidents_they_are_over_alerts(alert):
    alert(60, 10, seen=4)
    assert figures()["time-to-acknowledge"].value == 240.0


def test_the_period_before_is_beside(alert):
    alert(60, 10)
    alert(8 * DAY, 20)
    found = figures()["time-to-resolve"]
    assert (found.value, found.before, found.change, found.tone) == (600.0, 1200.0, -600.0, "good")
    assert (figures()["alerts"].value, figures()["alerts"].before) == (1.0, 1.0)


def test_of_nothing_there_is_no_value(db):
    found = figures()
    assert {key: kpi.value for key, kpi in found.items() if kpi.value is not None} == {"incidents": 0.0, "alerts": 0.0}
    assert {kpi.before for kpi in found.values()} == {None}  # nothing was watched before


def test_availability_is_of_critical_alerts(host, alert):
    web = host(role="web")
    host("web-2", role="web")
    alert(DAY, 60, severity="critical", resource=web)
    alert(DAY, 120, severity="high", resource=web)  # not down
    found = figures()
    assert found["availability"].value == pytest.approx(100 * (1 - 60 / (2 * 7 * DAY)))
    assert found["availability"].n == 2
    assert found["time-between-failures"].value == pytest.approx((2 * 7 * DAY - 60) * 60)
    assert found["time-between-failures"].n == 1


def test_downtime_reaches_in_from_before(host, alert):
    alert(8 * DAY, 2 * DAY, severity="critical", resource=host(role="web"))
    found = figures()
    assert found["availability"].value == pytest.approx(100 * (1 - 1 / 7))
    assert found["time-between-failures"].value is None


def test_overlapping_alerts_are_one_outage(host, alert):
    web = host(role="web")
    alert(DAY, 60, severity="critical", resource=web)
    alert(DAY - 30, 60, "Other", severity="critical", resource=web)
    assert (report().uptime.down, report().uptime.failures) == (90 * 60, 1)


def test_a_planned_window_counts_neither_as_up_nor_down(host, alert):
    alert(DAY, 60, severity="critical", resource=host(role="web", site="fra"))
    Silence.objects.create(
        kind="maintenance",
        reason="move",
        matchers=[{"name": "site", "op": "=", "value": "fra"}],
        starts_at=ago(DAY + 30),
        ends_at=ago(DAY - 30),
    )
    found = report().uptime
    assert (found.observed, found.down) == ((7 * DAY - 60) * 60, 30 * 60)


def test_a_silence_is_no_maintenance(host, alert):
    alert(DAY, 60, severity="critical", resource=host(role="web"))
    Silence.objects.create(kind="silence", reason="hush", matchers=[], starts_at=ago(2 * DAY), ends_at=NOW + timedelta(days=1))
    assert report().uptime.down == 60 * 60


def test_maintenance_that_lay_over_the_alert_is_left_out(host, alert, covered):
    covered(alert(DAY, 60, severity="critical", resource=host(role="web")), DAY, DAY - 45)
    found = report().uptime
    assert (found.down, found.observed) == (15 * 60, (7 * DAY - 45) * 60)


def test_before_it_was_first_seen_nothing_is_known(host, alert):
    alert(3 * DAY, 60, severity="critical", resource=host(days=2, role="web"))
    found = report().uptime
    assert (found.observed, found.down, found.percent) == (2 * DAY * 60, 0, 100.0)


def test_what_is_gone_was_watched_until_then(host):
    web = host(role="web")
    type(web).objects.filter(pk=web.pk).update(state="gone", last_seen=ago(3 * DAY))
    assert report().uptime.observed == 4 * DAY * 60


def test_an_outage_that_goes_on_counts_up_to_now(host, alert):
    alert(60, None, severity="critical", resource=host(role="web"))
    assert report().uptime.down == 3600


def test_noise_and_volume(alert):
    alert(50, seen=3)
    alert(40)
    alert(30)
    alert(20, None)
    found = figures()
    assert (round(found["noise"].value), found["noise"].n) == (67, 3)
    assert found["alerts"].value == 4.0


# -- services and teams --------------------------------------------------------------------------------------------------
def names():
    return {one.name: sorted(member.name for member in one.members) for one in services.read()}


def test_without_services_roles_are_services_and_machines_stand_for_themselves(host):
    host("web-1", role="web")
    host("web-2", role="web")
    host("lonely")
    host("a/pod", "pod")
    assert names() == {"lonely": ["lonely"], "web": ["web-1", "web-2"]}


def test_where_services_are_declared_only_they_count(host):
    host("web-1", role="web")
    host("checkout", "service")
    host("db-1", service="checkout")
    assert names() == {"checkout": ["checkout", "db-1"]}


@pytest.mark.parametrize(("label", "objective"), [("99.5", 99.5), ("99.95 %", 99.95), ("", 99.9), ("much", 99.9), ("100", 99.9)])
def test_the_objective_is_a_label(host, label, objective):
    host("web-1", role="web", objective=label)
    assert services.read()[0].objective == objective


def test_the_one_with_least_budget_comes_first(host, alert):
    host("a-1", role="a")
    alert(DAY, 60, severity="critical", resource=host("b-1", role="b"))
    assert [row.service.name for row in report().services] == ["b", "a"]
    assert report().services[0].budget < 0


def test_a_scope_leaves_out_the_others(host, alert, incident):
    web, db = host("web-1", role="web", team="shop"), host("db-1", role="db", team="core")
    mine, other = alert(60, resource=web), alert(50, resource=db)
    incident(60, alerts=[mine])
    incident(50, alerts=[other])
    for scope in (Scope("web", ""), Scope("", "shop"), Scope("web", "shop")):
        found = figures(scope=scope)
        assert (found["alerts"].value, found["incidents"].value, found["availability"].n) == (1.0, 1.0, 1)
    assert figures(scope=Scope("web", "core"))["alerts"].value == 0.0
