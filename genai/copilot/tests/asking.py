"""What the tests of answers share: a question asked and answered in this thread, as one of the crew's would."""

from typing import Any

from genai.copilot import answering, conversations
from genai.copilot.models import Turn


def ask(user: Any, question: str, *, subject: str = "", conversation: Any = None, **more: Any) -> Turn:
    found = conversation or conversations.start(user, subject=subject)
    return answering.ask(found, question, wait=True, **more)


def tools_of(turn: Turn) -> list[tuple[str, str]]:
    """(tool, how it ended) of its steps, without our own check."""
    return [(step["name"], step["state"]) for step in turn.steps if step["name"] != "check evidence"]
