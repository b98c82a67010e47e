"""While answers are made in this process, one thread writes down what there is of them, and hears who asked to stop.

So whoever looks from another process sees nearly all of it, and an answer whose process was killed is found half, not lost.
"""

import logging
import threading
import time
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import timezone

from genai.copilot import events
from genai.copilot.conversations import OPEN
from genai.copilot.crew import crew
from genai.copilot.events import Progress
from genai.copilot.models import Turn
from genai.tracing import record

TICK = 0.05  # seconds: text that waits for more goes out
SAVED_EVERY = 2.0  # seconds
ENDS = "The process that was answering ended; what it had is kept."
log = logging.getLogger(__name__)
_lock = threading.Lock()
_running = False


def start() -> None:
    """It ends by itself when nothing is being answered any more."""
    global _running
    with _lock:
        if _running:
            return
        _running = True
    threading.Thread(target=_run, name="copilot keeper", daemon=True).start()


def _run() -> None:
    saved: dict[int, int] = {}
    due = time.monotonic() + SAVED_EVERY
    try:
        while _goes_on():
            time.sleep(TICK)
            for progress in events.here():
                progress.flush()
            if time.monotonic() >= due:
                _save_safely(saved)
                due = time.monotonic() + SAVED_EVERY
    finally:
        connections.close_all()


def _goes_on() -> bool:
    global _running
    with _lock:
        _running = bool(events.here())
        return _running


def _save_safely(saved: dict[int, int]) -> None:
    close_old_connections()
    try:
        save(saved)
    except (DatabaseError, InterfaceError) as fault:
        log.warning("what there is of answers was not written down: %s", fault)
        connections.close_all()


def save(saved: dict[int, int]) -> None:
    """`saved`: {turn: seq as written last}, kept between calls. What is over already is left as it is."""
    all_here, now = events.here(), timezone.now()
    for progress in all_here:
        _save_one(progress, saved, now)
    ids = [progress.turn for progress in all_here]
    still = Turn.objects.filter(pk__in=ids, state__in=OPEN)
    still.update(beat_at=now)
    stopping = set(still.filter(stop_asked=True).values_list("pk", flat=True))
    for progress in all_here:
        if progress.turn in stopping:
            progress.stopping.set()


def _save_one(progress: Progress, saved: dict[int, int], now: Any) -> None:
    if progress.run is not None:
        record.beat(progress.run)
    if saved.get(progress.turn) == progress.seq:
        return
    there = progress.so_far()
    Turn.objects.filter(pk=progress.turn, state__in=OPEN).update(
        answer=there["text"], steps=there["steps"], blocks=there["blocks"], seq=there["seq"], beat_at=now
    )
    saved[progress.turn] = there["seq"]


def close() -> None:
    """The process ends: what is under way is kept as it is."""
    for progress in events.here():
        progress.cut = progress.cut or ENDS
        progress.stopping.set()
    crew.finish()
