"""Words and signs for cases, their steps and approvals."""

from collections.abc import Mapping
from dataclasses import dataclass

from remediation.models import Approval, Execution, Risk, Step

State, Verification = Execution.State, Execution.Verification


@dataclass(frozen=True)
class Sign:
    label: str
    icon: str
    tone: str


STATES: Mapping[str, Sign] = {
    State.PROPOSED: Sign("Waiting for approval", "clock", "c-accent"),
    State.APPROVED: Sign("Approved", "shield", "c-accent"),
    State.RUNNING: Sign("Running", "play", "c-accent"),
    State.VERIFYING: Sign("Verifying", "eye", "c-accent"),
    State.SUCCEEDED: Sign("Succeeded", "ok", "h-ok"),
    State.FAILED: Sign("Failed", "down", "c-critical"),
    State.ROLLING_BACK: Sign("Rolling back", "undo", "c-medium"),
    State.ROLLED_BACK: Sign("Rolled back", "undo", "c-medium"),
    State.ESCALATED: Sign("Escalated", "incidents", "c-critical"),
    State.DENIED: Sign("Denied", "close", "t3"),
    State.EXPIRED: Sign("Expired", "stale", "t3"),
    State.CANCELLED: Sign("Cancelled", "stop", "t3"),
}
UNVERIFIED = Sign("Not verifiable", "unknown", "t3")
REHEARSED = Sign("Rehearsed", "flask", "h-ok")
VERIFICATIONS: Mapping[str, Sign] = {
    Verification.PENDING: Sign("Not yet", "clock", "t3"),
    Verification.HELD: Sign("Verified", "ok", "h-ok"),
    Verification.NOT_HELD: Sign("Did not help", "degraded", "c-medium"),
    Verification.NOT_VERIFIABLE: UNVERIFIED,
}
RISKS: Mapping[str, Sign] = {
    Risk.LOW: Sign("Low risk", "shield", "ok"),
    Risk.MEDIUM: Sign("Medium risk", "shield", "medium"),
    Risk.HIGH: Sign("High risk", "shield", "high"),
    Risk.CRITICAL: Sign("Critical risk", "shield", "critical"),
}
STEPS: Mapping[str, Sign] = {
    Step.State.PENDING: Sign("Not yet", "clock", "t3"),
    Step.State.STARTING: Sign("Starting", "play", "c-accent"),
    Step.State.RUNNING: Sign("Running", "play", "c-accent"),
    Step.State.SUCCEEDED: Sign("Done", "ok", "h-ok"),
    Step.State.FAILED: Sign("Failed", "down", "c-critical"),
    Step.State.UNCLEAR: Sign("Unclear", "unknown", "c-medium"),
    Step.State.SKIPPED: Sign("Skipped", "same", "t3"),
    Step.State.CANCELLED: Sign("Cancelled", "stop", "t3"),
}
KINDS: Mapping[str, str] = {
    "action": "play", "wait": "clock", "check": "eye", "notify": "send", "approval": "shield", "branch": "split",
}  # fmt: skip
APPROVALS: Mapping[str, Sign] = {
    Approval.State.WAITING: Sign("Waiting", "clock", "c-accent"),
    Approval.State.GRANTED: Sign("Granted", "ok", "h-ok"),
    Approval.State.DENIED: Sign("Denied", "close", "c-critical"),
    Approval.State.EXPIRED: Sign("Expired", "stale", "t3"),
    Approval.State.WITHDRAWN: Sign("Withdrawn", "undo", "t3"),
}
HEALTH: Mapping[str, Sign] = {
    "ok": Sign("Works", "ok", "h-ok"),
    "waiting": Sign("Not checked yet", "clock", "h-unknown"),
    "failing": Sign("Failing", "degraded", "c-medium"),
    "disabled": Sign("Switched off", "pause", "h-unknown"),
}


def state(execution: Execution) -> Sign:
    """What a case is at: of one that is over well, also whether that was seen."""
    if execution.state == State.SUCCEEDED and execution.dry_run:
        return REHEARSED
    if execution.state == State.SUCCEEDED and execution.verification == Verification.NOT_VERIFIABLE:
        return UNVERIFIED
    return STATES[execution.state]


def people(count: int) -> str:
    return f"{count} approver{'' if count == 1 else 's'}"
