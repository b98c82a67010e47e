"""One model's answer, read in a thread of its own: whoever waits for it can stop, and no silence lasts longer than it may.

The SDKs' time-outs are of single reads, and a thread that reads cannot be asked to stop. So the thread hands over what comes, and the
one that asked decides when to wait no longer; the reading one ends by its own time-out then, and nobody listens to it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from genai.providers.base import Ask, LanguageModel, ModelError, Piece, ToolCall, Usage

POLL = 0.2  # seconds between two looks at whether to stop
MOST_TEXT = 400_000  # characters; a model that does not end is cut off

Stopped = Callable[[], bool]
OnText = Callable[[str], None]


@dataclass
class Heard:
    """What came of it. `fault`: why it is not whole."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    usage: Usage | None = None
    first_ms: int | None = None
    fault: ModelError | None = None
    stopped: bool = False

    @property
    def whole(self) -> bool:
        return self.fault is None and not self.stopped and self.finish != "length"


class _Reader(threading.Thread):
    """Hands pieces over, then a fault or None."""

    def __init__(self, model: LanguageModel, ask: Ask) -> None:
        super().__init__(daemon=True, name="model answer")
        self.model, self.ask = model, ask
        self.out: SimpleQueue[Piece | Exception | None] = SimpleQueue()
        self.left = threading.Event()

    def run(self) -> None:
        try:
            pieces = self.model.stream(self.ask)
            try:
                for piece in pieces:
                    self.out.put(piece)
                    if self.left.is_set():
                        return
            finally:
                getattr(pieces, "close", lambda: None)()
            self.out.put(None)
        except Exception as fault:  # a plugin's own fault must not look like silence
            self.out.put(fault)


def listen(model: LanguageModel, ask: Ask, on_text: OnText | None = None, stopped: Stopped | None = None) -> Heard:
    """Raises nothing that the model does."""
    reader = _Reader(model, ask)
    listener = _Listener(reader, ask, on_text, stopped)
    reader.start()
    try:
        while listener.goes_on():
            pass
    finally:
        reader.left.set()
    return listener.end()


class _Listener:
    def __init__(self, reader: _Reader, ask: Ask, on_text: OnText | None, stopped: Stopped | None) -> None:
        self.reader, self.limits, self.on_text, self.stopped = reader, ask.limits, on_text, stopped
        self.heard = Heard()
        self.began = self.last = self.looked = time.monotonic()
        self.parts: list[str] = []
        self.length = 0

    def goes_on(self) -> bool:
        """One piece, or one wait for it. Whether there may be more."""
        if self._is_stopped():
            self.heard.stopped = True
            return False
        try:
            piece = self.reader.out.get(timeout=self._wait())
        except Empty:
            self.heard.fault = self._silent()
            return self.heard.fault is None
        self.last = time.monotonic()
        if isinstance(piece, Exception):
            self.heard.fault = self._fault(piece)
        if not isinstance(piece, Piece):
            return False
        self._take(piece)
        return self.heard.fault is None

    def _is_stopped(self) -> bool:
        now = time.monotonic()
        if self.stopped is None or now - self.looked < POLL:
            return False
        self.looked = now
        return self.stopped()

    def _wait(self) -> float:
        left = min(self.last + self.limits.idle, self.began + self.limits.total) - time.monotonic()
        return max(0.001, left if self.stopped is None else min(left, POLL))

    def _take(self, piece: Piece) -> None:
        heard = self.heard
        if heard.first_ms is None and (piece.text or piece.tool_calls):
            heard.first_ms = round((self.last - self.began) * 1000)
        heard.tool_calls += piece.tool_calls
        heard.finish, heard.usage = piece.finish or heard.finish, piece.usage or heard.usage
        self.parts.append(piece.text)
        self.length += len(piece.text)
        if piece.text and self.on_text is not None:
            self.on_text(piece.text)
        if self.length > MOST_TEXT:
            heard.fault = ModelError("The answer had no end and was cut off.", "cut", permanent=True)
        elif self.last - self.began > self.limits.total:
            heard.fault = self._late()

    def _silent(self) -> ModelError | None:
        now = time.monotonic()
        if now - self.began >= self.limits.total:
            return self._late()
        if now - self.last >= self.limits.idle:
            return ModelError(f"Nothing came for {self.limits.idle:g} seconds.", "stalled")
        return None

    def _late(self) -> ModelError:
        return ModelError(f"The answer was not whole after {self.limits.total:.0f} seconds.", "late")

    def _fault(self, fault: Exception) -> ModelError:
        if self.last - self.began >= self.limits.total:
            return self._late()
        if isinstance(fault, ModelError):
            return fault
        return ModelError(f"It could not be read: {type(fault).__name__}: {str(fault)[:200]}", "unreadable")

    def end(self) -> Heard:
        heard = self.heard
        heard.text = "".join(self.parts)
        if heard.fault is None and not heard.stopped and not heard.text.strip() and not heard.tool_calls:
            heard.fault = ModelError("It answered with nothing.", "empty")
        return heard
