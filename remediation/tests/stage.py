"""A provider that does what a test tells it, and cases that act through it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone

from remediation import advance, execute
from remediation.models import Execution, Provider, Step
from remediation.plan import Action, Check, Plan, PlanStep
from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, ActionProvider, Answer, Ask, Line, Preview, Verb

KIND = "fake"
DOTTED = "remediation.tests.stage.Fake"


@dataclass
class World:
    """What the system out there has done, by key, in its order; and what it is told to answer, by verb."""

    done: list[tuple[str, str]] = field(default_factory=list)  # verb, key
    answers: dict[str, list[Any]] = field(default_factory=dict)  # verb -> Answer, ActionError or a function of the ask, one per call
    resumes: dict[str, Any] = field(default_factory=dict)  # verb -> instead of the truth
    asked: list[str] = field(default_factory=list)  # every call: run restart, poll restart …
    params: list[Mapping[str, Any]] = field(default_factory=list)
    before: Callable[[], object] = lambda: None  # called when somebody asks, before anything is done

    def keys(self, verb: str) -> list[str]:
        return [key for name, key in self.done if name == verb]


world = World()


def anew() -> World:
    world.__init__()  # type: ignore[misc]
    return world


class Fake(ActionProvider):
    label = "Fake"
    secret_fields = ("password",)
    verbs: ClassVar[Mapping[str, Verb]] = {
        "restart": Verb("restart", "Restart", risk="low", rehearsable=True),
        "scale": Verb("scale", "Scale", reversible=True, rehearsable=True),
        "start": Verb("start", "Start a job"),
    }

    def check(self) -> str:
        return "here"

    def dry_run(self, ask: Ask) -> Preview:
        world.asked.append(f"dry_run {ask.verb}")
        return Preview(f"would {ask.verb} {ask.target}", diff="-old\n+new")

    def run(self, ask: Ask) -> Answer:
        world.params.append(dict(ask.params))
        return self._said("run", ask, lambda: Answer(SUCCEEDED, f"{ask.verb} done", undo={"was": 2}))

    def poll(self, ask: Ask, handle: str, cursor: str) -> Answer:
        return self._said("poll", ask, lambda: Answer(SUCCEEDED, f"{ask.verb} done"))

    def resume(self, ask: Ask) -> Answer | None:
        world.asked.append(f"resume {ask.verb}")
        told = world.resumes.get(ask.verb, "truth")
        if isinstance(told, Exception):
            raise told
        if told != "truth":
            return told
        known = any(key == ask.key for _, key in world.done)
        return Answer(SUCCEEDED, f"{ask.verb} was done", undo={"was": 2}) if known else None

    def cancel(self, ask: Ask, handle: str) -> Answer:
        return self._said("cancel", ask, lambda: Answer(FAILED, "stopped"))

    def rollback(self, ask: Ask, undo: Mapping[str, Any]) -> Answer:
        return self._said("rollback", ask, lambda: Answer(SUCCEEDED, f"back to {undo.get('was')}"))

    def _said(self, call: str, ask: Ask, usual: Callable[[], Answer]) -> Answer:
        world.before()
        world.asked.append(f"{call} {ask.verb}")
        script = world.answers.get(f"{call} {ask.verb}", [])
        told = script.pop(0) if script else usual()
        if isinstance(told, Exception) and not getattr(told, "after_doing", False):
            raise told
        once = (f"{call} {ask.verb}", ask.key)
        if call == "run" or (call == "rollback" and once not in world.done):
            world.done.append(once)
        if isinstance(told, Exception):
            raise told
        return told


def lost_after_doing(message: str = "the connection was lost") -> ActionError:
    """It was done, and nobody heard."""
    fault = ActionError(message, unclear=True)
    fault.after_doing = True  # type: ignore[attr-defined]
    return fault


def running(detail: str = "", handle: str = "job-1", **more: Any) -> Answer:
    return Answer(RUNNING, detail, handle=handle, **more)


def lines(*texts: str) -> Sequence[Line]:
    return [Line(text) for text in texts]


def provider(name: str = "fake", **more: Any) -> Provider:
    return Provider.objects.get_or_create(name=name, defaults={"kind": KIND, **more})[0]


def action(verb: str = "restart", step: str = "", **more: Any) -> PlanStep:
    asked = Action(provider=more.pop("provider", "fake"), verb=verb, params=more.pop("params", {}), deferred=more.pop("deferred", {}),
                   timeout=more.pop("timeout", 300.0))  # fmt: skip
    return PlanStep(id=step or verb, title=f"{verb} it", kind="action", action=asked, **more)


def plan(*steps: PlanStep, **more: Any) -> Plan:
    return Plan(title="Mend web-1", target="web-1", steps=steps or (action(),), **more)


def check(query: str = "vector(1)", **more: Any) -> Check:
    return Check(query=query, **more)


def propose(made: Plan | None = None, **columns: Any) -> Execution:
    made = made or plan()
    provider()
    columns = {"title": made.title, "target": made.target, "target_key": "resource:1", "cause": "DiskFull", **columns}
    execution = Execution.objects.create(plan=made.to_json(), **columns)
    execute.begun(execution, "a test proposes it")
    return execution


def approved(made: Plan | None = None, **columns: Any) -> Execution:
    execution = propose(made, **columns)
    execute.approve(execution, None, "low risk")
    return execution


def drive(execution: Execution, turns: int = 60) -> Execution:
    """Until it waits for nothing but people: time goes on by setting what is awaited to now."""
    for _ in range(turns):
        advance.advance(execution.pk)
        execution.refresh_from_db()
        if execution.due_at is None:
            break
        pass_time(execution)
    return execution


def pass_time(execution: Execution) -> None:
    """To the moment at which it is due next: everything it keeps happened that much earlier."""
    execution.refresh_from_db()
    if execution.due_at is None:
        return
    by = max(timedelta(0), execution.due_at - timezone.now()) + timedelta(milliseconds=1)
    for name in ("created_at", "approved_at", "started_at", "verifying_at", "due_at"):
        if getattr(execution, name):
            setattr(execution, name, getattr(execution, name) - by)
    execution.save()
    for step in Step.objects.filter(execution=execution):
        step.started_at = step.started_at and step.started_at - by
        step.finished_at = step.finished_at and step.finished_at - by
        step.deadline = step.deadline and step.deadline - by
        if since := step.facts.get("since"):
            step.facts = {**step.facts, "since": _earlier(since, by)}
        step.save()
    execution.checks = [{**one, "since": _earlier(one.get("since", ""), by)} for one in execution.checks]
    execution.save(update_fields=["checks"])


def _earlier(stamp: str, by: timedelta) -> str:
    from datetime import datetime

    return (datetime.fromisoformat(stamp) - by).isoformat() if stamp else ""


def steps(execution: Execution) -> dict[str, str]:
    """{name: state} in their order."""
    return {one.name: one.state for one in execution.steps.order_by("phase", "position")}


def story(execution: Execution) -> list[str]:
    """The states it went through."""
    return list(execution.transitions.order_by("id").values_list("after", flat=True))
