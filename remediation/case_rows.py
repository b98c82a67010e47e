"""Cases as lists show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from aiops.templatetags.ui import duration
from remediation import case_words
from remediation.case_words import Sign
from remediation.models import Execution, Step, Vote

DONE = (Step.State.SUCCEEDED, Step.State.SKIPPED)
RAN = (Execution.State.SUCCEEDED, Execution.State.ROLLED_BACK, Execution.State.ESCALATED)


@dataclass
class Row:
    execution: Execution
    done: int = 0  # of its main steps
    steps: int = 0
    approvers: tuple[str, ...] = ()

    @property
    def sign(self) -> Sign:
        return case_words.state(self.execution)

    @property
    def risk(self) -> Sign:
        return case_words.RISKS[self.execution.risk]

    @property
    def took(self) -> timedelta | None:
        return took(self.execution)

    @property
    def told(self) -> str:
        """What came of it, by whom: one line."""
        found = self.execution
        if not found.is_over:
            return f"Step {min(self.done + 1, self.steps)} of {self.steps}" if self.steps else self.sign.label
        spent = f" in {duration(self.took)}" if self.took and self.sign.label in ("Succeeded", "Rolled back") else ""
        word = "Verified" if found.verification == Execution.Verification.HELD and not found.dry_run else self.sign.label
        return f"{word}{spent}, {self.by}"

    @property
    def by(self) -> str:
        return ", ".join(self.approvers) or ("by policy" if self.execution.approved_at else f"asked by {self.execution.requester}")


def took(execution: Execution, now: datetime | None = None) -> timedelta | None:
    """From its start to its end, or until now; None for what has not begun."""
    if execution.started_at is None:
        return None
    return max((execution.finished_at or now or timezone.now()) - execution.started_at, timedelta(0))


def listed() -> QuerySet[Execution]:
    """With what a row needs, without what is long."""
    rows = Execution.objects.select_related("rule", "runbook", "alert", "incident", "resource")
    return rows.defer("plan", "preview", "evidence", "decision", "checks", "parameters")


def rows(executions: Iterable[Execution]) -> list[Row]:
    """Two more statements, however many there are."""
    found = {one.pk: Row(one) for one in executions}
    steps = Step.objects.filter(execution__in=found, phase=Step.Phase.MAIN).order_by().values_list("execution", "state")
    for pk, state in steps:
        found[pk].steps += 1
        found[pk].done += state in DONE
    votes = Vote.objects.filter(approval__execution__in=found, granted=True).order_by("id")
    for pk, name in votes.values_list("approval__execution", "name"):
        found[pk].approvers = (*found[pk].approvers, name)
    return list(found.values())
