from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from remediation import execute, schedule, switches, tending
from remediation.models import Execution
from remediation.plan import PlanStep
from remediation.providers.base import PROVIDERS, ActionError
from remediation.tests import stage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world(monkeypatch):
    monkeypatch.setitem(PROVIDERS, stage.KIND, stage.DOTTED)
    return stage.anew()


def turn(execution):
    stage.advance.advance(execution.pk)
    execution.refresh_from_db()
    return execution


def at_work(world, *steps, **columns):
    """A case whose first step runs at the provider."""
    world.answers["run start"] = [stage.running("queued")]
    execution = turn(stage.approved(stage.plan(stage.action("start"), *steps, **columns)))
    assert execution.steps.get(name="start").state == "running"
    return execution


# -- cancel -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", ["proposed", "approved"])
def test_what_has_not_begun_is_cancelled_at_once(state, operator, world):
    execution = stage.propose() if state == "proposed" else stage.approved()
    assert execute.cancel(execution, operator, "not needed")
    assert (execution.state, execution.outcome) == ("cancelled", "not needed")
    stage.drive(execution)
    assert world.asked == []


def test_what_runs_is_stopped_at_the_provider(operator, world):
    execution = at_work(world, stage.action())
    assert execute.cancel(execution, operator, "wrong host")
    assert not execute.cancel(execution, operator, "again")
    turn(execution)
    assert execution.state == "cancelled"
    assert world.asked == ["run start", "cancel start"]
    assert stage.steps(execution) == {"start": "cancelled", "restart": "cancelled"}
    assert execution.transitions.get(after="cancelled").actor == "operator"
    assert AuditEntry.objects.filter(action="execution.cancel_asked", user_id=operator.pk).exists()


def test_what_cannot_be_stopped_is_waited_for_and_nothing_more_begins(operator, world):
    execution = at_work(world, stage.action())
    world.answers["cancel start"] = [ActionError("a reboot cannot be stopped", permanent=True)]
    execute.cancel(execution, operator, "wrong host")
    turn(execution)
    assert (execution.state, execution.steps.get(name="start").state) == ("running", "running")
    stage.drive(execution)
    assert execution.state == "cancelled"
    assert stage.steps(execution) == {"start": "succeeded", "restart": "cancelled"}


def test_a_cancelled_case_undoes_nothing_unless_somebody_asks(operator, world):
    execution = turn(stage.approved(stage.plan(stage.action("scale"), PlanStep(id="w", title="w", kind="wait", seconds=60))))
    execute.cancel(execution, operator, "enough")
    stage.drive(execution)
    assert execution.state == "cancelled"
    assert [verb for verb, _ in world.done] == ["run scale"]
    assert execute.roll_back(execution, operator, "back, please")
    stage.drive(execution)
    assert execution.state == "rolled_back"


def test_verifying_can_be_cancelled_and_what_is_over_cannot(operator, world):
    execution = turn(stage.approved(stage.plan(stage.action(), success=(stage.check(hold=100),))))
    assert execution.state == "verifying"
    execute.cancel(execution, operator, "I looked myself")
    turn(execution)
    assert execution.state == "cancelled"
    assert not execute.cancel(execution, operator, "again")


# -- kill switches ------------------------------------------------------------------------------------------------------------
def test_stopped_nothing_begins_and_released_it_goes_on(approver, world):
    assert switches.stop(switches.ALL, approver, "incident 7")
    assert not switches.stop(switches.ALL, approver, "again")
    execution = turn(stage.approved())
    assert (execution.state, world.asked) == ("approved", [])
    assert switches.release(switches.ALL, approver, "over")
    turn(execution)
    assert execution.state == "succeeded"
    actions = AuditEntry.objects.filter(action__startswith="remediation.").order_by("id").values_list("action", "user_id")
    assert list(actions) == [("remediation.stopped", approver.pk), ("remediation.released", approver.pk)]


def test_a_provider_is_stopped_by_itself(approver, world):
    other = stage.provider("other")
    execution = turn(stage.approved(stage.plan(stage.action("scale"), stage.action("restart", provider="other"))))
    assert execution.state == "succeeded"
    switches.stop(switches.of_provider(other.pk), approver, "its API misbehaves")
    execution = turn(stage.approved(stage.plan(stage.action("scale"), stage.action("restart", provider="other"))))
    assert stage.steps(execution) == {"scale": "succeeded", "restart": "pending"}
    assert execution.steps.get(name="restart").detail == "held: stopped by approver: its API misbehaves"
    switches.release(switches.of_provider(other.pk), approver)
    turn(execution)
    assert execution.state == "succeeded"


def test_what_runs_is_followed_to_its_end(approver, world):
    execution = at_work(world, stage.action())
    switches.stop(switches.ALL, approver, "stop")
    stage.pass_time(execution)
    turn(execution)
    assert stage.steps(execution) == {"start": "succeeded", "restart": "pending"}


def test_rolling_back_is_still_allowed(approver, operator, world):
    execution = stage.drive(stage.approved(stage.plan(stage.action("scale"))))
    switches.stop(switches.ALL, approver, "stop")
    execute.roll_back(execution, operator, "back")
    stage.drive(execution)
    assert execution.state == "rolled_back"


def test_what_was_held_too_long_does_not_begin_any_more(approver, world):
    other = stage.provider("other")
    switches.stop(switches.of_provider(other.pk), approver, "its API misbehaves")
    execution = turn(stage.approved(stage.plan(stage.action("scale"), stage.action("restart", provider="other"))))
    Execution.objects.update(started_at=timezone.now() - timedelta(hours=5))
    stage.drive(execution)
    assert execution.state == "rolled_back"
    assert execution.steps.get(name="restart").detail == "it was stopped by approver for too long"


# -- one target ---------------------------------------------------------------------------------------------------------------
def test_of_two_cases_at_one_target_the_second_waits(world):
    first = at_work(world)
    second = turn(stage.approved())
    assert second.state == "approved"
    stage.drive(first)
    turn_due(second)
    assert second.state == "succeeded"


def turn_due(execution):
    execute.wake(execution.pk)
    return turn(execution)


def test_the_second_of_two_opposite_actions_is_cancelled_where_the_first_has_mended_it(world):
    from monitoring.alerts.models import Alert
    from monitoring.alerts.observations import Observation, observe

    observe([Observation("up", "firing", "TooFew", labels={"a": "1"}), Observation("down", "firing", "TooMany", labels={"a": "2"})])
    up, down = Alert.objects.get(fingerprint="up"), Alert.objects.get(fingerprint="down")
    world.answers["run start"] = [stage.running("scaling up")]
    first = turn(stage.approved(stage.plan(stage.action("start")), alert=up))
    second = turn(stage.approved(stage.plan(stage.action("scale")), alert=down))
    assert (first.state, second.state) == ("running", "approved")
    observe([Observation("down", "resolved")])
    stage.drive(first)
    turn_due(second)
    assert (second.state, second.outcome) == ("cancelled", "Cancelled: TooMany is over: there is nothing to mend.")
    assert [verb for verb, _ in world.done] == ["run start"]


def test_cases_at_other_targets_and_dry_runs_do_not_wait(world):
    at_work(world)
    assert turn(stage.approved(target_key="resource:2")).state == "succeeded"
    assert turn(stage.approved(dry_run=True)).state == "succeeded"


def test_the_end_of_a_case_wakes_those_that_wait_for_its_target(world, django_capture_on_commit_callbacks):
    first = at_work(world)
    second = turn(stage.approved())
    Execution.objects.filter(pk=second.pk).update(due_at=timezone.now() + timedelta(hours=1))
    with django_capture_on_commit_callbacks(execute=True):
        stage.drive(first)
    second.refresh_from_db()
    assert second.due_at <= timezone.now()


# -- leases and clocks --------------------------------------------------------------------------------------------------------
def test_a_case_that_somebody_advances_is_left_to_them(world):
    execution = stage.approved()
    lease = schedule.claim(execution.pk, timezone.now())
    assert lease
    assert schedule.due() == []
    turn(execution)
    assert (execution.state, world.asked) == ("approved", [])
    schedule.release(execution.pk, lease, execution.due_at, execution.due_at)
    assert turn(execution).state == "succeeded"


def test_the_lease_of_a_dead_worker_ends_and_a_restart_ends_it_at_once(world):
    execution = stage.approved()
    schedule.claim(execution.pk, timezone.now())
    Execution.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert schedule.due() == [execution.pk]
    schedule.claim(execution.pk, timezone.now())
    assert schedule.free_leases() == 1
    assert turn(execution).state == "succeeded"


def test_what_is_asked_while_somebody_advances_is_not_forgotten(world):
    execution = stage.approved()
    lease = schedule.claim(execution.pk, timezone.now())
    seen = execution.due_at
    execute.wake(execution.pk)
    schedule.release(execution.pk, lease, seen, None)
    assert schedule.due() == [execution.pk]


def test_a_clock_that_is_set_back_repeats_nothing_and_keeps_nothing_waiting(world):
    execution = at_work(world, stage.action())
    ahead = timezone.now() + timedelta(hours=3)
    execution.steps.filter(name="start").update(started_at=ahead, deadline=ahead + timedelta(minutes=5))
    Execution.objects.filter(pk=execution.pk).update(started_at=ahead, due_at=ahead, lease="x", leased_until=ahead)
    assert schedule.due() == []
    assert tending.take_up() == 1
    assert schedule.due() == [execution.pk]
    turn(execution)
    assert execution.state == "succeeded"
    assert world.asked.count("run start") == 1


def test_a_clock_that_jumps_ahead_ends_what_has_its_time_over(world):
    world.answers["poll start"] = [stage.running() for _ in range(5)]
    execution = at_work(world)
    past = timezone.now() - timedelta(days=1)
    execution.steps.update(started_at=past, deadline=past)
    Execution.objects.update(due_at=past, started_at=past)
    turn(execution)
    assert execution.steps.get().detail == "it took longer than 300 s and was stopped"
    assert world.asked == ["run start", "poll start", "cancel start"]


def test_an_approval_is_of_the_moment(world):
    execution = stage.approved()
    Execution.objects.update(approved_at=timezone.now() - timedelta(hours=5))
    turn(execution)
    assert (execution.state, world.asked) == ("expired", [])


def test_a_plan_that_is_not_the_approved_one_does_not_run(world, approver):
    from remediation import approvals

    execution = stage.propose()
    asked = approvals.ask(execution, 1, 600)
    approvals.vote(asked, approver, True)
    Execution.objects.filter(pk=execution.pk).update(plan=stage.plan(stage.action("scale")).to_json())
    execution = turn(Execution.objects.get(pk=execution.pk))
    assert (execution.state, world.asked) == ("cancelled", [])
    assert "not the one that was approved" in execution.outcome


# -- tending ------------------------------------------------------------------------------------------------------------------
def test_what_nothing_would_look_at_again_is_taken_up(world):
    execution = at_work(world)
    Execution.objects.update(due_at=None)
    assert tending.take_up() == 1
    stage.drive(execution)
    assert execution.state == "succeeded"
    assert tending.take_up() == 0


def test_a_long_wait_is_not_taken_for_lost(world):
    execution = turn(stage.approved(stage.plan(PlanStep(id="w", title="w", kind="wait", seconds=7200))))
    assert tending.take_up() == 0
    assert execution.steps.get().state == "running"


def test_old_cases_go_and_open_ones_stay(world, settings):
    old = timezone.now() - timedelta(days=settings.REMEDIATION_RETENTION_DAYS + 1)
    done = stage.drive(stage.approved())
    waiting = stage.propose()
    Execution.objects.update(created_at=old)
    Execution.objects.filter(pk=done.pk).update(finished_at=old)
    assert tending.expire() == 1
    assert list(Execution.objects.values_list("pk", flat=True)) == [waiting.pk]


def test_the_check_says_what_keeps_cases_from_going_on(world, approver):
    from remediation import self_check

    assert self_check.check().status == "ok"
    stage.approved()
    Execution.objects.update(due_at=timezone.now() - timedelta(minutes=5))
    assert "1 cases wait" in self_check.check().detail
    Execution.objects.update(due_at=None)
    switches.stop(switches.ALL, approver, "drill")
    assert self_check.check().detail == "stopped by approver: drill"
