"""Asking people, and their answers. What runs is what was approved: the plan's digest is asked for and compared with each yes.

A denial ends it. So many different people have to say yes as are needed, and nobody to what they asked for themselves.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.permissions import can
from accounts.refusals import record_refusal
from monitoring.alerts.transitions import Who
from remediation import execute
from remediation.models import Approval, Execution, Step, Vote
from remediation.plan import Plan
from remediation.signals import approval_asked, approval_closed

State = Approval.State
PERMISSION = "remediation:approve"
LONGEST_COMMENT = 2_000
EXPIRES = {"low": 24 * 3600.0, "medium": 8 * 3600.0, "high": 2 * 3600.0, "critical": 3600.0}  # seconds, by risk


class Refused(Exception):
    """One sentence for people. `status`: 403 where they may not, 409 where it is too late."""

    def __init__(self, sentence: str, status: int = 409) -> None:
        super().__init__(sentence)
        self.sentence, self.status = sentence, status


def ask(execution: Execution, needed: int, expires: float | timedelta | datetime, step: Step | None = None) -> Approval:
    """The open question of the case; asked again, the one that is open already. `expires`: in how long, seconds, or when."""
    with transaction.atomic():
        asked, new = Approval.objects.get_or_create(
            execution=execution,
            state=State.WAITING,
            defaults={"step": step, "needed": max(1, needed), "expires_at": _end(expires), "digest": digest(execution)},
        )
        if new:
            _tell(approval_asked, [asked.pk])
            execute.changed(execution, approval=asked.pk)
    return asked


def _end(expires: float | timedelta | datetime) -> datetime:
    if isinstance(expires, datetime):
        return expires
    return timezone.now() + (expires if isinstance(expires, timedelta) else timedelta(seconds=expires))


def digest(execution: Execution) -> str:
    """Of the plan as it stands; empty where it cannot be read, which no question is ever asked with."""
    try:
        return Plan.of(execution.plan).digest
    except msgspec.ValidationError:
        return ""


def vote(approval: Approval, user: User, granted: bool, comment: str = "", via: str = "page") -> Approval:
    """One person's answer. Raises Refused, which the audit trail has then."""
    with transaction.atomic():
        row = Approval.objects.select_for_update(of=("self",)).select_related("execution", "step").get(pk=approval.pk)
        refused = objection(row, user, granted)
        if refused is None:
            _count(row, user, granted, comment.replace("\0", "").strip()[:LONGEST_COMMENT], via)
    if refused is not None:
        _refuse(row, user, refused)
    return row


def objection(approval: Approval, user: Any, granted: bool = True) -> Refused | None:
    """Why this person's answer does not count; None where it does."""
    if not can(user, PERMISSION):
        return Refused("Approving needs the permission remediation:approve, which your role does not have.", 403)
    if granted and approval.execution.requested_by_id == user.pk:
        return Refused("You asked for this, so someone else must approve.", 403)
    if approval.state != State.WAITING:
        return Refused(f"This is {approval.state} already.")
    if approval.expires_at <= timezone.now():
        return Refused("This has expired.")
    if approval.votes.filter(user=user).exists():
        return Refused("You have answered already; someone else must approve too.")
    if granted and (not approval.digest or digest(approval.execution) != approval.digest):
        return Refused("The plan is not the one that was asked for any more: propose it anew.")
    return None


def _refuse(approval: Approval, user: User, refused: Refused) -> None:
    key = f"approval:{approval.pk}:{user.pk}"
    record_refusal("approval.refused", key, target=approval.execution, actor=user, reason=refused.sentence, approval=approval.pk)
    raise refused


def _count(approval: Approval, user: User, granted: bool, comment: str, via: str) -> None:
    Vote.objects.create(approval=approval, user=user, name=user.name, granted=granted, comment=comment, via=via)
    given = approval.votes.filter(granted=True).count()
    if not granted:
        _close(approval, State.DENIED)
    elif given >= approval.needed:
        _close(approval, State.GRANTED)
    else:
        execute.changed(approval.execution, approval=approval.pk)
    if approval.state != State.WAITING:
        _follow(approval, user, _reason(approval, comment))
    facts = {"approval": approval.pk, "comment": comment, "via": via, "given": given, "needed": approval.needed, "plan": approval.digest}
    audit.record("approval.yes" if granted else "approval.no", target=approval.execution, after=facts, actor=user)


def _reason(approval: Approval, comment: str) -> str:
    yes = [one.name for one in approval.votes.filter(granted=True).order_by("time", "id")]
    said = "denied" if approval.state == State.DENIED else f"approved by {' and '.join(yes)}"
    return f"{said}: {comment}" if comment else said


def _close(approval: Approval, state: str) -> None:
    approval.state, approval.closed_at = state, timezone.now()
    approval.save(update_fields=["state", "closed_at"])
    _tell(approval_closed, [approval.pk])


def _follow(approval: Approval, actor: Who, reason: str) -> None:
    """What becomes of the case. A step that asked is looked at by the engine."""
    if approval.step_id is not None:
        execute.changed(approval.execution, approval=approval.pk)
        execute.wake(approval.execution_id)
    elif approval.state == State.GRANTED:
        execute.approve(approval.execution, actor, reason)
    elif approval.state == State.DENIED:
        execute.deny(approval.execution, actor, reason)
    elif approval.state == State.EXPIRED:
        execute.expire(approval.execution, reason)
    else:
        execute.cancel(approval.execution, actor, reason)


def withdraw(approval: Approval, user: User, comment: str = "") -> Approval:
    """By who asked for it, or who could deny it: the case is cancelled. Raises Refused."""
    with transaction.atomic():
        row = Approval.objects.select_for_update(of=("self",)).select_related("execution", "step").get(pk=approval.pk)
        refused = _no_withdrawing(row, user)
        if refused is None:
            _close(row, State.WITHDRAWN)
            execute.cancel(row.execution, user, f"withdrawn: {comment[:LONGEST_COMMENT]}" if comment else "withdrawn")
            audit.record("approval.withdrawn", target=row.execution, after={"approval": row.pk, "comment": comment}, actor=user)
    if refused is not None:
        _refuse(row, user, refused)
    return row


def _no_withdrawing(approval: Approval, user: User) -> Refused | None:
    if approval.execution.requested_by_id != user.pk and not can(user, PERMISSION):
        return Refused("Only who asked for it, or who may approve, can withdraw it.", 403)
    return Refused(f"This is {approval.state} already.") if approval.state != State.WAITING else None


def expire_due(now: datetime | None = None) -> int:
    """Questions that nobody answered in time. Returns how many."""
    late = Approval.objects.filter(state=State.WAITING, expires_at__lte=now or timezone.now()).order_by("expires_at", "pk")
    return sum(_end_of(pk, State.EXPIRED) for pk in late.values_list("pk", flat=True)[:500])


def close_needless(execution_ids: Iterable[int]) -> int:
    """Questions of cases that came to their end in another way: nobody is to answer them any more."""
    rows = Approval.objects.filter(state=State.WAITING, execution__in=list(execution_ids), execution__state__in=Execution.OVER)
    return sum(_end_of(pk, State.WITHDRAWN) for pk in rows.values_list("pk", flat=True))


def _end_of(pk: int, state: str) -> bool:
    """In a transaction of its own, so that one that cannot be closed keeps none of the others open."""
    with transaction.atomic():
        row = Approval.objects.select_for_update(of=("self",)).select_related("execution").filter(pk=pk, state=State.WAITING).first()
        if row is None:
            return False
        _close(row, state)
        if state == State.EXPIRED:
            _follow(row, None, "nobody answered in time")
    return True


def _tell(signal: Signal, approval_ids: list[int]) -> None:
    transaction.on_commit(partial(signal.send_robust, sender=Approval, approval_ids=approval_ids))
