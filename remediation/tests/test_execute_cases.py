import pytest

from accounts import audit
from accounts.models import AuditEntry
from remediation import execute
from remediation.models import Execution, Transition
from remediation.plan import PlanStep
from remediation.providers.base import PROVIDERS, SUCCEEDED, ActionError, Answer
from remediation.tests import stage

pytestmark = pytest.mark.django_db
State = Execution.State


@pytest.fixture(autouse=True)
def world(monkeypatch):
    monkeypatch.setitem(PROVIDERS, stage.KIND, stage.DOTTED)
    return stage.anew()


def test_a_case_runs_from_its_approval_to_its_end(world):
    execution = stage.drive(stage.approved())
    assert stage.story(execution) == ["proposed", "approved", "running", "verifying", "succeeded"]
    assert stage.steps(execution) == {"restart": "succeeded"}
    assert len(world.keys("run restart")) == 1
    assert execution.verification == "not_verifiable"
    assert execution.finished_at is not None


def test_each_change_is_in_the_audit_trail_and_its_chain_holds(world, operator):
    execution = stage.propose(requested_by=operator)
    execute.approve(execution, operator, "looks right")
    stage.drive(execution)
    actions = list(
        AuditEntry.objects.filter(object_type="remediation.execution", object_id=str(execution.pk))
        .order_by("id")
        .values_list("action", flat=True)
    )
    states = ["proposed", "approved", "running", "verifying", "succeeded"]
    assert actions == [f"execution.{state}" for state in states]
    assert AuditEntry.objects.get(action="execution.approved").user_id == operator.pk
    assert audit.verify().broken is None


@pytest.mark.parametrize("after", sorted(execute.BEFORE))
def test_a_state_is_entered_only_from_those_before_it(after):
    for state in State.values:
        execution = Execution.objects.create(title="x", target="t", target_key=f"{state}", state=state)
        moved = execute.move(execution, after, "tried")
        assert moved == (state in execute.BEFORE[after]), f"{state} to {after}"
        assert Transition.objects.filter(execution=execution).count() == moved
        execution.delete()


def test_of_two_who_move_a_case_one_does():
    first = stage.propose()
    second = Execution.objects.get(pk=first.pk)
    assert execute.approve(first, None, "yes")
    assert not execute.deny(second, None, "no")
    assert Execution.objects.get(pk=first.pk).state == "approved"


def test_a_denied_case_does_nothing(world, approver):
    execution = stage.propose()
    execute.deny(execution, approver, "not now")
    stage.drive(execution)
    assert execution.state == "denied"
    assert execution.outcome == "not now"
    assert world.asked == []


def test_a_step_that_fails_stops_the_case_and_what_was_done_is_taken_back(world):
    world.answers["run start"] = [ActionError("no such job", permanent=True)]
    execution = stage.drive(stage.approved(stage.plan(stage.action("scale"), stage.action("start"), stage.action("restart"))))
    assert stage.story(execution)[2:] == ["running", "failed", "rolling_back", "rolled_back"]
    assert stage.steps(execution) == {"scale": "succeeded", "start": "failed", "restart": "skipped", "undo-scale": "succeeded"}
    assert world.done[-1][0] == "rollback scale"
    assert execution.escalated_at is not None


def test_a_step_that_may_fail_does_not_stop_the_case(world):
    world.answers["run start"] = [ActionError("no such job", permanent=True)]
    execution = stage.drive(stage.approved(stage.plan(stage.action("start", on_failure="continue"), stage.action("restart"))))
    assert execution.state == "succeeded"
    assert stage.steps(execution) == {"start": "failed", "restart": "succeeded"}


def test_what_cannot_be_taken_back_is_escalated(world):
    world.answers["run start"] = [ActionError("no such job", permanent=True)]
    execution = stage.drive(stage.approved(stage.plan(stage.action("restart"), stage.action("start"))))
    assert stage.story(execution)[-2:] == ["failed", "escalated"]
    assert "nothing that can be rolled back" in execution.outcome


def test_a_pre_check_that_does_not_hold_keeps_everything_from_being_done(world):
    execution = stage.drive(stage.approved(stage.plan(prechecks=(stage.check("vector(0)", name="room to move"),))))
    assert execution.state == "cancelled"
    assert "room to move" in execution.outcome
    assert world.asked == []


def test_a_dry_run_rehearses_every_step_and_changes_nothing(world):
    made = stage.plan(
        stage.action("scale"),
        PlanStep(id="pause", title="Wait", kind="wait", seconds=60),
        PlanStep(id="ask", title="Ask", kind="approval"),
        stage.action("restart"),
        success=(stage.check("vector(0)"),),
    )
    execution = stage.drive(stage.approved(made, dry_run=True))
    assert world.asked == ["dry_run scale", "dry_run restart"]
    assert (execution.state, execution.verification) == ("succeeded", "not_verifiable")
    assert stage.steps(execution) == {"scale": "succeeded", "pause": "skipped", "ask": "skipped", "restart": "succeeded"}
    assert "+new" in execution.steps.get(name="scale").lines.values_list("text", flat=True)


def test_long_work_is_polled_to_its_end(world):
    world.answers["run start"] = [stage.running("queued")]
    world.answers["poll start"] = [
        stage.running("50 %", lines=stage.lines("half")),
        Answer(SUCCEEDED, "all done", lines=stage.lines("end")),
    ]
    execution = stage.drive(stage.approved(stage.plan(stage.action("start"))))
    step = execution.steps.get()
    assert (step.state, step.handle, step.detail) == ("succeeded", "job-1", "all done")
    assert list(step.lines.order_by("id").values_list("text", flat=True)) == ["half", "end"]
    assert world.asked == ["run start", "poll start", "poll start"]


def test_what_takes_too_long_is_stopped(world):
    world.answers["run start"] = [stage.running()]
    world.answers["poll start"] = [stage.running() for _ in range(50)]
    execution = stage.drive(stage.approved(stage.plan(stage.action("start", timeout=5))))
    assert world.asked[-1] == "cancel start"
    assert execution.steps.get().detail == "it took longer than 5 s and was stopped"
    assert execution.state == "escalated"


def test_a_provider_that_refuses_for_now_is_asked_again_later(world):
    world.answers["run restart"] = [ActionError("429 too many", retry_after=7), ActionError("503")]
    execution = stage.drive(stage.approved())
    assert execution.state == "succeeded"
    assert world.asked.count("run restart") == 3
    assert len(world.keys("run restart")) == 1


def test_it_is_not_asked_forever(world):
    world.answers["run restart"] = [ActionError("503") for _ in range(20)]
    execution = stage.drive(stage.approved())
    assert execution.state == "escalated"
    assert world.asked.count("run restart") == 5


def test_an_answer_that_was_lost_is_looked_up_and_not_asked_for_again(world):
    world.answers["run restart"] = [stage.lost_after_doing()]
    execution = stage.drive(stage.approved())
    assert execution.state == "succeeded"
    assert world.asked == ["run restart", "resume restart"]
    assert len(world.keys("run restart")) == 1


def test_what_was_never_begun_is_begun(world):
    world.answers["run restart"] = [ActionError("no answer", unclear=True)]
    execution = stage.drive(stage.approved())
    assert execution.state == "succeeded"
    assert world.asked == ["run restart", "resume restart", "run restart"]


def test_what_nobody_can_tell_is_not_repeated_and_a_person_looks(world):
    world.answers["run restart"] = [stage.lost_after_doing()]
    world.resumes["restart"] = ActionError("this system cannot tell", permanent=True, unclear=True)
    execution = stage.drive(stage.approved(stage.plan(stage.action("scale"), stage.action("restart"))))
    assert execution.state == "escalated"
    assert stage.steps(execution)["restart"] == "unclear"
    assert "nobody can tell" in execution.outcome
    assert "rollback scale" not in world.asked


def test_a_fault_in_a_plugin_is_taken_for_unclear(world):
    world.answers["run restart"] = [KeyError("oops")]
    execution = stage.drive(stage.approved())
    assert world.asked == ["run restart", "resume restart", "run restart"]
    assert execution.state == "succeeded"


def test_a_provider_that_is_not_there_fails_the_step(world):
    execution = stage.drive(stage.approved(stage.plan(stage.action(provider="nowhere"))))
    assert execution.state == "escalated"
    assert execution.steps.get().detail == "there is no provider nowhere"


def test_a_verb_that_is_not_there_fails_the_step(world):
    execution = stage.drive(stage.approved(stage.plan(stage.action("explode"))))
    assert execution.steps.get().detail == "Fake cannot explode"
    assert world.asked == []


def test_a_plan_that_cannot_be_read_is_not_begun(world):
    execution = stage.approved()
    Execution.objects.filter(pk=execution.pk).update(plan={"steps": 7})
    stage.drive(execution)
    assert execution.state == "cancelled"
    assert "cannot be read" in execution.outcome


def test_parameters_that_speak_of_earlier_steps_are_filled_in_when_their_turn_comes(world):
    world.answers["run start"] = [Answer(SUCCEEDED, "made", facts={"job": "j-7"})]
    later = stage.action("restart", deferred={"job": "{{ steps.start.facts.job }}"})
    execution = stage.drive(stage.approved(stage.plan(stage.action("start"), later)))
    assert world.params[-1] == {"job": "j-7"}
    assert execution.steps.get(name="restart").spec["action"]["params"] == {"job": "j-7"}
