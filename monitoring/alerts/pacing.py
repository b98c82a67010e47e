"""Work that changes of alerts ask for: soon after the first, and in a storm no more often than once per pause."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import kombu.exceptions
from celery import Task

log = logging.getLogger(__name__)


class Pacing:
    """Works at once when asked; of several wishes within `pause` seconds the last is answered at its end, so none is left out."""

    def __init__(
        self,
        work: Callable[[], None],
        pause: float,
        clock: Callable[[], float] = time.monotonic,
        timer: type[threading.Timer] = threading.Timer,
    ) -> None:
        self.work, self.pause, self.clock, self.timers = work, pause, clock, timer
        self._next_at = 0.0
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Returns at once but for the work, from any thread."""
        with self._lock:
            if self._timer is not None:
                return
            wait = self._next_at - self.clock()
            if wait > 0:
                self._timer = self.timers(wait, self._later)
                self._timer.daemon = True
                self._timer.start()
                return
            self._next_at = self.clock() + self.pause
        self.work()

    def _later(self) -> None:
        with self._lock:
            self._timer, self._next_at = None, self.clock() + self.pause
        self.work()


def ask(task: Task, *given: Any, **options: Any) -> None:
    """Enqueues a task that the clock starts too: while the broker is away, its next turn does what is left."""
    try:
        task.apply_async(given, retry=False, **options)
    except (kombu.exceptions.OperationalError, OSError) as fault:
        log.info("%s waits for its next turn: %s", task.name, fault)
