from datetime import time, timedelta

import pytest
from django.db import transaction

from monitoring.alerts import lifecycle
from monitoring.alerts.models import Alert, AlertTransition, Silence
from monitoring.incidents.models import Incident, IncidentAlert, TimelineEntry
from monitoring.notifications import grouping, history, telling
from monitoring.notifications.models import Cursor, Delivery, GroupAlert, Message, NotificationGroup

pytestmark = pytest.mark.django_db


def kinds(heard):
    return [kind for _, kind, _ in heard]


def test_alerts_of_a_group_wait_for_each_other_and_are_told_in_one_notice(engine):
    engine.route(engine.channel(), group_by=["site"])
    engine.see("A", "B", labels={"site": "fra"})
    assert engine.wait(5) == []
    engine.see("C", labels={"site": "fra"})
    engine.see("D", labels={"site": "ber"})
    heard = engine.wait(5)
    assert [title for _, _, title in heard] == ["3 alerts: fra"]
    assert engine.notices[0].group_labels == {"site": "fra"}
    assert engine.notices[0].firing == 3
    assert kinds(engine.wait(10)) == ["firing"]  # ber waited for its own


def test_what_comes_later_waits_for_the_interval(engine):
    engine.route(engine.channel())
    engine.see("A")
    assert len(engine.wait(10)) == 1
    engine.see("B")
    assert engine.wait(50) == []
    assert [title for _, _, title in engine.wait(10)] == ["2 alerts: A, B"]
    assert engine.notices[1].text.splitlines()[0] == "1 new, 1 going on"


def test_it_repeats_while_it_goes_on(engine):
    engine.route(engine.channel(), repeat_interval=600)
    engine.see("A")
    engine.wait(10)
    assert engine.wait(599) == []
    assert engine.wait(1) == [("ops", "firing", "Still firing: A")]
    assert engine.notices[1].repeat
    assert engine.wait(300) == []
    assert len(engine.wait(300)) == 1


def test_zero_never_repeats(engine):
    engine.route(engine.channel(), repeat_interval=0)
    engine.see("A")
    engine.wait(10)
    assert engine.wait(100_000) == []


def test_the_end_is_told_and_closes_the_group(engine):
    engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    engine.over("A")
    assert engine.wait(60) == [("ops", "resolved", "Resolved: A")]
    group = NotificationGroup.objects.get()
    assert group.closed_at == engine.now
    assert engine.wait(100_000) == []


def test_a_part_that_is_over_is_told_among_what_goes_on(engine):
    engine.route(engine.channel())
    engine.see("A", "B")
    engine.wait(10)
    engine.over("B")
    assert kinds(engine.wait(60)) == ["firing"]
    told = engine.notices[-1]
    assert (told.firing, told.resolved) == (1, 1)
    assert {one.name: one.state for one in told.alerts} == {"A": "firing", "B": "resolved"}


def test_a_route_may_keep_the_end_to_itself(engine):
    engine.route(engine.channel(), tells_resolved=False)
    engine.see("A")
    engine.wait(10)
    engine.over("A")
    assert engine.wait(60) == []
    assert NotificationGroup.objects.get().closed_at


def test_over_before_anybody_was_told_nobody_is(engine):
    engine.route(engine.channel())
    engine.see("A")
    engine.wait(5)
    engine.over("A")
    assert engine.wait(60) == []
    assert NotificationGroup.objects.get().closed_at


def test_a_new_group_begins_after_the_old_one_has_ended(engine):
    engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    engine.over("A")
    engine.wait(60)
    engine.see("A")  # the same alert, opened again
    assert engine.wait(10) == [("ops", "firing", "A")]
    threads = {notice.thread for notice in engine.notices}
    assert len(threads) == 2
    assert len({notice.key for notice in engine.notices}) == 3


def test_an_alert_that_comes_back_within_its_group_is_told_again(engine):
    engine.route(engine.channel())
    engine.see("A", "B")
    engine.wait(10)
    engine.over("A")
    engine.wait(60)
    engine.see("A")
    assert kinds(engine.wait(60)) == ["firing"]
    assert engine.notices[-1].text.splitlines()[0] == "1 new, 1 going on"


def test_it_is_told_anew_when_it_becomes_worse(engine, operator):
    engine.route(engine.channel())
    (alert,) = engine.see("A", severity="medium")
    engine.wait(10)
    lifecycle.rate([alert.pk], operator, "critical")
    assert kinds(engine.wait(60)) == ["firing"]
    assert engine.notices[-1].severity == "critical"
    lifecycle.rate([alert.pk], operator, "low")
    assert engine.wait(60) == []


def test_the_first_route_that_takes_it_ends_the_search_unless_it_goes_on(engine):
    page, ops, rest = engine.channel("page"), engine.channel("ops"), engine.channel("rest")
    engine.route(page, name="1", position=1, matchers=[{"name": "severity", "op": "=", "value": "critical"}], goes_on=True)
    engine.route(ops, name="2", position=2, matchers=[{"name": "team", "op": "=~", "value": "db|web"}])
    engine.route(rest, name="3", position=3)
    engine.see("A", severity="critical", labels={"team": "db"})
    assert sorted(name for name, *_ in engine.wait(10)) == ["ops", "page"]
    engine.see("B", severity="low")
    assert [name for name, *_ in engine.wait(10)] == ["rest"]


def test_a_route_sees_kind_and_source(engine):
    engine.route(engine.channel("guess"), name="1", matchers=[{"name": "kind", "op": "=", "value": "predictive"}])
    engine.route(engine.channel("own"), name="2", position=1, matchers=[{"name": "source", "op": "=", "value": "test"}])
    engine.see("A", kind="predictive")
    engine.see("B")
    assert sorted(name for name, *_ in engine.wait(10)) == ["guess", "own"]


def test_outside_of_its_hours_a_route_takes_nothing(engine):
    engine.route(engine.channel("day"), name="1", active_from=time(8), active_to=time(12), time_zone="Europe/Berlin")
    engine.route(engine.channel("any"), name="2", position=1)
    engine.see("A")  # 12:00 UTC is 13:00 in Berlin
    assert [name for name, *_ in engine.wait(10)] == ["any"]


def test_each_alert_by_itself(engine):
    engine.route(engine.channel(), group_by=["..."])
    engine.see("A", "B")
    assert sorted(title for _, _, title in engine.wait(10)) == ["A", "B"]


def test_a_disabled_route_tells_only_the_end_of_what_it_told(engine):
    route = engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    route.enabled = False
    route.save()
    engine.see("B")
    engine.over("A")
    assert kinds(engine.wait(60)) == ["resolved"]


# -- suppression ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def silence(engine, operator):
    def make(seconds, **fields):
        return Silence.objects.create(
            matchers=[{"name": "alertname", "op": "=", "value": "A"}], reason="work", created_by=operator,
            starts_at=engine.now, ends_at=engine.now + timedelta(seconds=seconds), **fields,
        )  # fmt: skip

    return make


def test_a_silenced_alert_is_not_told(engine, silence):
    engine.route(engine.channel())
    silence(3600)
    engine.see("A")
    assert engine.wait(60) == []
    engine.see("B")
    assert [title for _, _, title in engine.wait(60)] == ["B"]


def test_when_the_window_ends_a_still_firing_alert_is_told(engine, silence):
    engine.route(engine.channel())
    silence(3600, kind="maintenance")
    engine.see("A")
    assert engine.wait(60) == []
    engine.now += timedelta(seconds=3600)
    lifecycle.overlay(engine.now)
    engine.wait()
    assert [notice.title for notice in engine.notices] == ["A"] or engine.wait(10) == [("ops", "firing", "A")]


def test_what_was_told_before_the_silence_is_told_again_after_it(engine, silence):
    engine.route(engine.channel(), repeat_interval=600)
    engine.see("A")
    engine.wait(10)
    silence(3600)
    lifecycle.overlay(engine.now)
    assert engine.wait(1800) == []  # no repeats either
    engine.now += timedelta(seconds=1800)
    lifecycle.overlay(engine.now)
    assert kinds(engine.wait(60)) == ["firing"]


def test_over_while_silenced_ends_what_receivers_were_told(engine, silence):
    engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    silence(3600)
    lifecycle.overlay(engine.now)
    engine.wait(60)
    engine.over("A")
    assert kinds(engine.wait(60)) == ["resolved"]


# -- ownership --------------------------------------------------------------------------------------------------------------
def test_acknowledging_is_told_at_once_and_ends_repeats(engine, operator):
    engine.route(engine.channel(), repeat_interval=600)
    (alert,) = engine.see("A")
    engine.wait(10)
    lifecycle.acknowledge([alert.pk], operator)
    assert engine.wait(2) == [("ops", "acknowledged", "Acknowledged: A")]
    assert engine.wait(10_000) == []
    engine.over("A")
    assert kinds(engine.wait(60)) == ["resolved"]


def test_given_back_it_repeats_again(engine, operator):
    engine.route(engine.channel(), repeat_interval=600)
    (alert,) = engine.see("A")
    engine.wait(10)
    lifecycle.take([alert.pk], operator)
    engine.wait(10)
    lifecycle.unacknowledge([alert.pk], operator)
    assert engine.wait(10) == []
    assert kinds(engine.wait(600)) == ["firing"]


def test_some_acknowledged_is_not_all(engine, operator):
    engine.route(engine.channel())
    first, _ = engine.see("A", "B")
    engine.wait(10)
    lifecycle.acknowledge([first.pk], operator)
    assert engine.wait(5) == []


# -- once, and nothing lost -------------------------------------------------------------------------------------------------
def test_a_transition_is_read_once(engine):
    engine.route(engine.channel())
    engine.see("A")
    assert grouping.read_on(engine.now) == 1
    assert grouping.read_on(engine.now) == 0
    assert Cursor.objects.get(name="notifications").position == AlertTransition.objects.latest("id").pk


def test_a_reading_that_fails_moves_nothing(engine, monkeypatch):
    engine.route(engine.channel())
    engine.see("A")

    def dies(self):
        GroupAlert.objects.all().delete()
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(grouping._Reading, "run", dies)
        with pytest.raises(RuntimeError), transaction.atomic():
            grouping.read_on(engine.now)
    assert len(engine.wait(10)) == 1


def test_a_group_that_cannot_be_told_of_waits_and_keeps_no_other_waiting(engine, monkeypatch):
    engine.route(engine.channel(), group_by=["alertname"])
    engine.see("Bad", "Good")
    whole = telling._Look.run

    def run(look, outbox):
        if look.group.labels == {"alertname": "Bad"}:
            raise ZeroDivisionError
        whole(look, outbox)

    with monkeypatch.context() as patched:
        patched.setattr(telling._Look, "run", run)
        assert [title for _, _, title in engine.wait(10)] == ["Good"]
        assert Message.objects.count() == 1
    assert engine.wait(10) == []
    assert [title for _, _, title in engine.wait(300)] == ["Bad"]


def test_a_route_that_cannot_be_read_is_left_out(engine):
    engine.route(engine.channel("broken"), name="1", matchers=[{"name": "a", "op": "=~", "value": "("}])
    engine.route(engine.channel("ops"), name="2", position=1)
    engine.see("A")
    assert [name for name, *_ in engine.wait(10)] == ["ops"]


def test_notices_are_numbered_within_their_thread(engine):
    engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    engine.over("A")
    engine.wait(60)
    first, second = engine.notices
    assert (first.number, second.number) == (1, 2)
    assert first.thread == second.thread
    assert first.key != second.key


def test_many_alerts_take_the_same_number_of_statements_as_few(engine, django_assert_max_num_queries):
    engine.route(engine.channel(), group_by=["site"])

    def storm(name, count):
        engine.see(*(f"{name}{number}" for number in range(count)), labels={"site": name})
        with django_assert_max_num_queries(15):
            grouping.read_on(engine.now)
        engine.now += timedelta(seconds=10)
        with django_assert_max_num_queries(15):
            telling.tell_due(engine.now)

    storm("few", 2)
    storm("many", 150)
    assert Delivery.objects.count() == 2
    assert Message.objects.latest("id").content["firing"] == 150
    assert len(Message.objects.latest("id").content["alerts"]) == 50


def test_alerts_that_were_deleted_do_no_harm(engine):
    engine.route(engine.channel())
    engine.see("A")
    grouping.read_on(engine.now)
    Alert.objects.all().delete()
    assert engine.wait(10) == []


def test_a_route_that_was_deleted_ends_its_groups(engine):
    route = engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    route.delete()
    engine.over("A")
    engine.wait(60)
    assert NotificationGroup.objects.get().closed_at


def test_a_notice_names_its_incident_and_is_part_of_its_timeline(engine):
    engine.route(engine.channel())
    alerts = engine.see("A", "B", "C")
    incident = Incident.objects.create(title="Power lost", severity="high")
    IncidentAlert.objects.bulk_create(IncidentAlert(incident=incident, alert=alert) for alert in alerts[:2])
    assert engine.wait(10) == [("ops", "firing", f"{incident.number} Power lost (3 alerts)")]
    told = engine.notices[0]
    assert (told.incident_id, told.incident_number, told.incident_title) == (incident.pk, incident.number, "Power lost")
    assert told.url == f"/incidents/{incident.pk}/"
    entry = TimelineEntry.objects.get(incident=incident, kind="notification")
    assert entry.text == f"Told ops: {told.title}"
    assert entry.data["alerts"] == [alerts[0].pk, alerts[1].pk]


def test_what_was_told_of_one_alert(engine):
    engine.route(engine.channel(), group_by=["site"])
    first, second = engine.see("A", "B", labels={"site": "fra"})
    (other,) = engine.see("C", labels={"site": "ber"})
    engine.wait(10)
    engine.over("A", labels={"site": "fra"})
    engine.wait(60)
    engine.over("B", labels={"site": "fra"})
    engine.wait(60)
    assert [one.message.kind for one in history.of_alert(first.pk)] == ["firing", "firing"]
    assert [one.message.kind for one in history.of_alert(second.pk)] == ["resolved", "firing", "firing"]
    assert history.of_alert(other.pk).count() == 1
    incident = Incident.objects.create(title="x")
    IncidentAlert.objects.bulk_create(IncidentAlert(incident=incident, alert=alert) for alert in (first, second))
    assert history.of_incident(incident.pk).count() == 3
