"""What the tests of answers share: a question asked and answered in this thread, as one of the crew's would."""

import threading
import time
from typing import Any

from genai.copilot import answering, conversations, events
from genai.copilot.models import Turn


def ask(user: Any, question: str, *, subject: str = "", conversation: Any = None, **more: Any) -> Turn:
    found = conversation or conversations.start(user, subject=subject)
    return answering.ask(found, question, wait=True, **more)


def tools_of(turn: Turn) -> list[tuple[str, str]]:
    """(tool, how it ended) of its steps, without our own check."""
    return [(step["name"], step["state"]) for step in turn.steps if step["name"] != "check evidence"]


def settle() -> None:
    """Nothing is being answered any more, and no thread of ours holds the database."""
    for progress in events.here():
        events.leave(progress.turn)
    ends = time.monotonic() + 10
    while any(thread.name == "copilot keeper" for thread in threading.enumerate()) and time.monotonic() < ends:
        time.sleep(0.02)
