"""What a model is told of the conversation so far, and of the page: bounded, and texts from outside as data."""

from datetime import datetime

from genai import prompting
from genai.copilot import showing
from genai.copilot.models import Turn
from genai.copilot.toolbox import Question
from genai.evidence import claims
from genai.providers.base import Message
from genai.tools.times import zone_of

TURNS = 6
LONGEST_ANSWER = 3000  # characters of an earlier answer
MOST_CONTEXT = 60_000  # characters of all messages: about 15,000 tokens
LEFT_OUT = "[left out to make room; ask again if it is needed]"


def earlier(question: Question) -> tuple[list[Message], set[int]]:
    """Messages of the turns before, oldest first, and the evidence that they cite: it may be cited again."""
    rows = Turn.objects.filter(conversation=question.turn.conversation_id, number__lt=question.turn.number).exclude(answer="")
    messages: list[Message] = []
    known: set[int] = set()
    for turn in reversed(rows.order_by("-number")[:TURNS]):
        if showing.visible(turn, question.actor):
            known.update(claims.cited(turn.answer))
            messages += [Message("user", turn.question), Message("assistant", _cut(prompting.harmless(turn.answer)))]
    return messages, known


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_ANSWER else f"{text[:LONGEST_ANSWER]} …"


def variables(question: Question, steps: int) -> dict[str, str]:
    """Of the prompt "copilot"."""
    person = getattr(question.actor, "user", question.actor)
    local = question.context.now.astimezone(zone_of(question.context))
    return {
        "now": f"{local:%A %Y-%m-%d %H:%M %Z}", "page": page(question), "person": f"{person.role}, time zone {person.time_zone}",
        "steps": str(steps),
    }  # fmt: skip


def page(question: Question) -> str:
    """What the page shows, as the browser said it: quoted."""
    context = question.turn.context
    lines = [
        f"subject: {question.subject}" if question.subject else "",
        f"title: {context['title']}" if context.get("title") else "",
        f"address: {context.get('path', '')}?{context['query']}" if context.get("query") else "",
        f"time shown: {_span(question.start, question.end)}" if question.start and question.end else "",
    ]
    told = "\n".join(filter(None, lines))
    return prompting.quote(told, "the page") if told else "no page in particular"


def _span(start: datetime, end: datetime) -> str:
    return f"{start:%Y-%m-%dT%H:%M:%SZ} to {end:%Y-%m-%dT%H:%M:%SZ}"


def fitted(messages: list[Message]) -> list[Message]:
    """Not more than a model can read: what tools answered first is left out first, then the oldest turns."""
    over = sum(len(one.content) for one in messages) - MOST_CONTEXT
    made = list(messages)
    for at, one in enumerate(made):
        if over <= 0:
            return made
        if one.role == "tool" and len(one.content) > len(LEFT_OUT):
            made[at] = Message("tool", LEFT_OUT, tool_call_id=one.tool_call_id)
            over -= len(one.content) - len(LEFT_OUT)
    while over > 0 and len(made) > 1 and made[0].role in ("user", "assistant") and not made[0].tool_calls:
        over -= len(made.pop(0).content)
    return made
