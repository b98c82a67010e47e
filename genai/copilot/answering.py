"""A question is asked: its row is written, a thread of this process answers it, and everybody who looks hears how far it is.

`ask` returns at once. An answer that its process, its model or a person ended early is kept, and marked as half.
"""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.permissions import can
from genai.copilot import conversations, events, finishing, keeping, page_context, thinking
from genai.copilot.conversations import OPEN, Refused
from genai.copilot.crew import crew
from genai.copilot.events import Progress
from genai.copilot.models import Conversation, Turn
from genai.copilot.thinking import Made, Question

LONGEST_QUESTION = 8000  # characters
MOST_AT_ONCE = 4  # answers of one person
PERMISSION = "genai:use"
OWN_FAULT = "It could not be answered by a fault of the platform's own; it was written to the log."
log = logging.getLogger(__name__)


# -- asking ----------------------------------------------------------------------------------------------------------------
def ask(
    conversation: Conversation, question: str, *, context: Mapping[str, Any] | None = None, actor: Any = None, wait: bool = False
) -> Turn:
    """`context`: of the page, with its "subject"; the conversation's own where none is given. `actor`: whose rights the tools have,
    where that is a token's bearer. `wait`: it is answered here and now. Raises Refused."""
    asker = actor or conversation.user
    if not can(asker, PERMISSION):
        raise Refused(f"This needs the permission {PERMISSION}.", 403)
    turn = _written(conversation, worded(question), dict(context or {}))
    progress = events.follow(turn, conversation.user_id)
    work = partial(answer, turn, asker, progress, alone=not wait)
    if wait:
        work()
        turn.refresh_from_db()
    else:
        transaction.on_commit(partial(_begin, work))
    return turn


def worded(question: str) -> str:
    text = question.replace("\0", "").encode("utf-8", "ignore").decode().strip()
    if not text:
        raise Refused("Ask something.")
    if len(text) > LONGEST_QUESTION:
        raise Refused(f"A question has at most {LONGEST_QUESTION:,} characters; this one has {len(text):,}.")
    return text


def _begin(work: partial[None]) -> None:
    crew.submit(work)
    keeping.start()


def _written(conversation: Conversation, question: str, context: dict[str, Any]) -> Turn:
    if crew.full:
        raise Refused("Too many questions are being answered at this moment; ask again shortly.", 503)
    with transaction.atomic():
        User.objects.select_for_update(of=("self",), no_key=True).get(pk=conversation.user_id)  # two at once count each other
        _room(conversation)
        number = (conversation.turns.aggregate(last=Max("number"))["last"] or 0) + 1
        known = conversations.known_context(context or conversation.context)
        known["subject"] = str(context.get("subject") or conversation.subject)[:200]
        turn = Turn.objects.create(conversation=conversation, number=number, question=question, context=known)
        conversation.title = conversation.title or conversations.named_after(question)
        conversation.updated_at = timezone.now()
        conversation.save(update_fields=["title", "updated_at"])
    return turn


def _room(conversation: Conversation) -> None:
    under_way = Turn.objects.filter(conversation__user=conversation.user_id, state__in=OPEN)
    if under_way.filter(conversation=conversation).exists():
        raise Refused("The question before is still being answered; wait for it, or stop it.", 409)
    if under_way.count() >= MOST_AT_ONCE:
        raise Refused(f"{MOST_AT_ONCE} of your questions are being answered already; wait for one, or stop one.", 429)


def stop(turn: Turn, *, reason: str = "asked to") -> bool:
    """From any process; within two seconds where another one answers. Whether there was something to stop."""
    with transaction.atomic():
        asked = Turn.objects.filter(pk=turn.pk, state__in=OPEN, stop_asked=False).update(stop_asked=True)
        if asked:
            audit.record("conversation.stop", target=turn.conversation, after={"turn": turn.number})
    if (progress := events.of(turn.pk)) is not None:
        progress.stopping.set()
    return bool(asked)


# -- answering -------------------------------------------------------------------------------------------------------------
def answer(turn: Turn, actor: Any, progress: Progress, alone: bool = False) -> None:
    """In the thread that is free for it (`alone`: it has no other work). Raises only what keeps the row from being written."""
    try:
        if not Turn.objects.filter(pk=turn.pk, state=Turn.State.WAITING).update(state=Turn.State.ANSWERING, beat_at=timezone.now()):
            return  # taken back, or given up meanwhile
        run = thinking.begin(turn)
        progress.run = run
        Turn.objects.filter(pk=turn.pk).update(run=run)
        progress.begin()
        made = _made(Question(turn, actor, progress, run, *_window(turn), alone))
        finishing.finish(turn, progress, run, made)
    finally:
        events.leave(turn.pk)


def _made(question: Question) -> Made:
    try:
        made = thinking.think(question)
    except Exception:
        log.exception("turn %s could not be answered", question.turn.pk)
        made = Made(question.progress.text, Turn.State.FAILED, OWN_FAULT)
    if question.progress.cut and made.state == Turn.State.STOPPED:
        return Made(made.text, Turn.State.CUT, question.progress.cut, made.model, made.allowed)
    return made


def _window(turn: Turn) -> tuple[Any, Any]:
    """The time the page showed."""
    span = turn.context.get("range", "")
    if not span:
        return None, None
    try:
        shown = page_context.bounds(span)
    except Exception:  # what a browser sent need not be a time
        return None, None
    return shown.start, shown.end
