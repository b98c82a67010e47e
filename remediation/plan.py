"""A runbook with everything filled in: what a case will do. Written once, when it is proposed; what runs is what was approved."""

import hashlib
from typing import Any

import msgspec
import orjson

ACTION, WAIT, CHECK, NOTIFY, APPROVAL, BRANCH = "action", "wait", "check", "notify", "approval", "branch"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A condition on metrics: PromQL that answers something, or a number other than 0, where it holds."""

    query: str
    name: str = ""
    hold: float = 0.0  # seconds it has to hold without a break
    within: float = 600.0  # seconds it may take until it has


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to ask a provider. `deferred`: {name of a parameter: template} that speaks of the results of earlier steps."""

    provider: str  # name of a Provider row; else a kind that has exactly one enabled row
    verb: str
    params: dict[str, Any] = {}
    deferred: dict[str, str] = {}
    timeout: float = 300.0  # seconds


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Of a branch: where `check` holds, or step `of` ended in `state`, it goes on at the step `go` ("end" = the steps are done)."""

    go: str
    check: Check | None = None
    of: str = ""
    state: str = ""  # succeeded, failed, skipped


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    kind: str
    action: Action | None = None
    undo: Action | None = None  # the inverse; None: the provider's own rollback where the verb is reversible
    seconds: float = 0.0  # of a wait
    check: Check | None = None
    channel: str = ""  # of a notice; empty: as routes say
    text: str = ""  # of a notice, or what an approval step asks
    deferred_text: str = ""  # a template of it that speaks of the results of earlier steps: render.late_text
    approvers: int = 1
    expires: float = 3600.0  # seconds an approval step waits
    cases: tuple[Case, ...] = ()
    otherwise: str = ""  # of a branch: the step to go on at; empty = the next
    on_failure: str = "stop"  # stop, continue


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    target: str
    risk: str = "medium"
    expected: float = 60.0  # seconds
    prechecks: tuple[Check, ...] = ()
    steps: tuple[PlanStep, ...] = ()
    success: tuple[Check, ...] = ()  # none: not verifiable
    rollback: tuple[PlanStep, ...] = ()  # instead of undoing each step that was done, last first
    on_failure: str = "rollback"  # rollback, escalate
    context: dict[str, Any] = {}  # what deferred templates may read besides `steps`: alert, parameters, target

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @classmethod
    def of(cls, stored: Any) -> "Plan":
        """Raises msgspec.ValidationError for what is no plan."""
        return msgspec.convert(stored, cls)

    @property
    def digest(self) -> str:
        """The same for the same plan, wherever it was stored in between."""
        return hashlib.sha256(orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS)).hexdigest()
