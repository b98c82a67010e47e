"""A person's conversations: begun, found again, named, shared, removed. Pages and API do it here, and so does the audit trail."""

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import User
from genai.copilot import events
from genai.copilot.models import Conversation, Turn, share_token

LONGEST_TITLE = 200
SHOWN_TITLE = 80  # of a title made from a question
CONTEXT = ("path", "query", "title", "range")
LONGEST_CONTEXT = 4000  # characters of each
MOST_WORDS = 8
OPEN = (Turn.State.WAITING, Turn.State.ANSWERING)


class Refused(Exception):
    """What was asked for cannot be done: `sentence` says why, `status` how an API answers it (400, 409, 429 or 503)."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.sentence, self.status = sentence, status


def start(user: User, *, subject: str = "", context: dict[str, Any] | None = None) -> Conversation:
    """An empty one; its first question names it. `context`: see page_context.PageContext."""
    return Conversation.objects.create(user=user, subject=subject[:200], context=known_context(context))


def known_context(given: Any) -> dict[str, str]:
    """What is known of a page, cut to what is kept."""
    given = given if isinstance(given, dict) else {}
    return {name: value.replace("\0", "")[:LONGEST_CONTEXT] for name in CONTEXT if isinstance(value := given.get(name, ""), str)}


def of(user: User, words: str = "") -> QuerySet[Conversation]:
    """The person's own, newest first; with all of the words in their titles, questions and answers."""
    rows = Conversation.objects.filter(user=user).order_by("-updated_at", "-id")
    for word in words.replace("\0", "").split()[:MOST_WORDS]:
        said = Turn.objects.filter(Q(question__icontains=word) | Q(answer__icontains=word), conversation=OuterRef("pk"))
        rows = rows.filter(Q(title__icontains=word) | Exists(said))
    return rows


def own(user: User, pk: int) -> Conversation:
    """Raises Conversation.DoesNotExist, also for somebody else's."""
    return Conversation.objects.get(pk=pk, user=user)


def own_turn(user: User, pk: int) -> Turn:
    """Raises Turn.DoesNotExist, also for somebody else's."""
    return Turn.objects.select_related("conversation", "run").get(pk=pk, conversation__user=user)


def named_after(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= SHOWN_TITLE else f"{line[: SHOWN_TITLE - 1].rsplit(' ', 1)[0]}…"


def rename(conversation: Conversation, title: str) -> None:
    given = " ".join(title.replace("\0", "").split())
    if not given:
        raise Refused("Write a title.")
    if len(given) > LONGEST_TITLE:
        raise Refused(f"A title has at most {LONGEST_TITLE} characters.")
    with transaction.atomic():
        before, conversation.title = conversation.title, given
        conversation.save(update_fields=["title"])
        audit.record("conversation.rename", target=conversation, before={"title": before}, after={"title": given})


def delete(conversation: Conversation) -> None:
    """With its questions and answers; what they cost stays with the calls. What is being answered stops."""
    for pk in conversation.turns.filter(state__in=OPEN).values_list("pk", flat=True):
        if (progress := events.of(pk)) is not None:
            progress.stopping.set()
    with transaction.atomic():
        gone = {"title": conversation.title, "turns": conversation.turns.count(), "shared": bool(conversation.share)}
        target = f"conversation {conversation.pk}"
        conversation.delete()
        audit.record("conversation.delete", target=target, before=gone)


# -- sharing -------------------------------------------------------------------------------------------------------------
def share(conversation: Conversation) -> str:
    """The token of its link: the same one as long as it is shared. Who opens it signs in, and sees what their role may see."""
    if conversation.share:
        return conversation.share
    with transaction.atomic():
        token = share_token()
        Conversation.objects.filter(pk=conversation.pk, share=None).update(share=token, shared_at=timezone.now())
        conversation.refresh_from_db(fields=["share", "shared_at"])
        audit.record("conversation.share", target=conversation)
    assert conversation.share
    return conversation.share


def unshare(conversation: Conversation) -> None:
    """Its link leads nowhere from now on; a new one will be another."""
    if conversation.share is None:
        return
    with transaction.atomic():
        conversation.share, conversation.shared_at = None, None
        conversation.save(update_fields=["share", "shared_at"])
        audit.record("conversation.unshare", target=conversation)


def shared(token: str) -> Conversation | None:
    if not token or len(token) > 40 or not token.isascii() or "\0" in token:
        return None
    return Conversation.objects.select_related("user").filter(share=token).first()
