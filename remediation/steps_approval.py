"""A step that asks people in the middle of a case."""

from datetime import datetime

from django.utils import timezone

from remediation import approvals, render
from remediation.course import Course, finish, write
from remediation.models import Approval, Step
from remediation.plan import PlanStep

State = Approval.State


def go_on(course: Course, step: Step, spec: PlanStep) -> datetime | None:
    """The question is found again after a crash, so that nobody is asked twice."""
    if course.execution.dry_run:
        return finish(step, Step.State.SKIPPED, f"would ask {max(1, spec.approvers)} for approval")
    if spec.deferred_text and step.state == Step.State.PENDING:
        text = render.late_text(spec, course.plan.context, course.results)
        write(step, (Step.State.PENDING,), spec={**step.spec, "text": text})
    asked = step.approvals.order_by("-pk").first() or approvals.ask(course.execution, spec.approvers, spec.expires, step=step)
    if step.state == Step.State.PENDING:
        write(step, (Step.State.PENDING,), state=Step.State.RUNNING, started_at=timezone.now(), detail="waits for approval")
    if asked.state == State.WAITING and asked.expires_at <= timezone.now():
        approvals.expire_due()
        asked.refresh_from_db()
    if asked.state == State.WAITING:
        return asked.expires_at
    granted = asked.state == State.GRANTED
    return finish(step, Step.State.SUCCEEDED if granted else Step.State.FAILED, _words(asked))


def _words(asked: Approval) -> str:
    votes = list(asked.votes.filter(granted=asked.state == State.GRANTED).order_by("time", "id"))
    who = " and ".join(one.name for one in votes)
    said = {State.GRANTED: f"approved by {who}", State.DENIED: f"denied by {who}", State.EXPIRED: "nobody answered in time"}
    return said.get(State(asked.state), asked.state)
