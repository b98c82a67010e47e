"""Rotations by the clock of a place: hand-overs, overrides, gaps, and the nights on which the clocks change."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from accounts.testing import make_user
from monitoring.notifications import schedule as duty
from monitoring.notifications.hours import Hours
from monitoring.notifications.models import Schedule, ScheduleLayer, ScheduleOverride

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")


def local(month, day, hour=0, minute=0):
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


@pytest.fixture
def team():
    return [make_user(role) for role in ("viewer", "operator", "admin")]


@pytest.fixture
def rota():
    return Schedule.objects.create(name="first line", time_zone="Europe/Berlin")


def layer(rota, people, **fields):
    usual = {"starts_at": local(10, 5, 9), "shift_hours": 168, "participants": [one.pk for one in people]}
    one = ScheduleLayer(schedule=rota, **{**usual, **fields})
    one.full_clean()
    one.save()
    return one


def on_call(rota, at):
    return duty.on_call(Schedule.objects.get(pk=rota.pk), at)


def test_shifts_are_taken_in_turns(rota, team):
    layer(rota, team)
    assert on_call(rota, local(10, 5, 9)) == team[0].pk
    assert on_call(rota, local(10, 12, 8, 59)) == team[0].pk
    assert on_call(rota, local(10, 12, 9)) == team[1].pk
    assert on_call(rota, local(10, 26, 9)) == team[0].pk


def test_nobody_is_on_call_before_the_first_shift(rota, team):
    layer(rota, team)
    assert on_call(rota, local(10, 5, 8, 59)) is None


def test_the_hand_over_keeps_its_hour_when_the_clocks_change(rota, team):
    layer(rota, team, shift_hours=24, starts_at=local(10, 24, 9))
    changes = [span.start for span in duty.spans(rota, local(10, 24, 9), local(10, 27, 9))]
    assert [at.astimezone(BERLIN).hour for at in changes] == [9, 9, 9]
    assert changes[1] - changes[0] == timedelta(hours=25)  # clocks go back on 25 October 2026 at 03:00
    layer(rota, team, shift_hours=12, starts_at=datetime(2027, 3, 27, 20, tzinfo=BERLIN), position=1)
    night = duty.spans(rota, datetime(2027, 3, 27, 20, tzinfo=BERLIN), datetime(2027, 3, 28, 20, tzinfo=BERLIN))
    assert night[0].end - night[0].start == timedelta(hours=11)


def test_no_moment_of_a_changing_night_is_lost_or_taken_twice(rota, team):
    layer(rota, team, shift_hours=1, starts_at=local(10, 24, 0))
    for start, end in (
        (local(10, 24, 20), local(10, 25, 8)),
        (datetime(2027, 3, 27, 20, tzinfo=BERLIN), datetime(2027, 3, 28, 8, tzinfo=BERLIN)),
    ):
        found = duty.spans(rota, start, end)
        assert found[0].start == start
        assert found[-1].end == end
        assert all(one.end == two.start for one, two in pairwise(found))
        assert all(one.user for one in found)


def test_shifts_by_a_rule_leave_gaps_that_are_shown(rota, team):
    layer(rota, team, rrule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", shift_hours=8)
    found = duty.spans(rota, local(10, 5), local(10, 6))
    assert [(one.start.astimezone(BERLIN).hour, one.user) for one in found] == [(0, None), (9, team[0].pk), (17, None)]
    assert on_call(rota, local(10, 6, 12)) == team[1].pk
    assert [one.start for one in duty.gaps(rota, local(10, 9, 17), local(10, 12, 9))] == [local(10, 9, 17)]


def test_a_rule_without_a_length_lasts_until_the_next(rota, team):
    layer(rota, team, rrule="FREQ=WEEKLY;BYDAY=MO", shift_hours=0)
    assert on_call(rota, local(10, 11, 23)) == team[0].pk
    assert on_call(rota, local(10, 12, 9)) == team[1].pk


def test_hours_narrow_a_layer_and_the_one_below_shows_through(rota, team):
    layer(rota, team[:1])
    layer(rota, team[1:2], position=1, active_from=time(22), active_to=time(6), active_days=[4, 5])
    assert on_call(rota, local(10, 8, 23)) == team[0].pk  # a Thursday
    assert on_call(rota, local(10, 9, 23)) == team[1].pk
    assert on_call(rota, local(10, 11, 5)) == team[1].pk  # the night of Saturday goes on
    assert on_call(rota, local(10, 11, 23)) == team[0].pk


def test_an_override_lies_above_everything(rota, team):
    layer(rota, team[:1])
    ScheduleOverride.objects.create(schedule=rota, user=team[2], starts_at=local(10, 7, 12), ends_at=local(10, 7, 18), reason="dentist")
    found = duty.spans(rota, local(10, 7), local(10, 8))
    assert [one.user for one in found] == [team[0].pk, team[2].pk, team[0].pk]
    assert found[1].why == "override: dentist"


def test_somebody_who_left_leaves_a_gap_not_a_name(rota, team):
    layer(rota, team[:1])
    team[0].is_active = False
    team[0].save()
    assert on_call(rota, local(10, 6)) is None


def test_the_next_hand_over_is_known(rota, team):
    layer(rota, team)
    found = duty.now_and_next(rota, local(10, 8))
    assert (found.user, found.until, found.next_user) == (team[0], local(10, 12, 9), team[1])


def test_a_layer_that_ended_is_over(rota, team):
    layer(rota, team, ends_at=local(10, 6, 9))
    assert on_call(rota, local(10, 6, 9)) is None


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"participants": []}, "participants"),
        ({"participants": ["ann"]}, "participants"),
        ({"shift_hours": 0}, "shift_hours"),
        ({"rrule": "FREQ=MINUTELY"}, "rrule"),
        ({"rrule": "every day"}, "rrule"),
        ({"active_from": time(9)}, "active_to"),
        ({"active_days": [7]}, "active_days"),
        ({"ends_at": local(10, 1)}, "ends_at"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(rota, team, fields, wrong):
    with pytest.raises(ValidationError) as refusal:
        layer(rota, team, **fields)
    assert wrong in refusal.value.message_dict


# -- hours -------------------------------------------------------------------------------------------------------------------
def test_hours_past_midnight_end_on_the_next_day():
    night = Hours(time(22), time(6), [], "Europe/Berlin")
    assert night.until(local(10, 20, 23)) == local(10, 21, 6)
    assert night.until(local(10, 21, 5)) == local(10, 21, 6)
    assert night.until(local(10, 21, 6)) is None


def test_a_night_on_which_the_clocks_go_back_is_an_hour_longer():
    night = Hours(time(22), time(6), [], "Europe/Berlin")
    (span,) = night.spans(local(10, 24, 12), local(10, 25, 12))
    assert span[1] - span[0] == timedelta(hours=9)


def test_days_without_hours_are_whole_days_and_join():
    weekend = Hours(None, None, [5, 6], "Europe/Berlin")
    assert weekend.until(local(10, 24, 0)) == local(10, 26, 0)
    assert not weekend.holds(local(10, 23, 23, 59))


def test_no_hours_hold_always():
    assert Hours(None, None, [], "UTC").holds(datetime(2026, 1, 1, tzinfo=UTC))
