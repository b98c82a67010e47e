"""A finding that somebody looked at and found harmless, with a reason; and taken back."""

from django.db import transaction

from accounts import audit
from accounts.models import ApiToken, User
from genai.tracing.models import SecurityFinding

OPEN, DISMISSED = SecurityFinding.State.OPEN, SecurityFinding.State.DISMISSED
LONGEST = 300


class Refused(ValueError):
    """One sentence for people."""


def dismiss(finding: SecurityFinding, actor: User | ApiToken, reason: str, alike: bool = False) -> int:
    """Returns how many; `alike`: also open ones with the same text in the same place. Raises Refused."""
    reason = reason.replace("\0", "").strip()
    if not reason:
        raise Refused("Say why it is harmless, in a few words.")
    if len(reason) > LONGEST:
        raise Refused(f"The reason has at most {LONGEST} characters.")
    rows = SecurityFinding.objects.filter(state=OPEN)
    same = rows.filter(kind=finding.kind, where=finding.where, excerpt=finding.excerpt) if alike else rows.filter(pk=finding.pk)
    with transaction.atomic():
        count = same.update(state=DISMISSED, state_reason=reason, state_actor=_name(actor))
        if count:
            audit.record("finding.dismissed", target=finding, after={"reason": reason, "findings": count}, actor=actor)
    return count


def reopen(finding: SecurityFinding, actor: User | ApiToken) -> bool:
    with transaction.atomic():
        rows = SecurityFinding.objects.filter(pk=finding.pk, state=DISMISSED)
        changed = rows.update(state=OPEN, state_reason="", state_actor=_name(actor)) == 1
        if changed:
            audit.record("finding.reopened", target=finding, before={"reason": finding.state_reason}, actor=actor)
    return changed


def _name(actor: User | ApiToken) -> str:
    return (f"{actor.user.name}, token {actor.name}" if isinstance(actor, ApiToken) else actor.name)[:200]
