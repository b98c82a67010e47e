"""Taking back what was done: after a failure, or because a person asks for it. The last that was done is undone first."""

from datetime import datetime

import msgspec
from django.db import transaction

from remediation import escalate, execute, steps, systems
from remediation.course import AGAIN, Course, later
from remediation.models import Execution, Step
from remediation.plan import PlanStep
from remediation.providers.base import ActionError

State, Phase = Execution.State, Step.Phase
LOCKED = 5.0  # seconds until it is tried again: another case is under way at the target


def decide(course: Course) -> datetime | None:
    """Of a case that failed: rolled back where its plan wants that and it can be, else people are told."""
    execution = course.execution
    why = _reason(execution)
    unclear = [step for step in course.steps if step.state == Step.State.UNCLEAR]
    if unclear:
        return escalate.escalate(execution, f"{why}; of {unclear[0].title} nobody can tell whether it was done")
    if course.plan.on_failure != "rollback":
        return escalate.escalate(execution, f"{why}; it is not rolled back by itself")
    if not begin(course, "what was done is taken back", None):
        return escalate.escalate(execution, f"{why}; there is nothing that can be rolled back")
    return AGAIN


def _reason(execution: Execution) -> str:
    found = execution.transitions.filter(after=State.FAILED).order_by("-pk").values_list("reason", flat=True).first()
    return found or "it failed"


def asked(course: Course) -> datetime | None:
    """Of a case that is over: a person asked for it. Without that there is nothing to do."""
    execution = course.execution
    if (
        execution.undo_asked_at is None
        or execution.transitions.filter(after=State.ROLLING_BACK, time__gte=execution.undo_asked_at).exists()
    ):
        return None
    try:
        begun = begin(course, f"{execution.undo_asked_by} asked for it", execution.undo_asked_by)
    except execute.TargetLocked:
        return later(LOCKED)
    if begun:
        return AGAIN
    said = f"{execution.outcome} Asked for by {execution.undo_asked_by}, but there is nothing that can be rolled back.".strip()
    Execution.objects.filter(pk=execution.pk).update(outcome=said, undo_asked_at=None)
    execute.changed(execution)
    return None


def begin(course: Course, reason: str, actor: str | None) -> bool:
    """False where there is nothing to take back. Raises TargetLocked."""
    rows = planned(course)
    if not rows:
        return False
    with transaction.atomic():
        for old in course.steps:
            if old.phase == Phase.ROLLBACK:
                Step.objects.filter(pk=old.pk).update(spec={**old.spec, "superseded": True})
        Step.objects.bulk_create(rows)
        return execute.move(course.execution, State.ROLLING_BACK, reason, actor)


def planned(course: Course) -> list[Step]:
    """The runbook's own way back, else the inverse of each action that was done."""
    first = sum(step.phase == Phase.ROLLBACK for step in course.steps)
    done = [step for step in course.steps if step.phase == Phase.MAIN and step.kind == "action" and _left_something(step)]
    if not done:
        return []
    if course.plan.rollback:
        return steps.rows(course.execution, Phase.ROLLBACK, course.plan.rollback, first)
    inverse = [one for step in reversed(done) if (one := _inverse(course, step)) is not None]
    for place, one in enumerate(inverse):
        one.position = first + place
    return inverse


def _left_something(step: Step) -> bool:
    return step.state == Step.State.SUCCEEDED or (step.state in (Step.State.FAILED, Step.State.CANCELLED) and bool(step.undo))


def _inverse(course: Course, step: Step) -> Step | None:
    if Step.objects.filter(undoes=step, state=Step.State.SUCCEEDED).exists():
        return None
    spec = msgspec.convert(step.spec, PlanStep)
    back = PlanStep(id=f"undo-{step.name}"[:64], title=f"Take back: {step.title}"[:300], kind="action", action=spec.undo)
    if spec.undo is None and not _reversible(step, spec):
        return None
    [row] = steps.rows(course.execution, Phase.ROLLBACK, [back])
    row.undoes = step
    return row


def _reversible(step: Step, spec: PlanStep) -> bool:
    """The provider takes it back itself."""
    if step.provider is None or spec.action is None:
        return False
    try:
        return systems.verb_of(systems.plugin(step.provider), spec.action).reversible
    except ActionError:
        return False


def go_on(course: Course) -> datetime | None:
    """Of a case that is rolling back."""
    execution = course.execution
    step, broken = course.standing(Phase.ROLLBACK)
    if step is not None:
        return steps.go_on(course, step)
    if broken is not None:
        return escalate.escalate(execution, f"the rollback failed: {broken.title}: {broken.detail}")
    if execution.undo_asked_at is not None:
        said = f"rolled back as {execution.undo_asked_by} asked"
        execute.move(execution, State.ROLLED_BACK, said, execution.undo_asked_by, outcome=f"{execution.outcome} Rolled back.".strip())
        return AGAIN
    return escalate.rolled_back(execution, _reason(execution))
