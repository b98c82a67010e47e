"""Actions: one ask of a provider, done once.

Before the provider is asked the step is `starting`; its answer is written down after. Found `starting`, the provider is asked what became
of the key, and is asked to do it only where it surely was never begun.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from django.db import transaction
from django.utils import timezone

from remediation import crew, figures, lines, render, schedule, switches, systems
from remediation.course import AGAIN, Course, finish, later, write
from remediation.models import Provider, Step
from remediation.plan import Action, PlanStep
from remediation.providers import base
from remediation.providers.base import ActionError, ActionProvider, Answer, Ask

PENDING, STARTING, RUNNING = Step.State.PENDING, Step.State.STARTING, Step.State.RUNNING
SUCCEEDED, FAILED, UNCLEAR, CANCELLED = Step.State.SUCCEEDED, Step.State.FAILED, Step.State.UNCLEAR, Step.State.CANCELLED
HELD_FOR = timedelta(hours=4)  # by a switch; a plan is of the moment
TRIES = 5  # of what the provider refused for now
HELD, FULL = 5.0, 0.25  # seconds until it is looked at again: stopped by a switch; too many calls of the provider under way
PAUSE = 2.0  # seconds after a fault, doubled with each attempt
SHORTEST_POLL, LONGEST_POLL = 0.2, 60.0  # seconds
log = logging.getLogger(__name__)


class Work:
    """One step with the system it goes through, for one look."""

    def __init__(self, course: Course, step: Step, action: Action, row: Provider) -> None:
        self.course, self.step, self.action, self.row = course, step, action, row
        self.system: ActionProvider = systems.plugin(row)
        self.ask: Ask = course.ask(step, action)
        self.stopping = bool(step.facts.get("_stopping"))

    @property
    def takes_back(self) -> bool:
        """By the provider's own rollback, of what another step did."""
        return self.step.phase == Step.Phase.ROLLBACK and not self.step.spec.get("action") and self.step.undoes is not None

    def take_back(self) -> Answer:
        assert self.step.undoes is not None
        return self.system.rollback(self.ask, self.step.undoes.undo)

    def do(self) -> Answer:
        return self.system.run(self.ask)

    def call(self, verb: Callable[[], Answer | None], on_fault: Callable[[ActionError], datetime | None]) -> datetime | None:
        """One call of the provider, and what follows of its answer."""
        schedule.hold(self.course.execution, timezone.now())
        try:
            answer = verb()
        except ActionError as fault:
            return on_fault(fault)
        except Exception as fault:
            log.exception("provider %s failed in a way it should not", self.row.kind)
            return on_fault(ActionError(f"fault in the provider {self.row.kind}: {type(fault).__name__}", unclear=True))
        return self.answered(answer) if answer is not None else self.never_begun()

    def answered(self, answer: Answer) -> datetime | None:
        """Lines and cursor in one transaction, so that none is told twice."""
        step, now = self.step, timezone.now()
        facts = {**{name: value for name, value in step.facts.items() if name.startswith("_")}, **dict(answer.facts)}
        columns = {"handle": answer.handle or step.handle, "cursor": answer.cursor or step.cursor, "undo": dict(answer.undo) or step.undo}
        detail = lines.mask(self.system.masked(answer.detail))[:2000]
        with transaction.atomic():
            lines.add(step, answer.lines, self.system)
            facts = {**facts, **{name: value for name, value in step.facts.items() if name.startswith("_")}}
            if answer.state == base.RUNNING:
                write(step, (STARTING, RUNNING), state=RUNNING, detail=detail, facts=facts, **columns)
                return _poll_at(step, answer.poll_in, now)
            state = SUCCEEDED if answer.state == base.SUCCEEDED else CANCELLED if self.stopping else FAILED
            figures.ACTIONS.labels(self.row.kind, state).inc()
            return finish(step, state, detail or ("done" if state == SUCCEEDED else "it failed"), facts=facts, **columns)

    def never_begun(self) -> datetime | None:
        if self.is_late:
            return finish(self.step, FAILED, "it was not begun in time")
        write(self.step, (STARTING,), state=PENDING, detail="it was never begun: it is begun now")
        return AGAIN

    def said(self, fault: ActionError) -> str:
        return lines.mask(self.system.masked(fault.message))[:2000]

    def ended(self, state: str, detail: str) -> datetime:
        lines.say(self.step, detail, "error")
        figures.ACTIONS.labels(self.row.kind, state).inc()
        return finish(self.step, state, detail)

    @property
    def is_late(self) -> bool:
        return self.step.deadline is not None and self.step.deadline <= timezone.now()


def _poll_at(step: Step, poll_in: float, now: datetime) -> datetime:
    at = now + timedelta(seconds=min(max(poll_in, SHORTEST_POLL), LONGEST_POLL))
    return min(at, max(step.deadline, now + timedelta(seconds=SHORTEST_POLL))) if step.deadline else at


def go_on(course: Course, step: Step, spec: PlanStep) -> datetime | None:
    try:
        action = _action(step, spec)
        row = step.provider or _provider(step, action)
        with crew.place(row.pk) as free:
            return _one(Work(course, step, action, row)) if free else later(FULL)
    except ActionError as fault:  # before anything was asked
        state = FAILED if step.state == PENDING else UNCLEAR
        lines.say(step, fault.message, "error")
        return finish(step, state, fault.message)


def _action(step: Step, spec: PlanStep) -> Action:
    if spec.action is not None:
        return spec.action
    if step.undoes is not None and step.undoes.spec.get("action"):
        return msgspec.convert(step.undoes.spec["action"], Action)
    raise ActionError("it says not what is to be done", permanent=True)


def _provider(step: Step, action: Action) -> Provider:
    return step.undoes.provider if step.undoes and step.undoes.provider and not step.spec.get("action") else systems.find(action.provider)


def _one(work: Work) -> datetime | None:
    if work.step.state == PENDING:
        return _rehearse(work) if work.course.execution.dry_run else begin(work)
    if work.step.state == STARTING and work.takes_back:
        return work.call(work.take_back, lambda fault: _refused(work, fault))  # twice is as once: it sets what was
    if work.step.state == STARTING:
        return work.call(lambda: work.system.resume(work.ask), lambda fault: _not_told(work, fault))
    return follow(work)


# -- beginning -------------------------------------------------------------------------------------------------------------
def begin(work: Work) -> datetime | None:
    step, rollback = work.step, work.step.phase == Step.Phase.ROLLBACK
    systems.verb_of(work.system, work.action)
    if not rollback and (switch := switches.stopped(work.row.pk)):
        if work.course.execution.started_at and timezone.now() - work.course.execution.started_at > HELD_FOR:
            return finish(step, FAILED, f"it was stopped by {switch.actor} for too long")
        said = f"held: stopped by {switch.actor}" + (f": {switch.reason}" if switch.reason else "")
        if step.detail != said:
            write(step, (PENDING,), detail=said)
        return later(HELD)
    if not _claimed(work, rollback):
        return AGAIN
    return work.call(work.take_back if work.takes_back else work.do, lambda fault: _refused(work, fault))


def _claimed(work: Work, rollback: bool) -> bool:
    """Writes down that the provider is about to be asked, and with what; False where somebody else was quicker."""
    step, now = work.step, timezone.now()
    try:
        params = render.late(work.action, work.course.plan.context, work.course.results)
    except ValueError as fault:
        raise ActionError(str(fault), permanent=True) from fault
    work.action = msgspec.structs.replace(work.action, params=params, deferred={})
    work.ask = work.course.ask(step, work.action)
    spec = {**step.spec, "action": msgspec.to_builtins(work.action)} if step.spec.get("action") else step.spec
    started = step.started_at or now
    with transaction.atomic():
        Provider.objects.filter(pk=work.row.pk).update(last_used=now)
        return write(
            step, (PENDING,), state=STARTING, detail="", attempts=step.attempts + 1, provider=work.row, spec=spec, started_at=started,
            deadline=step.deadline or now + timedelta(seconds=work.action.timeout),
        )  # fmt: skip


def _rehearse(work: Work) -> datetime | None:
    """A dry run asks what would be done, and does nothing."""
    step, now = work.step, timezone.now()
    work.action = msgspec.structs.replace(work.action, params=render.late(work.action, work.course.plan.context, work.course.results))
    try:
        preview = work.system.dry_run(work.course.ask(step, work.action))
    except ActionError as fault:
        return work.ended(FAILED, work.said(fault))
    except (ValueError, NotImplementedError):
        return work.ended(FAILED, "it cannot be rehearsed")
    lines.add(step, [*preview.lines, *(base.Line(text) for text in preview.diff.splitlines())], work.system)
    return finish(step, SUCCEEDED, lines.mask(work.system.masked(preview.sentence)), started_at=now)


# -- faults ----------------------------------------------------------------------------------------------------------------
def _refused(work: Work, fault: ActionError) -> datetime | None:
    """Of `run`: it was not done, or it is not known."""
    step = work.step
    if fault.unclear:
        write(step, (STARTING,), detail=f"not known yet whether it was done: {work.said(fault)}")
        return later(fault.retry_after or PAUSE)
    pause = fault.retry_after or PAUSE * 2 ** (step.attempts - 1)
    late = step.deadline is not None and timezone.now() + timedelta(seconds=pause) >= step.deadline
    if fault.permanent or late or step.attempts >= TRIES:
        return work.ended(FAILED, work.said(fault))
    lines.say(step, f"{work.said(fault)}; asked again in {pause:g} s", "warning")
    write(step, (STARTING,), state=PENDING, detail=work.said(fault))
    return later(pause)


def _not_told(work: Work, fault: ActionError) -> datetime | None:
    """Of `resume`: asked again for a while, as another ask might do it twice."""
    if fault.permanent or work.is_late:
        return work.ended(UNCLEAR, f"it cannot be told whether it was done: {work.said(fault)}")
    write(work.step, (STARTING,), detail=f"not known yet whether it was done: {work.said(fault)}")
    return later(fault.retry_after or PAUSE)


def _lost(work: Work, fault: ActionError) -> datetime | None:
    """Of `poll`."""
    if fault.permanent or work.is_late:
        unclear = fault.unclear or not fault.permanent
        return work.ended(UNCLEAR if unclear else FAILED, work.said(fault))
    write(work.step, (RUNNING,), detail=f"not answered: {work.said(fault)}")
    return later(fault.retry_after or PAUSE)


# -- going on --------------------------------------------------------------------------------------------------------------
def follow(work: Work) -> datetime | None:
    step = work.step
    due = work.call(lambda: work.system.poll(work.ask, step.handle, step.cursor), lambda fault: _lost(work, fault))
    return _too_long(work) if step.state == RUNNING and work.is_late else due


def _too_long(work: Work) -> datetime | None:
    """Stopped where it can be; what cannot be stopped may still be going on over there."""
    said = f"it took longer than {work.action.timeout:g} s"
    try:
        answer = work.system.cancel(work.ask, work.step.handle)
    except ActionError as fault:
        return work.ended(UNCLEAR, f"{said} and was not stopped: {work.said(fault)}")
    except Exception:
        log.exception("provider %s failed in a way it should not", work.row.kind)
        return work.ended(UNCLEAR, f"{said} and was not stopped")
    lines.add(work.step, answer.lines, work.system)
    if answer.state == base.SUCCEEDED:
        return work.answered(answer)
    return work.ended(FAILED, f"{said} and was stopped")


def stop(course: Course, step: Step, spec: PlanStep) -> datetime | None:
    """Somebody cancelled the case while this runs: stopped as well as the system can; otherwise its end is waited for."""
    if step.state != RUNNING or step.facts.get("_stopping"):
        return go_on(course, step, spec)
    work = Work(course, step, _action(step, spec), step.provider or systems.find(_action(step, spec).provider))
    work.stopping = True
    write(step, (RUNNING,), facts={**step.facts, "_stopping": True})
    lines.say(step, f"{course.execution.cancel_asked_by} asked to stop it", "warning")
    return work.call(lambda: work.system.cancel(work.ask, step.handle), lambda fault: _goes_on(work, fault))


def _goes_on(work: Work, fault: ActionError) -> datetime | None:
    said = f"{work.said(fault)}; its end is waited for"
    lines.say(work.step, said, "warning")
    write(work.step, (RUNNING,), detail=said)
    return later(PAUSE)
