"""Telling approvers that something waits for them: behind the bell, by mail, and in Slack with buttons that bring their answer back."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.core import signing
from django.utils import timezone

from accounts.models import User
from accounts.permissions import can
from aiops.templatetags.ui import duration
from monitoring.notifications import notice
from monitoring.notifications.announce import Announcement, announce
from monitoring.notifications.channels.slack import escaped
from monitoring.notifications.models import Channel, page
from monitoring.notifications.notice import Button
from monitoring.notifications.slack_acting import NotDone, register
from remediation import case_acting
from remediation.case_card import Card
from remediation.models import Approval

APPROVE, YES, NO = "remediation:approve", "remediation_approve", "remediation_deny"
SALT = "remediation.approval"
OLDEST = 14 * 86_400  # seconds; questions expire long before
STEPS = 10  # that a message tells one by one
FORGOTTEN_AFTER = timedelta(seconds=15)


def tell(approval_ids: Collection[int]) -> int:
    """Of those that still wait. Announced by a key of their own: told once. Returns how many ways there were."""
    rows = Approval.objects.filter(pk__in=approval_ids, state=Approval.State.WAITING)
    return sum(_tell(one) for one in rows.select_related("execution__rule", "execution__alert", "execution__resource", "step"))


def tell_forgotten() -> int:
    """Of questions whose task was lost: the broker was away as they were asked."""
    rows = Approval.objects.filter(state=Approval.State.WAITING, told_at=None, asked_at__lt=timezone.now() - FORGOTTEN_AFTER)
    return tell(list(rows.values_list("pk", flat=True)[:100]))


def _tell(approval: Approval) -> int:
    execution = approval.execution
    card = Card(execution, None, approval)
    told = Announcement(
        key=f"approval:{approval.pk}", title=f"May this run? {execution.title}"[:300], text=words(card), kind=notice.QUESTION,
        severity=execution.risk, url=page("execution", execution.pk), thread=f"approval:{approval.pk}", why="approvers",
        buttons=_buttons(approval),
    )  # fmt: skip
    slack = [one for one in Channel.objects.filter(kind="slack", enabled=True) if one.secrets.get("signing_secret")]
    ways = announce(told, slack, approvers(approval))
    Approval.objects.filter(pk=approval.pk).update(told_at=timezone.now())
    return len(ways)


def approvers(approval: Approval) -> list[User]:
    """Everybody whose yes would count."""
    people = User.objects.filter(is_active=True).exclude(pk=approval.execution.requested_by_id or 0).order_by("id")
    return [one for one in people if can(one, APPROVE)]


def words(card: Card) -> str:
    """In the order of the card: who asks, what will run on what, risk, what follows."""
    approval, execution = card.approval, card.execution
    assert approval is not None
    why = f" for {execution.cause}" if execution.alert else ""
    lines = [
        f"{execution.number} on {execution.target}, asked for by {execution.requester}{why}.",
        *(f"{at}. {one.title}{f' – {one.did}' if one.did else ''}" for at, one in enumerate(card.steps[:STEPS], 1)),
        f"{card.risk.label}, {execution.score} of 100. If it fails: {card.if_it_fails or 'people are told.'}",
        *(f"Counts as fixed when: {one}." for one in card.fixed_when[:3]),
        f"{card.needs}; {duration((approval.expires_at - approval.asked_at).total_seconds(), 2)} to answer.",
    ]
    return "\n".join(lines)


# -- buttons ---------------------------------------------------------------------------------------------------------------
def _buttons(approval: Approval) -> tuple[Button, ...]:
    asked = ticket(approval)
    sure = f"{approval.execution.title} on {approval.execution.target}"
    return (Button("Approve and run", YES, asked, "primary", sure), Button("Reject", NO, asked, "danger", "It does not run."))


def ticket(approval: Approval) -> str:
    """What a button brings back: which question, and the very plan that was asked for. One person's answer counts once."""
    return signing.dumps({"approval": approval.pk, "digest": approval.digest}, salt=SALT, compress=True)


def answered(granted: bool, value: str, user: User) -> str:
    """A button was pressed. Raises NotDone with a sentence for whoever pressed."""
    approval = _asked(value)
    try:
        said = case_acting.vote(approval, user, granted, "", "slack")
    except case_acting.NotDone as fault:
        raise NotDone(str(fault)) from fault
    return f"{':white_check_mark:' if granted else ':no_entry:'} {escaped(said)} {escaped(user.name)} said {'yes' if granted else 'no'}."


def _asked(value: str) -> Approval:
    try:
        given: Any = signing.loads(value, salt=SALT, max_age=OLDEST)
        found = Approval.objects.select_related("execution").filter(pk=int(given["approval"])).first()
    except signing.SignatureExpired:
        raise NotDone("This message is too old for its buttons.") from None
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        raise NotDone("This button is not one of AIOps.") from None
    if found is None or found.digest != given.get("digest"):
        raise NotDone("What was asked here is not there any more.")
    return found


register(YES, APPROVE, lambda value, user: answered(True, value, user))
register(NO, APPROVE, lambda value, user: answered(False, value, user))
