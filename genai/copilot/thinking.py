"""An answer comes about: with a model and tools where there is a model, else by what the question's words ask for.

Where the model fails before it said anything the platform answers without it, and says so.
"""

from genai import complete
from genai.copilot import replies, rounds
from genai.copilot.models import Turn
from genai.copilot.rounds import Made
from genai.copilot.toolbox import Question, Toolbox
from genai.tracing import record
from genai.tracing.models import AgentRun

AGENT = "copilot"

__all__ = ["Made", "Question", "begin", "think"]


def begin(turn: Turn) -> AgentRun:
    subject = str(turn.context.get("subject", ""))
    return record.begin(AGENT, turn.question, user=turn.conversation.user, subject=subject)


def think(question: Question) -> Made:
    if not complete.available():
        return without_model(question, complete.why_not())
    made = rounds.answer(question)
    if made.state == Turn.State.FAILED and not made.text:
        return without_model(question, f"Answered without a model: {made.reason}")
    return made


def without_model(question: Question, reason: str) -> Made:
    """`reason`: why there was none, or what one would add."""
    box = Toolbox(question)
    text = replies.reply(question, box)
    if question.stopped():
        return Made(text, Turn.State.STOPPED, "Stopped.", "", frozenset(box.allowed))
    return Made(text, Turn.State.DONE, reason, "", frozenset(box.allowed))
