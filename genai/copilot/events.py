"""What a page hears while an answer is being made: the live topic `copilot:<person>`, a person's own.

Each event is {"turn": id, "conversation": id, "seq": n, "kind": …} and, by kind:

    state  {"state", "reason"}         Turn.State; the first event says "answering", the last one how it ended
    step   {"n", "name", "detail", "state", "ms"}
                                       one thing that is done for it: `state` is running, ok, failed or refused; the same `n` again
                                       replaces what was said of it; `ms` is null while it runs
    text   {"text", "anew"}            to be put behind what there is; `anew`: in place of it (a model thought aloud before it asked a
                                       tool, or what came is said in other words)
    block  {"n", "block"}              copilot/blocks.py; `n` counts from 0

`seq` counts from 1 for each turn, without a hole. Whoever sees a hole, or comes late, asks for the turn so far (`so_far` below;
GET /api/v1/genai/turns/<id>): it says up to which `seq` it goes, and events up to that are passed over. Where another process answers,
what is so far is up to two seconds old: a hole that stays is asked about again after a second.

The text of the events is as the model writes it. The answer itself is checked first: with the last event it is there to be read, with
its evidence and with guesses marked, and may differ from what was streamed.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from genai.copilot.blocks import Block
from genai.copilot.models import Turn
from genai.tracing.models import AgentRun
from monitoring.live import publish, topics

GAP = 0.06  # seconds between two pieces of text on the wire; the first goes out at once
PERMISSION = "genai:use"
Event = dict[str, Any]
Listener = Callable[[Event | None], None]
topics.register(r"copilot:(?P<person>[1-9][0-9]{0,18})", PERMISSION)


def topic_of(person: int) -> str:
    return f"copilot:{person}"


@dataclass
class Progress:
    """The answer of one turn while it is made, in this process. Every method may be called from any thread."""

    turn: int
    conversation: int
    person: int
    seq: int = 0
    state: str = Turn.State.WAITING
    reason: str = ""
    steps: list[Event] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    cut: str = ""  # why it ends though nobody asked it to: the process ends
    run: AgentRun | None = None
    _listeners: list[Listener] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _pending: str = ""
    _sent_at: float = 0.0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    # -- what happens ----------------------------------------------------------------------------------------------------
    def begin(self) -> None:
        with self._lock:
            self.state = Turn.State.ANSWERING
            self._tell("state", state=self.state, reason="")

    def write(self, piece: str) -> None:
        """A piece of the answer; small ones that follow each other closely go out together."""
        if not piece:
            return
        with self._lock:
            self._pending += piece
            if time.monotonic() - self._sent_at >= GAP:
                self.flush()

    def flush(self) -> None:
        with self._lock:
            piece, self._pending = self._pending, ""
            if piece:
                self._text.append(piece)
                self._sent_at = time.monotonic()
                self._tell("text", text=piece, anew=False)

    def replace(self, text: str) -> None:
        """In place of all that was written; nothing is said where it is the same."""
        with self._lock:
            self.flush()
            if text != self.text:
                self._text = [text]
                self._tell("text", text=text, anew=True)

    def step(self, name: str, detail: str = "") -> int:
        """One begins; its number."""
        with self._lock:
            self.flush()
            self.steps.append({"n": len(self.steps) + 1, "name": name[:100], "detail": detail[:300], "state": "running", "ms": None})
            self._tell("step", **self.steps[-1])
            return len(self.steps)

    def step_ended(self, n: int, state: str, detail: str, ms: int, permission: str = "") -> None:
        """`permission`: what it took; whoever lacks it is not shown the answer in a shared conversation."""
        with self._lock:
            self.steps[n - 1] |= {"state": state, "detail": detail[:300], "ms": ms}
            self._tell("step", **self.steps[n - 1])
            if permission:
                self.steps[n - 1]["permission"] = permission

    def add(self, blocks: Iterable[Block]) -> None:
        with self._lock:
            for block in blocks:
                self.blocks.append(block)
                self._tell("block", n=len(self.blocks) - 1, block=block)

    def ended(self, state: str, reason: str) -> None:
        """Said when it is there to be read."""
        with self._lock:
            self.flush()
            self.state, self.reason = state, reason
            self._tell("state", state=state, reason=reason)

    # -- what there is ---------------------------------------------------------------------------------------------------
    @property
    def text(self) -> str:
        with self._lock:
            return "".join(self._text)

    def so_far(self) -> Event:
        with self._lock:
            self.flush()
            return {
                "seq": self.seq, "text": self.text, "steps": [dict(step) for step in self.steps], "blocks": list(self.blocks),
                "state": self.state, "reason": self.reason,
            }  # fmt: skip

    def listen(self, listener: Listener) -> Event:
        """What there is so far; the listener gets all events from here on, in the thread that causes them, and None at the end."""
        with self._lock:
            self._listeners.append(listener)
            return self.so_far()

    def forget(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.remove(listener)

    def close(self) -> None:
        with self._lock:
            for listener in self._listeners:
                listener(None)

    def _tell(self, kind: str, **said: Any) -> None:
        self.seq += 1
        event = {"turn": self.turn, "conversation": self.conversation, "seq": self.seq, "kind": kind, **said}
        publish.publish(topic_of(self.person), event)
        for listener in self._listeners:
            listener(event)


_here: dict[int, Progress] = {}  # answers that are made in this process


def follow(turn: Turn, person: int) -> Progress:
    """Kept until `leave`."""
    return _here.setdefault(turn.pk, Progress(turn.pk, turn.conversation_id, person))


def leave(turn_id: int) -> None:
    progress = _here.pop(turn_id, None)
    if progress is not None:
        progress.close()


def here() -> list[Progress]:
    return list(_here.values())


def of(turn_id: int) -> Progress | None:
    """None where it is not made in this process."""
    return _here.get(turn_id)


def so_far(turn: Turn) -> Event:
    """{"seq", "text", "steps", "blocks", "state", "reason"}: from the answering itself where that is here, else from its row."""
    progress = of(turn.pk)
    if progress is not None:
        return progress.so_far()
    return {
        "seq": turn.seq, "text": turn.answer, "steps": turn.steps, "blocks": turn.blocks, "state": turn.state, "reason": turn.reason,
    }  # fmt: skip
