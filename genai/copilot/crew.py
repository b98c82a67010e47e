"""Threads of this process in which questions are answered: an answer waits for a model most of its time, and pages must not wait with it.

They are started while there is something to answer and end when there was nothing for a while.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

from django.db import connections

MOST = 64  # threads, each with one answer
MOST_WAITING = 200
IDLE = 10.0  # seconds
PATIENCE = 5.0  # seconds for answers under way when the process ends; stopping a container takes ten
Work = Callable[[], object]
log = logging.getLogger(__name__)


class Crew:
    def __init__(self, most: int = MOST, most_waiting: int = MOST_WAITING, idle: float = IDLE) -> None:
        self._most, self._most_waiting, self._idle = most, most_waiting, idle
        self._lock = threading.Condition()
        self._waiting: deque[Work] = deque()
        self._threads = 0
        self._free = 0
        self._ending = False

    @property
    def full(self) -> bool:
        with self._lock:
            return self._ending or len(self._waiting) >= self._most_waiting

    @property
    def threads(self) -> int:
        with self._lock:
            return self._threads

    def submit(self, work: Work) -> None:
        """Returns at once. Whoever cares that there is room asks `full` before."""
        with self._lock:
            self._waiting.append(work)
            more = self._free < len(self._waiting) and self._threads < self._most
            self._threads += more
            self._lock.notify()
        if more:
            threading.Thread(target=self._run, name="copilot", daemon=True).start()

    def _run(self) -> None:
        try:
            while (work := self._next()) is not None:
                self._one(work)
                connections.close_all()  # who waits for work holds none
        finally:
            with self._lock:
                self._threads -= 1
                self._lock.notify_all()

    def _next(self) -> Work | None:
        with self._lock:
            self._free += 1
            try:
                self._lock.wait_for(lambda: self._waiting or self._ending, self._idle)
                return self._waiting.popleft() if self._waiting else None
            finally:
                self._free -= 1

    def _one(self, work: Work) -> None:
        try:
            work()
        except Exception:
            log.exception("an answer was left where it was")

    def finish(self, patience: float = PATIENCE) -> bool:
        """Waits for what is under way; whether all of it came to its end. Nothing begins meanwhile."""
        with self._lock:
            self._ending = True
            self._waiting.clear()
            self._lock.notify_all()
            try:
                return self._lock.wait_for(lambda: not self._threads, patience)
            finally:
                self._ending = False


crew = Crew()
