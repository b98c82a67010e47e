"""Attempts, answers, pauses between them, dead channels, quiet hours, and who waits for whom."""

import threading
import time as clock
from datetime import time, timedelta

import pytest

from accounts.models import AuditEntry
from aiops.plugins import PluginError
from monitoring.alerts.models import Alert
from monitoring.notifications import lanes, send
from monitoring.notifications.channels.base import Transport
from monitoring.notifications.models import Channel, Delivery, DeliveryAttempt, Message
from monitoring.notifications.notice import NotSent, to_json
from monitoring.notifications.tests.engine import Probe
from monitoring.notifications.tests.notices import notice

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(engine):
    """One alert that is told over one channel; the channel's answers are scripted."""

    def make(*script, **fields):
        channel = engine.channel(**fields)
        engine.route(channel, repeat_interval=0)
        Probe.script = list(script)
        engine.see("A", severity=fields.pop("severity", "high"))
        engine.wait(10)
        return Delivery.objects.get()

    return make


def test_what_was_taken_is_sent_with_its_answer(told, engine):
    delivery = told()
    assert (delivery.status, delivery.attempts_count, delivery.last_answer, delivery.external_id) == ("sent", 1, "taken", "id-1")
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.ok, attempt.status, attempt.answer) == (True, 200, "taken")
    channel = Channel.objects.get()
    assert (channel.status, channel.failures, channel.last_success) == ("ok", 0, engine.now)


def test_a_failure_is_tried_again_after_a_pause_that_grows(told, engine):
    delivery = told(NotSent("busy", status=503), NotSent("busy", status=503))
    assert (delivery.status, delivery.attempts_count) == ("failed", 1)
    first = (delivery.next_attempt_at - engine.now).total_seconds()
    assert 8 <= first <= 12
    assert engine.wait(7) == []
    engine.wait(5)
    delivery.refresh_from_db()
    second = (delivery.next_attempt_at - engine.now).total_seconds()
    assert 24 <= second <= 36
    engine.wait(36)
    delivery.refresh_from_db()
    assert delivery.status == "sent"
    assert [(one.number, one.ok, one.status) for one in DeliveryAttempt.objects.all()] == [(1, False, 503), (2, False, 503), (3, True, 200)]
    assert len({notice.key for notice in engine.notices}) == 1  # the receiver can tell that it is the same


def test_a_receiver_that_asks_for_more_time_gets_it(told, engine):
    delivery = told(NotSent("too many", retry_after=600, status=429))
    assert (delivery.next_attempt_at - engine.now).total_seconds() == 600
    assert send.pause(1, 100_000) == 3600


def test_after_five_attempts_it_is_given_up_and_the_channel_is_dead(told, engine):
    delivery = told(*[NotSent("busy")] * 5)
    for _ in range(4):
        engine.wait(400)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts_count) == ("dead", 5)
    assert Channel.objects.get().status == "dead"


def test_a_permanent_fault_is_not_tried_again(told, engine):
    delivery = told(NotSent("no such hook", permanent=True, status=404))
    assert (delivery.status, delivery.attempts_count) == ("dead", 1)
    assert delivery.ended_at == engine.now


def test_a_dead_channel_is_an_alert_until_the_next_success(told, engine):
    told(NotSent("no such hook", permanent=True, status=404))
    alert = Alert.objects.get(source="self")
    assert (alert.name, alert.state, alert.labels["channel"]) == ("NotificationChannelDead", "firing", "ops")
    assert "no such hook" in alert.annotations["description"]
    engine.see("B")
    engine.wait(100)
    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert Channel.objects.get().dead_since is None


def test_a_plugin_that_is_gone_or_broken_is_no_stop_for_others(engine):
    engine.route(engine.channel("gone", kind="fax"), engine.channel("ops"), engine.channel("broken"))
    engine.see("A")
    Probe.script = []

    original = Probe.send

    def send_(self, notice):
        if self.config["name"] == "broken":
            raise ZeroDivisionError
        return original(self, notice)

    Probe.send = send_
    try:
        assert [name for name, *_ in engine.wait(10)] == ["ops"]
    finally:
        Probe.send = original
    found = {one.channel_name: (one.status, one.last_answer) for one in Delivery.objects.all()}
    assert found["gone"][0] == "dead"
    assert "fax" in found["gone"][1]
    assert found["broken"] == ("failed", "fault in the channel probe: ZeroDivisionError")


def test_another_familys_error_counts_too(told):
    assert told(PluginError("cannot", permanent=True)).status == "dead"


def test_later_notices_wait_until_the_earlier_one_has_been_told(told, engine):
    told(NotSent("busy", retry_after=300))
    engine.over("A")
    assert engine.wait(100) == []
    assert [kind for _, kind, _ in engine.wait(200)] == ["firing", "resolved"]


def test_a_channel_hears_what_it_called_the_first_of_a_thread(told, engine):
    told()
    engine.over("A")
    engine.wait(60)
    assert [earlier for *_, earlier in Probe.heard] == ["", "id-1"]


def test_a_disabled_channel_is_sent_nothing(engine):
    channel = engine.channel()
    engine.route(channel)
    engine.see("A")
    engine.now += timedelta(seconds=10)
    from monitoring.notifications import grouping, telling

    grouping.read_on(engine.now)
    telling.tell_due(engine.now)
    Channel.objects.update(enabled=False)
    engine.send()
    assert Probe.heard == []
    assert Delivery.objects.get().last_answer == "the channel is switched off"
    engine.see("B")
    engine.wait(60)
    assert Delivery.objects.count() == 1


def test_a_deleted_channel_leaves_its_history(told, engine):
    told(NotSent("busy"))
    Channel.objects.all().delete()
    engine.wait(100)
    delivery = Delivery.objects.get()
    assert (delivery.channel, delivery.channel_name, delivery.status) == (None, "ops", "skipped")


# -- quiet hours ------------------------------------------------------------------------------------------------------------
QUIET = {"quiet_from": time(11), "quiet_to": time(14)}


def test_quiet_hours_hold_it_until_they_end(told, engine):
    delivery = told(**QUIET)
    assert Probe.heard == []
    assert (delivery.status, delivery.held_until.hour) == ("pending", 14)
    assert len(engine.wait(2 * 3600)) == 1


def test_what_is_critical_is_told_all_the_same(engine):
    engine.route(engine.channel(**QUIET))
    engine.see("A", severity="critical")
    assert len(engine.wait(10)) == 1


def test_quiet_hours_go_by_the_clock_of_their_place(told, engine):
    told(quiet_from=time(11), quiet_to=time(13), time_zone="Europe/Berlin")  # 12:00 UTC is 13:00 there
    assert len(Probe.heard) == 1


def test_of_several_that_were_held_the_last_is_told(told, engine):
    told(**QUIET)
    engine.see("B")
    engine.wait(60)
    engine.see("C")
    engine.wait(60)
    assert [title for _, _, title in engine.wait(2 * 3600)] == ["3 alerts: A, B, C"]
    assert Delivery.objects.filter(status="skipped").count() == 2


def test_what_was_over_before_the_quiet_hours_were_is_not_told(told, engine):
    told(**QUIET)
    engine.over("A")
    engine.wait(60)
    assert engine.wait(2 * 3600) == []
    assert set(Delivery.objects.values_list("status", flat=True)) == {"skipped"}


def test_worse_in_quiet_hours_is_told_although_the_first_is_held(told, engine):
    told(**QUIET)
    engine.see("B", severity="critical")
    assert len(engine.wait(60)) == 1
    assert engine.wait(3 * 3600) == []


# -- leases -----------------------------------------------------------------------------------------------------------------
def test_what_one_has_claimed_no_other_gets(engine):
    channel = engine.channel()
    engine.route(channel)
    engine.see("A")
    engine.now += timedelta(seconds=10)
    from monitoring.notifications import grouping, telling

    grouping.read_on(engine.now)
    telling.tell_due(engine.now)
    (first,) = send.claim(channel.pk, engine.now)
    assert send.claim(channel.pk, engine.now) == []
    (again,) = send.claim(channel.pk, engine.now + timedelta(seconds=send.LEASE + 1))  # its holder has died
    assert again.pk == first.pk
    send.attempt(again, lambda: engine.now)
    Probe.script = [NotSent("late")]
    send.attempt(first, lambda: engine.now)  # it lived after all: what was sent stays sent
    first.refresh_from_db()
    assert first.status == "sent"
    assert send.free_leases() == 0


def test_a_start_frees_the_leases_of_the_process_that_ended(engine):
    channel = engine.channel()
    message = Message.objects.create(kind="test", title="x", content={})
    Delivery.objects.create(
        key="x", message=message, channel=channel, channel_name="ops", thread="x", lease="dead", leased_until=engine.now
    )
    assert send.free_leases() == 1


# -- hands ------------------------------------------------------------------------------------------------------------------
@pytest.fixture
def claimed(engine):
    """Some deliveries of one channel, claimed together."""

    def make(*script):
        channel = engine.channel()
        message = Message.objects.create(kind="firing", title="x", content=to_json(notice()))
        for number in range(max(3, len(script))):
            Delivery.objects.create(
                key=f"{number}", message=message, channel=channel, channel_name="ops", thread=f"{number}", next_attempt_at=engine.now
            )
        Probe.script = list(script)
        return send.Hand(send.claim(channel.pk, engine.now, most=30), lambda: engine.now)

    return make


def test_a_hand_of_deliveries_is_one_transport_that_is_closed(claimed, monkeypatch):
    made, closed = [], []
    monkeypatch.setattr(Probe, "__init__", lambda self, *given: [made.append(self), Transport.__init__(self, *given)][1])
    monkeypatch.setattr(Probe, "close", lambda self: closed.append(self))
    assert claimed().run() == 3
    assert len(made) == 1
    assert closed == made


def test_how_a_channel_is_counts_what_came_last(claimed):
    claimed("ok", NotSent("busy"), NotSent("busy"), "ok", NotSent("busy")).run()
    channel = Channel.objects.get()
    assert (channel.failures, channel.last_answer) == (1, "busy")
    assert Delivery.objects.filter(status="sent").count() == 2


def test_what_would_outlast_its_lease_is_left_to_the_next(claimed, engine):
    hand = claimed()
    hand.clock = iter([engine.now, *[engine.now + timedelta(seconds=send.LEASE)] * 9]).__next__
    assert hand.run() == 1
    assert Delivery.objects.filter(status="pending").count() == 2


def test_one_that_is_sent_quickly_is_given_more_at_once(monkeypatch):
    asked, seconds = [], iter([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0, 31.0, 40.0, 40.5])

    def claim(channel, most):
        asked.append(most)
        return [object()] * most if len(asked) < 7 else []

    monkeypatch.setattr(send, "claim", claim)
    monkeypatch.setattr(send, "Hand", lambda some: type("Hand", (), {"run": lambda self: len(some)})())
    monkeypatch.setattr(send.time, "monotonic", seconds.__next__)
    assert send.send_channel(1) == sum(asked[:-1])
    assert asked == [3, 6, 12, 24, 30, 5, 10]  # the fifth hand took half a minute


# -- tests and second chances -----------------------------------------------------------------------------------------------
def test_a_test_is_sent_at_once_and_written_down(engine, operator):
    channel = engine.channel(enabled=False)
    answer = send.send_test(channel, operator)
    assert answer.detail == "taken"
    assert engine.notices[0].kind == "test"
    assert Delivery.objects.get().status == "sent"
    assert AuditEntry.objects.get(action="notification_channel.tested").actor == "operator"


def test_a_test_that_fails_says_why_and_makes_no_alert(engine, operator):
    Probe.script = [NotSent("wrong key", status=403)]
    with pytest.raises(NotSent, match="wrong key"):
        send.send_test(engine.channel(), operator)
    assert Delivery.objects.get().status == "dead"
    assert not Alert.objects.exists()


def test_a_test_that_arrives_revives_the_channel(told, operator):
    told(NotSent("wrong key", permanent=True))
    send.send_test(Channel.objects.get(), operator)
    assert Alert.objects.get(source="self").state == "resolved"


def test_what_was_given_up_can_be_tried_once_more(told, engine, operator):
    delivery = told(NotSent("wrong key", permanent=True))
    assert send.retry(delivery, operator)
    engine.now = delivery.next_attempt_at.now(tz=delivery.next_attempt_at.tzinfo) + timedelta(seconds=1)
    engine.wait()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts_count) == ("sent", 2)
    assert not send.retry(delivery, operator)


# -- side by side -----------------------------------------------------------------------------------------------------------
def test_a_slow_channel_keeps_nobody_waiting():
    release, done = threading.Event(), []

    def work(channel):
        if channel == 1:
            release.wait(5)
        done.append(channel)
        return 1

    slow = lanes.Lanes(work, per_channel=2)
    slow.wake({1: 10, 2: 1})
    slow.wake({1: 10, 3: 1})
    deadline = clock.monotonic() + 5
    while sorted(done) != [2, 3] and clock.monotonic() < deadline:
        clock.sleep(0.01)
    assert sorted(done) == [2, 3]
    assert slow.busy == 2  # no more than its lanes
    release.set()
    while slow.busy and clock.monotonic() < deadline:
        clock.sleep(0.01)
    assert sorted(done) == [1, 1, 2, 3]


def test_a_lane_that_fails_is_free_again():
    def work(channel):
        raise RuntimeError

    lane = lanes.Lanes(work)
    lane.wake({1: 1})
    deadline = clock.monotonic() + 5
    while lane.busy and clock.monotonic() < deadline:
        clock.sleep(0.01)
    assert lane.busy == 0
