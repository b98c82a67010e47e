"""What people do with cases, on pages and through the API: each says in one sentence why where it cannot be done."""

from accounts.models import User
from remediation import approvals, execute
from remediation.approvals import Refused
from remediation.models import Approval, Execution

LONGEST_REASON = 300


class NotDone(Exception):
    """One sentence for whoever asked. `status`: 403 where they may not, 409 where it is too late, 400 where something is missing."""

    def __init__(self, sentence: str, status: int = 409) -> None:
        super().__init__(sentence)
        self.status = status


def vote(approval: Approval, user: User, granted: bool, comment: str, via: str = "page") -> str:
    """Returns what came of it."""
    try:
        found = approvals.vote(approval, user, granted, comment, via)
    except Refused as refused:
        raise NotDone(refused.sentence, refused.status) from refused
    if found.state == Approval.State.WAITING:
        return f"Recorded; {found.needed - found.votes.filter(granted=True).count()} more has to say yes."
    return f"{found.execution.number} is {'approved' if granted else 'denied'}."


def withdraw(approval: Approval, user: User, reason: str) -> str:
    """By whoever asked for it, or by an approver."""
    try:
        found = approvals.withdraw(approval, user, checked(reason, required=False))
    except Refused as refused:
        raise NotDone(refused.sentence, refused.status) from refused
    return f"{found.execution.number} is withdrawn."


def cancel(execution: Execution, user: User, reason: str) -> str:
    why = checked(reason)
    if not execute.cancel(execution, user, why):
        raise NotDone(f"{execution.number} is over, being taken back, or being stopped already.")
    return f"{execution.number} is {'cancelled' if execution.is_over else 'being stopped'}."


def roll_back(execution: Execution, user: User, reason: str) -> str:
    why = checked(reason)
    if not execute.roll_back(execution, user, why):
        raise NotDone(f"{execution.number} cannot be rolled back: only what ran and is over can be, and once.")
    return f"{execution.number} is being rolled back."


def may_cancel(execution: Execution) -> bool:
    stoppable = (Execution.State.PROPOSED, Execution.State.APPROVED, Execution.State.RUNNING, Execution.State.VERIFYING)
    return execution.state in stoppable and execution.cancel_asked_at is None


def may_roll_back(execution: Execution) -> bool:
    return execution.state in execute.UNDOABLE and bool(execution.started_at) and not execution.dry_run and not execution.undo_asked_at


def checked(reason: str, required: bool = True) -> str:
    found = reason.strip().replace("\x00", "")[:LONGEST_REASON]
    if required and not found:
        raise NotDone("Say why, in a few words.", 400)
    return found
