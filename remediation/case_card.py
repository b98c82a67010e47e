"""What an approver sees before saying yes: what exactly will run, on what, why, how risky it is, and what follows if it fails."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
from django.db.models import QuerySet
from django.utils import timezone

from accounts.permissions import can
from aiops.plugins import PluginError
from aiops.templatetags.ui import duration
from monitoring.dashboards import kinds
from remediation import approvals, case_words, plan
from remediation.case_words import Sign
from remediation.models import Approval, Execution, Provider, Vote
from remediation.providers.base import PROVIDERS, provider_class

APPROVE, EXECUTE = "remediation:approve", "remediation:execute"
LADDER = 5
LONGEST_DIFF, LONGEST_VALUE = 200, 400  # lines; characters


@dataclass(frozen=True)
class Factor:
    """One ladder of the risk."""

    name: str
    step: int  # 0 to 5
    value: str

    @property
    def rungs(self) -> list[bool]:
        return [at < self.step for at in range(LADDER)]

    @property
    def tone(self) -> str:
        return "top" if self.step >= 4 else "mid" if self.step == 3 else ""


@dataclass(frozen=True)
class StepLine:
    title: str
    icon: str
    did: str  # what the dry run said, or how long it may take
    action: str = ""  # provider, verb and parameters


@dataclass(frozen=True)
class Link:
    icon: str
    text: str
    url: str


@dataclass
class Card:
    execution: Execution
    user: Any
    approval: Approval | None = None

    @property
    def risk(self) -> Sign:
        return case_words.RISKS[self.execution.risk]

    @property
    def icon(self) -> str:
        resource = self.execution.resource
        return kinds.kind(resource.kind).icon if resource else "remediation"

    @cached_property
    def planned(self) -> plan.Plan | None:
        """None for a plan that a later version cannot read."""
        try:
            return plan.Plan.of(self.execution.plan)
        except msgspec.ValidationError:
            return None

    # -- what will run --------------------------------------------------------------------------------------------------
    @cached_property
    def previews(self) -> dict[str, Mapping[str, Any]]:
        found = self.execution.preview.get("steps") or []
        return {str(one.get("step")): one for one in found if isinstance(one, dict)}

    @property
    def steps(self) -> list[StepLine]:
        return [self._step(one) for one in self.planned.steps] if self.planned else []

    def _step(self, step: plan.PlanStep) -> StepLine:
        said = str(self.previews.get(step.id, {}).get("sentence", ""))
        return StepLine(step.title, case_words.KINDS.get(step.kind, "play"), said or _usual(step), described(step.action))

    @property
    def diff(self) -> list[tuple[str, str]]:
        """(class, line) of everything the dry runs said would change."""
        text = "\n".join(str(one.get("diff")) for one in self.previews.values() if one.get("diff"))
        return [(_mark(line), line) for line in text.splitlines()[:LONGEST_DIFF]]

    # -- why, and how risky ---------------------------------------------------------------------------------------------
    @property
    def evidence(self) -> list[Link]:
        found = self.execution.evidence.get("links") or []
        links = [Link(str(one.get("icon") or "explorer"), str(one.get("text", "")), str(one.get("url", ""))) for one in found if one]
        return [one for one in links if one.text and one.url.startswith("/") and not one.url.startswith("//")]

    @property
    def factors(self) -> list[Factor]:
        return factors(self.execution.decision)

    @property
    def if_it_fails(self) -> str:
        return if_it_fails(self.planned) if self.planned else ""

    @property
    def fixed_when(self) -> list[str]:
        return [fixed_when(one) for one in self.planned.success] if self.planned else []

    # -- who may say yes ------------------------------------------------------------------------------------------------
    @cached_property
    def votes(self) -> list[Vote]:
        return list(self.approval.votes.all()) if self.approval else []

    @property
    def given(self) -> int:
        return sum(one.granted for one in self.votes)

    @property
    def left(self) -> str:
        """Until it expires."""
        seconds = (self.approval.expires_at - timezone.now()).total_seconds() if self.approval else 0.0
        return f"{duration(seconds, 1 if seconds < 3600 else 2)} left" if seconds > 0 else "expired"

    @property
    def needs(self) -> str:
        if self.approval is None:
            return ""
        asked = f"Needs {case_words.people(self.approval.needed)}"
        return f"{asked}, {self.given} given" if self.given else asked

    @property
    def is_own(self) -> bool:
        return self.execution.requested_by_id is not None and self.execution.requested_by_id == self.user.pk

    @property
    def blocked(self) -> str:
        """Why this person may not say yes; empty for whoever may."""
        if self.approval is None or not can(self.user, APPROVE):
            return "An approver has to decide"
        refused = approvals.objection(self.approval, self.user)
        return refused.sentence.rstrip(".") if refused else ""

    @property
    def may_withdraw(self) -> bool:
        return can(self.user, EXECUTE) and (self.is_own or can(self.user, APPROVE))


def described(action: plan.Action | None) -> str:
    """provider verb name=value …, as it will be asked."""
    if action is None:
        return ""
    given = " ".join(f"{name}={_short(value)}" for name, value in {**action.params, **action.deferred}.items())
    return f"{action.provider} {action.verb} {given}".strip()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _usual(step: plan.PlanStep) -> str:
    if step.kind == plan.WAIT:
        return str(duration(step.seconds, 2))
    if step.kind == plan.CHECK and step.check:
        return f"up to {duration(step.check.within, 2)}"
    if step.kind == plan.APPROVAL:
        return case_words.people(step.approvers)
    return f"up to {duration(step.action.timeout, 2)}" if step.action else ""


def _mark(line: str) -> str:
    return "add" if line.startswith("+") else "del" if line.startswith("-") else "hunk" if line.startswith(("@", "#")) else ""


def factors(decision: Mapping[str, Any]) -> list[Factor]:
    """As policy wrote them down."""
    found = decision.get("factors") or []
    return [
        Factor(str(one.get("label") or one.get("name", "")), int(one.get("step") or 0), str(one.get("words", "")))
        for one in found
        if isinstance(one, dict)
    ]


def if_it_fails(plan_: plan.Plan) -> str:
    if plan_.on_failure == "escalate":
        return "People are told; nothing is taken back by itself."
    if plan_.rollback:
        return f"{'; '.join(one.title for one in plan_.rollback)}. People are told."
    if can_be_taken_back(plan_):
        return "What was done is taken back, the last step first, and people are told."
    return "It cannot be taken back: people are told."


def can_be_taken_back(plan_: plan.Plan | None) -> bool:
    """Something of it."""
    if plan_ is None:
        return False
    return bool(plan_.rollback) or any(one.action and (one.undo or _reversible(one.action)) for one in plan_.steps)


def _reversible(action: plan.Action) -> bool:
    """A provider may be named by its row; then its verbs are known only by kind."""
    try:
        verb = provider_class(_kind_of(action.provider)).verbs.get(action.verb)
    except (PluginError, ImportError):
        return False
    return bool(verb and verb.reversible)


def _kind_of(name: str) -> str:
    return name if name in PROVIDERS else Provider.objects.filter(name=name).values_list("kind", flat=True).first() or name


def fixed_when(check: plan.Check) -> str:
    held = f" for {duration(check.hold, 2)}" if check.hold else ""
    return f"{check.name or check.query}{held}, within {duration(check.within, 2)}"


def waiting() -> QuerySet[Approval]:
    """The queue: what expires first stands first."""
    related = ("execution__rule", "execution__alert", "execution__incident", "execution__resource", "execution__runbook", "step")
    rows = Approval.objects.filter(state=Approval.State.WAITING).select_related(*related).prefetch_related("votes")
    return rows.order_by("expires_at", "id")


def cards(approvals: Iterable[Approval], user: Any) -> list[Card]:
    return [Card(one.execution, user, one) for one in approvals]
