from datetime import UTC, datetime, time, timedelta

import pytest

from monitoring.notifications.heard import who_would_hear
from monitoring.notifications.inbox import NoticePreference
from monitoring.notifications.models import EscalationPolicy, EscalationStep, Schedule, ScheduleLayer

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 2, tzinfo=UTC)


def told(found):
    return [(one.delay, one.who, one.way) for one in found]


def test_the_routes_channels_after_its_wait(engine):
    engine.route(engine.channel("ops"), engine.channel("off", enabled=False), matchers=[{"name": "severity", "op": "=", "value": "high"}])
    assert told(who_would_hear({"alertname": "A"}, "high", NOON)) == [(10, "ops", "ops")]
    assert who_would_hear({"alertname": "A"}, "low", NOON) == []


def test_quiet_hours_are_part_of_the_delay(engine):
    engine.route(engine.channel("ops", quiet_from=time(22), quiet_to=time(6)))
    (found,) = who_would_hear({}, "high", NIGHT)
    assert (found.delay, found.held) == (4 * 3600, True)
    (found,) = who_would_hear({}, "critical", NIGHT)
    assert (found.delay, found.held) == (10, False)


def test_then_everybody_the_escalation_would_reach(engine, operator, admin):
    engine.channel("bell", kind="in_app")
    engine.channel("mail", kind="email")
    NoticePreference.objects.create(user=admin, email_from="critical")
    schedule = Schedule.objects.create(name="first line")
    start = NOON - timedelta(hours=11, minutes=55)
    ScheduleLayer.objects.create(schedule=schedule, starts_at=start, shift_hours=12, participants=[admin.pk, operator.pk])
    policy = EscalationPolicy.objects.create(name="pager")
    EscalationStep.objects.create(policy=policy, position=0, wait=60, target="schedule", schedule=schedule)
    EscalationStep.objects.create(policy=policy, position=1, wait=600, target="schedule", schedule=schedule)
    engine.route(engine.channel("ops"), policy=policy)
    found = who_would_hear({}, "high", NOON)
    assert told(found) == [(10, "ops", "ops"), (70, "admin", "bell"), (670, "operator", "bell"), (670, "operator", "mail")]
    assert [one.step for one in found] == ["", "pager, step 1", "pager, step 2", "pager, step 2"]


def test_a_gap_is_told_too(engine):
    policy = EscalationPolicy.objects.create(name="pager")
    EscalationStep.objects.create(policy=policy, wait=60, target="schedule", schedule=Schedule.objects.create(name="empty"))
    engine.route(policy=policy)
    assert told(who_would_hear({}, "high", NOON)) == [(70, "nobody: on call of empty", "")]


def test_asking_tells_nobody_and_writes_nothing(engine, django_assert_max_num_queries):
    engine.route(*(engine.channel(f"c{number}") for number in range(20)))
    with django_assert_max_num_queries(4):
        assert len(who_would_hear({}, "high", NOON)) == 20
    assert engine.notices == []
