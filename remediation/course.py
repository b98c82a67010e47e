"""A case under way: its row, its plan, and what its steps came to so far. What the engine's parts hand each other."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.utils import timezone

from monitoring.notifications.models import page
from remediation import execute
from remediation.models import Execution, Step
from remediation.plan import Action, Plan
from remediation.providers.base import Ask

AGAIN = datetime.min.replace(tzinfo=UTC)  # there is more to do at once
PREPARED = (Step.Phase.PRECHECK, Step.Phase.MAIN)
OVER = frozenset({Step.State.SUCCEEDED, Step.State.FAILED, Step.State.UNCLEAR, Step.State.SKIPPED, Step.State.CANCELLED})
BAD = frozenset({Step.State.FAILED, Step.State.UNCLEAR, Step.State.CANCELLED})
LOCK = "_"  # names of facts that are the engine's own begin with it


def later(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


@dataclass
class Course:
    execution: Execution
    plan: Plan
    steps: list[Step] = field(default_factory=list)  # in their order

    @classmethod
    def of(cls, execution: Execution) -> Self:
        """Raises msgspec.ValidationError for a plan that cannot be read."""
        return cls(execution, Plan.of(execution.plan)).read_steps()

    def read_steps(self) -> Self:
        order = {phase: place for place, phase in enumerate(Step.Phase.values)}
        rows = self.execution.steps.order_by()  # who it goes through is read when its turn comes
        self.steps = sorted(rows, key=lambda step: (order[step.phase], step.position))
        return self

    def standing(self, *phases: str) -> tuple[Step | None, Step | None]:
        """The step that is on, and the first that went wrong and does not let the others go on."""
        for step in self.steps:
            if step.phase not in phases or step.spec.get("superseded"):
                continue
            if step.state not in OVER:
                return step, None
            if step.state in BAD and step.spec.get("on_failure") != "continue":
                return None, step
        return None, None

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """{step: {"state", "detail", "facts"}} of those that are over: what deferred templates may read."""
        return {
            step.name: {"state": step.state, "detail": step.detail, "facts": shown(step.facts)}
            for step in self.steps
            if step.phase == Step.Phase.MAIN and step.state in OVER
        }

    def ask(self, step: Step, action: Action) -> Ask:
        execution = self.execution
        return Ask(
            key=step.key.hex, verb=action.verb, params=action.params, target=execution.target, timeout=action.timeout,
            reason=f"{execution}: {execution.cause or 'asked by ' + execution.requester}", url=page("execution", execution.pk),
            case=str(execution.case),
        )  # fmt: skip


def shown(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if not name.startswith(LOCK)}


def write(step: Step, states: tuple[str, ...], **columns: Any) -> bool:
    """Changes a step that is in one of the states; those who watch hear of it. False where it is in none of them."""
    if not Step.objects.filter(pk=step.pk, state__in=states).update(**columns):
        return False
    for name, value in columns.items():
        setattr(step, name, value)
    told = {"step": step.pk, "name": step.name, "step_state": step.state, "detail": step.detail}
    execute.show(step.execution, **told)
    return True


def finish(step: Step, state: str, detail: str, **columns: Any) -> datetime:
    """It is over; returns when the case goes on."""
    open_ = (Step.State.PENDING, Step.State.STARTING, Step.State.RUNNING)
    write(step, open_, state=state, detail=detail.replace("\0", "")[:2000], finished_at=timezone.now(), **columns)
    return AGAIN
