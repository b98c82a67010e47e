"""Steps that ask no provider: waiting for time, for a condition, for people; choosing how it goes on. Each handler does what is due of one
step and answers when the case is looked at next."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec
from django.db import transaction
from django.utils import timezone

from remediation import conditions, lines, steps_action, steps_approval, steps_notify
from remediation.course import AGAIN, OVER, Course, finish, later, write
from remediation.models import Execution, Step
from remediation.plan import Case, Check, Plan, PlanStep

PENDING, RUNNING = Step.State.PENDING, Step.State.RUNNING
SUCCEEDED, FAILED, SKIPPED = Step.State.SUCCEEDED, Step.State.FAILED, Step.State.SKIPPED
LOOKED = 3.0  # seconds between two looks at a condition
PATIENCE = timedelta(seconds=60)  # with a store that does not answer
END = "end"


def prepared(execution: Execution, plan: Plan) -> list[Step]:
    """Rows of what it will do, unsaved."""
    checks = [
        PlanStep(id=f"precheck-{place + 1}", title=check.name or check.query[:200], kind="check", check=check)
        for place, check in enumerate(plan.prechecks)
    ]
    return [*rows(execution, Step.Phase.PRECHECK, checks), *rows(execution, Step.Phase.MAIN, plan.steps)]


def rows(execution: Execution, phase: str, steps: tuple[PlanStep, ...] | list[PlanStep], first: int = 0) -> list[Step]:
    return [
        Step(
            execution=execution, phase=phase, position=first + place, name=one.id[:64], title=one.title[:300] or one.id, kind=one.kind,
            spec=msgspec.to_builtins(one),
        )
        for place, one in enumerate(steps)
    ]  # fmt: skip


def go_on(course: Course, step: Step) -> datetime | None:
    """Does what is due of the step that is on."""
    if step.state in OVER:
        return AGAIN
    spec = msgspec.convert({key: value for key, value in step.spec.items() if key != "superseded"}, PlanStep)
    handler = HANDLERS.get(step.kind)
    return handler(course, step, spec) if handler else finish(step, FAILED, f"there are no steps of the kind {step.kind}")


def wait(course: Course, step: Step, spec: PlanStep) -> datetime | None:
    now = timezone.now()
    if course.execution.dry_run:
        return finish(step, SKIPPED, f"would wait {spec.seconds:g} s")
    if step.state == PENDING:
        until = now + timedelta(seconds=spec.seconds)
        write(step, (PENDING,), state=RUNNING, started_at=now, deadline=until, detail=f"waits {spec.seconds:g} s")
    if step.deadline is None or step.deadline <= now:
        return finish(step, SUCCEEDED, f"waited {spec.seconds:g} s")
    return step.deadline


def check(course: Course, step: Step, spec: PlanStep) -> datetime | None:
    """Before the first action a condition has to hold now; later it has as long as it is given."""
    asked = spec.check or Check(query="")
    now = timezone.now()
    before = step.phase == Step.Phase.PRECHECK
    if step.state == PENDING:
        write(step, (PENDING,), state=RUNNING, started_at=now, deadline=now + timedelta(seconds=asked.within + asked.hold))
    try:
        reading = conditions.look(asked, now, None if before else _acted_at(course, step))
    except conditions.NotAnswered as fault:
        patient = step.started_at is not None and now - step.started_at < PATIENCE
        return later(LOOKED) if patient else finish(step, FAILED, str(fault))
    if course.execution.dry_run:
        return finish(step, SUCCEEDED, f"now: {reading.words}")
    if before:
        return finish(step, SUCCEEDED if reading.holds else FAILED, reading.words)
    return _held(step, asked, reading, now)


def _held(step: Step, asked: Check, reading: conditions.Reading, now: datetime) -> datetime | None:
    since = conditions.since(step.facts.get("since"), reading, now)
    if since and (now - since).total_seconds() >= asked.hold:
        return finish(step, SUCCEEDED, reading.words)
    if step.deadline is not None and now >= step.deadline:
        return finish(step, FAILED, f"not within {asked.within:g} s: {reading.words}")
    write(step, (RUNNING,), detail=reading.words, facts={**step.facts, "since": since.isoformat() if since else ""})
    return later(LOOKED)


def _acted_at(course: Course, step: Step) -> datetime | None:
    """When the action before it ended: what was measured earlier says nothing about it."""
    ended = [one.finished_at for one in course.steps if one.kind == "action" and one.phase == step.phase and one.position < step.position]
    return max((at for at in ended if at), default=None)


def branch(course: Course, step: Step, spec: PlanStep) -> datetime | None:
    now = timezone.now()
    if step.state == PENDING:
        write(step, (PENDING,), state=RUNNING, started_at=now)
    try:
        chosen = next((case for case in spec.cases if _applies(course, step, case, now)), None)
    except conditions.NotAnswered as fault:
        patient = step.started_at is not None and now - step.started_at < PATIENCE
        return later(LOOKED) if patient else finish(step, FAILED, str(fault))
    return _go(course, step, chosen.go if chosen else spec.otherwise)


def _applies(course: Course, step: Step, case: Case, now: datetime) -> bool:
    if case.check is not None:
        return conditions.look(case.check, now, _acted_at(course, step)).holds is True
    found = course.results.get(case.of)
    return found is not None and found["state"] == (case.state or SUCCEEDED)


def _go(course: Course, step: Step, to: str) -> datetime:
    """On at the step `to`; those in between are skipped."""
    ahead = [one for one in course.steps if one.phase == step.phase and one.position > step.position and one.state == PENDING]
    if not to:
        return finish(step, SUCCEEDED, "goes on with the next step")
    place = next((place for place, one in enumerate(ahead) if one.name == to), len(ahead) if to == END else None)
    if place is None:
        return finish(step, FAILED, f"there is no step {to} after it")
    with transaction.atomic():
        for one in ahead[:place]:
            finish(one, SKIPPED, f"left out by {step.title}")
        said = "the steps are done" if to == END else f"goes on with {ahead[place].title}"
        lines.say(step, said)
        return finish(step, SUCCEEDED, said)


HANDLERS: Mapping[str, Callable[[Course, Step, PlanStep], datetime | None]] = {
    "action": steps_action.go_on,
    "wait": wait,
    "check": check,
    "branch": branch,
    "approval": steps_approval.go_on,
    "notify": steps_notify.go_on,
}
