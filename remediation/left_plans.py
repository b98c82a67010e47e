"""Plans that nobody will carry out: of cases that were denied, expired or cancelled before they began. Over there they hold locks."""

import logging

import msgspec

from remediation import systems
from remediation.models import Execution
from remediation.plan import Plan
from remediation.providers.base import ActionError, Ask

State = Execution.State
NEVER_BEGUN = (State.DENIED, State.EXPIRED, State.CANCELLED)
log = logging.getLogger(__name__)


def of(execution: Execution) -> list[tuple[str, str, str]]:
    """(provider, verb, plan) of each that was made."""
    try:
        steps = Plan.of(execution.plan).steps
    except msgspec.ValidationError:
        return []
    actions = [step.action for step in steps if step.action]
    return [(one.provider, one.verb, str(one.params["plan"])) for one in actions if one.params.get("plan")]


def left(execution_ids: list[int]) -> list[int]:
    """Which of the cases left some."""
    rows = Execution.objects.filter(pk__in=execution_ids, state__in=NEVER_BEGUN, started_at=None).defer("evidence", "preview")
    return [row.pk for row in rows if of(row)]


def discard(execution_id: int) -> int:
    """Tells the systems, each by itself; how many were told. Doing it again does no harm."""
    row = Execution.objects.filter(pk=execution_id, state__in=NEVER_BEGUN, started_at=None).first()
    return sum(_discarded(row, *one) for one in of(row)) if row else 0


def _discarded(row: Execution, provider: str, verb: str, plan: str) -> bool:
    try:
        system = systems.plugin(systems.find(provider))
        system.discard(Ask(plan, verb, {"plan": plan}, row.target, case=str(row.case)), plan)
    except ActionError as fault:
        log.warning("plan %s of %s was not discarded: %s", plan, row.number, fault.message)
        return False
    return True
