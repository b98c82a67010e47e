"""The engine: takes a case by its lease and does what is due of it, until it has to wait. Every step of it may be repeated after a crash:
what was done stands in the rows."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec
from django.db import transaction
from django.utils import timezone

from monitoring.alerts.models import Alert
from remediation import escalate, execute, figures, schedule, steps, steps_action, switches, undo, verify
from remediation.course import AGAIN, PREPARED, Course, finish, later
from remediation.models import Approval, Execution, Step
from remediation.plan import PlanStep

State, Verification = Execution.State, Execution.Verification
BUDGET = 20.0  # seconds of one turn, then others have theirs
LOCKED, STOPPED = 5.0, 10.0  # seconds until an approved case that cannot begin is looked at again
APPROVED_FOR = timedelta(hours=4)  # an approval is of the moment: what could not begin for so long has to be asked anew
AFTER_A_FAULT = 15.0  # seconds
log = logging.getLogger(__name__)


def advance(execution_id: int) -> float | None:
    """Does what is due; in how many seconds it is due again. None where that is not known, it is over, or somebody else has it."""
    lease = schedule.claim(execution_id, timezone.now())
    if not lease:
        return None
    execution = Execution.objects.select_related("alert").get(pk=execution_id)
    due_at: datetime | None = later(AFTER_A_FAULT)
    try:
        due_at = _turn(execution)
    finally:
        schedule.release(execution_id, lease, execution.due_at, due_at)
    return max(0.0, (due_at - timezone.now()).total_seconds()) if due_at else None


def _turn(execution: Execution) -> datetime | None:
    """Until it has to wait. The row is read anew each time: people may have asked for something."""
    until = time.monotonic() + BUDGET
    while True:
        execution.refresh_from_db()
        due_at = _once(execution)
        if due_at is None or due_at > timezone.now():
            return due_at
        if time.monotonic() > until:
            return timezone.now()


def _once(execution: Execution) -> datetime | None:
    handler = HANDLERS.get(State(execution.state))
    if handler is None:
        return None
    try:
        course = Course.of(execution)
    except msgspec.ValidationError as fault:
        return _unreadable(execution, fault)
    return handler(course)


def _unreadable(execution: Execution, fault: Exception) -> datetime | None:
    why = f"its plan cannot be read: {fault}"
    if execution.state == State.APPROVED:
        execute.move(execution, State.CANCELLED, why, outcome=f"Cancelled: {why}.")
    elif execution.state in (State.RUNNING, State.VERIFYING):
        execute.move(execution, State.FAILED, why)
    elif execution.state in (State.FAILED, State.ROLLING_BACK):
        escalate.escalate(execution, why)
    else:
        return None
    return AGAIN


# -- approved --------------------------------------------------------------------------------------------------------------
def begin(course: Course) -> datetime | None:
    execution = course.execution
    if why := _no_more(course):
        execute.move(execution, State.CANCELLED, why, outcome=f"Cancelled: {why}.")
        return AGAIN
    if _waits_since(execution) + APPROVED_FOR <= timezone.now():
        execute.expire(execution, f"it could not begin within {APPROVED_FOR.total_seconds() / 3600:g} h of its approval")
        return AGAIN
    if not execution.dry_run and switches.stopped():
        return later(STOPPED)
    try:
        _start(course)
    except execute.TargetLocked:
        return later(LOCKED)
    return AGAIN


def _waits_since(execution: Execution) -> datetime:
    return execution.approved_at or execution.created_at


def _no_more(course: Course) -> str:
    """Why it need not, or must not, begin any more: looked at in the last moment, as it may have waited for another case."""
    execution = course.execution
    asked = execution.approvals.filter(step=None, state=Approval.State.GRANTED).order_by("-pk").first()
    if asked is not None and asked.digest != course.plan.digest:
        return "the plan is not the one that was approved"
    if execution.dry_run or execution.alert is None or execution.alert.state != Alert.State.RESOLVED:
        return ""
    return f"{execution.alert.name} is over: there is nothing to mend"


def _start(course: Course) -> None:
    """Its steps are there from the moment it runs. Raises TargetLocked."""
    execution = course.execution
    checks = verify.measured_before(course)
    with transaction.atomic():
        if execute.move(execution, State.RUNNING, "", checks=checks):
            Step.objects.bulk_create(steps.prepared(execution, course.plan))
    if not execution.approvals.exists() and execution.started_at:
        figures.STARTED.observe((execution.started_at - execution.created_at).total_seconds())


# -- running ---------------------------------------------------------------------------------------------------------------
def run(course: Course) -> datetime | None:
    execution = course.execution
    step, broken = course.standing(*PREPARED)
    if execution.cancel_asked_at and (step is not None or broken is not None):
        return cancel(course, step)
    if step is not None:
        return steps.go_on(course, step)
    if broken is not None:
        return _broken(course, broken)
    if execution.dry_run:
        told = {"verification": Verification.NOT_VERIFIABLE, "outcome": "Rehearsed: nothing was changed."}
        execute.move(execution, State.SUCCEEDED, "rehearsed: nothing was changed", **told)
    else:
        execute.move(execution, State.VERIFYING, "the steps are done")
    return AGAIN


def _broken(course: Course, step: Step) -> datetime:
    execution, why = course.execution, f"{step.title}: {step.detail}"
    for rest in course.steps:
        if rest.state == Step.State.PENDING:
            finish(rest, Step.State.SKIPPED, "it was not reached")
    if step.phase == Step.Phase.PRECHECK:
        execute.move(execution, State.CANCELLED, f"a pre-check does not hold, nothing was done: {why}", outcome=f"Nothing was done. {why}.")
    elif execution.dry_run:
        told = {"verification": Verification.NOT_VERIFIABLE, "outcome": f"Rehearsed, and it would not work: {why}."}
        execute.move(execution, State.SUCCEEDED, f"rehearsed, it would not work: {why}", **told)
    else:
        execute.move(execution, State.FAILED, why, outcome=f"{why}.")
    return AGAIN


def cancel(course: Course, step: Step | None) -> datetime | None:
    """What runs at a provider is stopped, or its end waited for; nothing more begins."""
    execution, by = course.execution, course.execution.cancel_asked_by
    if step is not None and step.kind == "action" and step.state != Step.State.PENDING:
        return steps_action.stop(course, step, msgspec.convert(step.spec, PlanStep))
    with transaction.atomic():
        for rest in course.steps:
            if rest.state in (Step.State.PENDING, Step.State.RUNNING):
                finish(rest, Step.State.CANCELLED, f"cancelled by {by}")
        execute.move(execution, State.CANCELLED, f"{by} asked for it; what was done stays done", by, outcome=f"Cancelled by {by}.")
    return AGAIN


HANDLERS: Mapping[str, Callable[[Course], datetime | None]] = {
    State.APPROVED: begin,
    State.RUNNING: run,
    State.VERIFYING: verify.look,
    State.FAILED: undo.decide,
    State.ROLLING_BACK: undo.go_on,
    State.SUCCEEDED: undo.asked,
    State.ESCALATED: undo.asked,
    State.CANCELLED: undo.asked,
}
