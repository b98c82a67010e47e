"""A case begins: what is asked for is filled in, judged by policy, and runs, waits for people, or is refused. The row has all of it."""

from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from accounts.models import ApiToken, User
from monitoring.alerts.transitions import Who
from remediation import approvals, drafts, execute, policy, previews
from remediation.drafts import Asked, Draft, ProposalError
from remediation.models import Approval, Execution
from remediation.plan import Plan

__all__ = ["Asked", "Draft", "ProposalError", "draft", "propose", "tend", "work_out"]
POLICY = "policy"
LOST_AFTER = timedelta(seconds=30)  # a proposal without a question that is older lost its task, or waits to be planned again
PLANNED_WITHIN = timedelta(hours=1)


def draft(asked: Asked, actor: Who = None) -> Draft:
    """All that `propose` would write, and nothing is written: for a preview. Raises ProposalError."""
    return drafts.draft(asked, person=_user(actor) is not None)


def propose(asked: Asked, actor: Who = None) -> Execution:
    """`actor`: the person who asks; None where it is the rule. Raises ProposalError. One that policy allows is approved already, one
    that it forbids is denied."""
    return keep(draft(asked, actor), actor)


def keep(made: Draft, actor: Who = None) -> Execution:
    """Writes a draft down and sends it on its way."""
    decision = made.decision
    with transaction.atomic():
        row = _row(made, decision, actor)
        row.save(force_insert=True)
        execute.begun(row, _begun(made, decision), actor or row.requester)
        _send(row, made, decision)
    return row


def _row(made: Draft, decision: policy.Decision, actor: Who) -> Execution:
    asked, user = made.asked, _user(actor)
    return Execution(
        title=made.plan.title, dry_run=asked.dry_run, runbook=asked.runbook, version=made.version, plan=made.plan.to_json(),
        parameters=made.parameters, rule=asked.rule, alert=asked.alert, incident_id=made.incident_id, resource=made.resource,
        target=made.plan.target, target_key=made.target_key[:300], cause=made.cause[:200], evidence=made.evidence(), requested_by=user,
        requester=_requester(asked, user), risk=decision.risk, score=decision.score, decision=decision.to_json(),
        checks=[{"name": one.name, "query": one.query} for one in made.plan.success],
    )  # fmt: skip


def _begun(made: Draft, decision: policy.Decision) -> str:
    return f"{'dry run, ' if made.asked.dry_run else ''}{decision.words}"


def _requester(asked: Asked, user: User | None) -> str:
    return user.name[:200] if user else f"rule {asked.rule.name}"[:200] if asked.rule else "system"


def _user(actor: Who) -> User | None:
    if isinstance(actor, ApiToken):
        return actor.user
    return actor if isinstance(actor, User) else None


def _send(row: Execution, made: Draft, decision: policy.Decision) -> None:
    """Runs, asks, or ends it. What has to be planned first is worked out first: people approve the very plan."""
    if decision.forbidden:
        execute.deny(row, POLICY, decision.words)
    elif any(one.verb.plans for one in made.doings) and not row.dry_run:
        _enqueue(row)
    elif decision.automatic:
        execute.approve(row, POLICY, decision.words)
    else:
        _ask(row, decision)
        if any(one.verb.rehearsable for one in made.doings):
            _enqueue(row)


def _ask(row: Execution, decision: policy.Decision) -> Approval:
    return approvals.ask(row, decision.needed, expires(row, decision))


def expires(row: Execution, decision: policy.Decision) -> float:
    """How long an answer is waited for, seconds: as the rule says, else by risk."""
    of_rule = row.rule.guards.get("expires") if row.rule else None
    return float(of_rule) if isinstance(of_rule, int | float) and of_rule > 0 else approvals.EXPIRES.get(decision.risk, 3600.0)


# -- rehearsing, in a task -----------------------------------------------------------------------------------------------
def _enqueue(row: Execution) -> None:
    transaction.on_commit(partial(_enqueued, row.pk))


def _enqueued(pk: int) -> None:
    from remediation import tasks  # which needs this

    try:
        tasks.work_out.delay(pk)
    except (BrokerError, OSError):
        return  # `tend` finds it


def work_out(execution_id: int) -> bool:
    """Rehearses what a case that waits would do, and asks for the yes it needs where nobody has been asked yet. Idempotent."""
    row = Execution.objects.select_related("rule").filter(pk=execution_id, state=Execution.State.PROPOSED).first()
    if row is None or row.preview:
        return False
    decision = policy.merged(row.decision)
    if decision is None:
        return execute.cancel(row, POLICY, "its decision cannot be read any more")
    try:
        doings = [drafts.doing(step) for step in Plan.of(row.plan).steps if step.action]
        preview, plans = previews.of(doings, row, row.target)
    except (ProposalError, msgspec.ValidationError) as fault:
        return execute.cancel(row, POLICY, str(fault))
    except previews.Planned as fault:
        return _could_not_plan(row, fault)
    return _worked_out(row, decision, preview, plans)


def _could_not_plan(row: Execution, fault: previews.Planned) -> bool:
    """Once more later, as long as somebody could still say yes."""
    late = timezone.now() - row.created_at > PLANNED_WITHIN
    return execute.cancel(row, POLICY, fault.sentence) if fault.permanent or late else False


def _worked_out(row: Execution, decision: policy.Decision, preview: dict[str, Any], plans: dict[str, str]) -> bool:
    with transaction.atomic():
        if not Execution.objects.select_for_update().filter(pk=row.pk, state=Execution.State.PROPOSED).exists():
            return False
        row.preview = preview
        asked = row.approvals.exists()
        if not asked:
            row.plan = _with_plans(row.plan, plans)
        row.save(update_fields=["preview", "plan"])
        execute.changed(row, preview=True)
        if not asked:
            _decided(row, decision)
    return True


def _decided(row: Execution, decision: policy.Decision) -> None:
    if decision.automatic:
        execute.approve(row, POLICY, decision.words)
    else:
        _ask(row, decision)


def _with_plans(stored: Any, plans: dict[str, str]) -> dict[str, Any]:
    """What was planned is what runs: the plan's name goes into the action's params, and so into the digest."""
    whole = Plan.of(stored)
    steps = tuple(_planned(step, plans.get(step.id, "")) for step in whole.steps)
    return msgspec.structs.replace(whole, steps=steps).to_json()


def _planned(step: Any, made: str) -> Any:
    if not made or step.action is None:
        return step
    return msgspec.structs.replace(step, action=msgspec.structs.replace(step.action, params={**step.action.params, "plan": made}))


def tend() -> int:
    """Proposals whose task was lost, or that could not be planned yet."""
    before = timezone.now() - LOST_AFTER
    rows = Execution.objects.filter(state=Execution.State.PROPOSED, approvals=None, created_at__lte=before).order_by("pk")
    return sum(work_out(pk) for pk in rows.values_list("pk", flat=True)[:20])
