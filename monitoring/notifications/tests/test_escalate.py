from datetime import time, timedelta

import pytest

from accounts.testing import make_user
from monitoring.alerts import lifecycle
from monitoring.notifications.inbox import NoticePreference
from monitoring.notifications.models import ContactMethod, Delivery, EscalationPolicy, EscalationStep, Schedule, ScheduleLayer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _people_by_probe(monkeypatch, engine):
    """Persons are reached over channels of kinds in_app and email: probes in these tests."""
    from monitoring.notifications.channels.base import CHANNELS

    for kind in ("in_app", "email"):
        monkeypatch.setitem(CHANNELS, kind, "monitoring.notifications.tests.engine.Probe")


@pytest.fixture
def policy(engine):
    def make(*steps, repeat=0):
        made = EscalationPolicy.objects.create(name="pager", repeat=repeat)
        for place, (wait, target) in enumerate(steps):
            EscalationStep.objects.create(policy=made, position=place, wait=wait, **target)
        return made

    return make


def to(channel):
    return {"target": "channel", "channel": channel}


def escalations(heard):
    return [name for name, kind, _ in heard if kind == "escalation"]


def test_steps_follow_each_other_until_somebody_acknowledges(engine, policy, operator):
    one, two, three = (engine.channel(name) for name in ("one", "two", "three"))
    engine.route(engine.channel(), policy=policy((60, to(one)), (120, to(two)), (120, to(three))))
    (alert,) = engine.see("A")
    assert escalations(engine.wait(10)) == []
    assert escalations(engine.wait(60)) == ["one"]
    assert escalations(engine.wait(119)) == []
    assert escalations(engine.wait(1)) == ["two"]
    lifecycle.acknowledge([alert.pk], operator)
    assert escalations(engine.wait(100_000)) == []
    assert [notice.step for notice in engine.notices if notice.kind == "escalation"] == [
        "pager, step 1 of 3: one",
        "pager, step 2 of 3: two",
    ]


def test_a_policy_begins_again_as_often_as_it_says(engine, policy):
    one, two = engine.channel("one"), engine.channel("two")
    engine.route(engine.channel(), repeat_interval=0, policy=policy((60, to(one)), (60, to(two)), repeat=1))
    engine.see("A")
    engine.wait(10)
    heard = [name for _ in range(10) for name in escalations(engine.wait(60))]
    assert heard == ["one", "two", "one", "two"]
    assert [notice.step for notice in engine.notices if notice.kind == "escalation"][2:] == [
        "pager, step 1 of 2, round 2: one",
        "pager, step 2 of 2, round 2: two",
    ]


def test_what_is_over_is_escalated_no_more_and_those_told_hear_of_it(engine, policy):
    one = engine.channel("one")
    engine.route(engine.channel(), policy=policy((60, to(one)), (60, to(engine.channel("two")))))
    engine.see("A")
    engine.wait(10)
    engine.wait(60)
    engine.over("A")
    heard = engine.wait(60)
    assert sorted(name for name, kind, _ in heard if kind == "resolved") == ["one", "ops"]
    assert escalations(engine.wait(10_000)) == []


def test_something_new_after_the_acknowledgement_begins_from_the_first_step(engine, policy, operator):
    engine.route(engine.channel(), policy=policy((60, to(engine.channel("one"))), (600, to(engine.channel("two")))))
    (alert,) = engine.see("A")
    engine.wait(10)
    engine.wait(60)
    lifecycle.acknowledge([alert.pk], operator)
    engine.wait(10)
    engine.see("B")
    engine.wait(60)
    assert escalations(engine.wait(60)) == ["one"]


def test_a_silence_ends_the_escalation(engine, policy, operator):
    from monitoring.alerts.models import Silence

    engine.route(engine.channel(), policy=policy((60, to(engine.channel("one")))))
    engine.see("A")
    engine.wait(10)
    matchers = [{"name": "alertname", "op": "=", "value": "A"}]
    Silence.objects.create(
        matchers=matchers, reason="work", created_by=operator, starts_at=engine.now, ends_at=engine.now + timedelta(hours=1)
    )
    lifecycle.overlay(engine.now)
    assert escalations(engine.wait(60)) == []


def test_steps_with_no_wait_happen_together(engine, policy):
    engine.route(engine.channel(), policy=policy((0, to(engine.channel("one"))), (0, to(engine.channel("two")))))
    engine.see("A")
    assert sorted(escalations(engine.wait(10))) == ["one", "two"]


# -- people ------------------------------------------------------------------------------------------------------------------
def reached(engine):
    return sorted(
        (name, notice.recipients[0].name) for name, notice, _ in engine_heard() if notice.kind == "escalation" and notice.recipients
    )


def engine_heard():
    from monitoring.notifications.tests.engine import Probe

    return Probe.heard


def test_a_person_is_reached_by_bell_mail_and_what_else_they_gave(engine, policy, operator):
    engine.channel("bell", kind="in_app")
    engine.channel("mail", kind="email")
    phone = engine.channel("phone")
    ContactMethod.objects.create(user=operator, channel=phone, address="+49 1", severity_from="high")
    engine.route(engine.channel(), policy=policy((60, {"target": "user", "user": operator})))
    engine.see("A", severity="high")
    engine.wait(10)
    engine.wait(60)
    assert reached(engine) == [("bell", "operator"), ("mail", "operator"), ("phone", "operator")]
    by_name = {name: notice.recipients[0].address for name, notice, _ in engine_heard() if notice.recipients}
    assert by_name == {"bell": operator.email, "mail": operator.email, "phone": "+49 1"}


def test_preferences_decide(engine, policy, operator):
    engine.channel("bell", kind="in_app")
    engine.channel("mail", kind="email")
    NoticePreference.objects.create(user=operator, email_from="critical")
    engine.route(engine.channel(), policy=policy((60, {"target": "user", "user": operator})))
    engine.see("A", severity="high")
    engine.wait(10)
    engine.wait(60)
    assert reached(engine) == [("bell", "operator")]


def test_the_persons_quiet_hours_hold_the_mail_but_not_the_bell(engine, policy, operator):
    engine.channel("bell", kind="in_app")
    engine.channel("mail", kind="email")
    NoticePreference.objects.create(user=operator, quiet_from=time(12), quiet_to=time(14))
    engine.route(engine.channel(), policy=policy((60, {"target": "user", "user": operator})))
    engine.see("A", severity="high")
    engine.wait(10)
    engine.wait(60)
    assert reached(engine) == [("bell", "operator")]
    held = Delivery.objects.get(channel__name="mail")
    assert held.held_until.hour == 14
    engine.wait(2 * 3600)
    assert reached(engine) == [("bell", "operator"), ("mail", "operator")]


def test_the_end_is_held_as_the_escalation_was(engine, policy, operator):
    engine.channel("bell", kind="in_app")
    engine.channel("mail", kind="email")
    NoticePreference.objects.create(user=operator, quiet_from=time(12), quiet_to=time(14))
    engine.route(engine.channel(), policy=policy((60, {"target": "user", "user": operator})))
    engine.see("A", severity="high")
    engine.wait(10)
    engine.wait(60)
    engine.over("A", severity="high")
    assert sorted(name for name, kind, _ in engine.wait(60) if kind == "resolved") == ["bell", "ops"]
    assert engine.wait(2 * 3600) == []  # the mail: over before the quiet hours were


def test_a_role_is_everybody_who_has_it_and_may_sign_in(engine, policy, operator, admin):
    engine.channel("bell", kind="in_app")
    gone = make_user("viewer")
    gone.role, gone.is_active = "operator", False
    gone.save()
    engine.route(engine.channel(), policy=policy((60, {"target": "role", "role": "operator"})))
    engine.see("A")
    engine.wait(10)
    engine.wait(60)
    assert reached(engine) == [("bell", "operator")]


def test_whoever_is_on_call_at_that_moment(engine, policy, operator, admin):
    engine.channel("bell", kind="in_app")
    schedule = Schedule.objects.create(name="first line")
    ScheduleLayer.objects.create(
        schedule=schedule, starts_at=engine.now - timedelta(hours=11, minutes=58), shift_hours=12, participants=[operator.pk, admin.pk]
    )
    engine.route(engine.channel(), repeat_interval=0, policy=policy((60, {"target": "schedule", "schedule": schedule}), repeat=1))
    engine.see("A")
    engine.wait(10)
    engine.wait(60)
    assert reached(engine) == [("bell", "operator")]
    engine.wait(60)  # handed over meanwhile
    assert reached(engine) == [("bell", "admin"), ("bell", "operator")]


def test_where_nobody_is_on_call_the_next_step_does_not_wait(engine, policy):
    engine.channel("bell", kind="in_app")
    schedule = Schedule.objects.create(name="empty")
    engine.route(engine.channel(), policy=policy((60, {"target": "schedule", "schedule": schedule}), (3600, to(engine.channel("boss")))))
    engine.see("A")
    engine.wait(10)
    assert escalations(engine.wait(60)) == ["boss"]
