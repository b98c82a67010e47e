"""Ids of what happened, gathered into few events: the first ones go out at once, of a storm no more than two a second."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from monitoring.live.publish import publish

WAIT = 0.002  # seconds: signals of one commit follow each other
BURST, PER_SECOND = 4, 2.0
NAMED = 200  # ids of each kind that an event carries; its counts tell how many there were


class Gathered:
    """What happened on a topic: kind of happening -> ids."""

    def __init__(
        self,
        topic: str,
        wait: float = WAIT,
        send: Callable[[str, dict[str, Any]], None] = publish,
        clock: Callable[[], float] = time.monotonic,
        timer: type[threading.Timer] = threading.Timer,
    ) -> None:
        self.wait, self.timers = wait, timer
        self.topic, self.send, self.clock = topic, send, clock
        self.waiting: defaultdict[str, dict[int, None]] = defaultdict(dict)
        self.allowance, self.filled_at = float(BURST), clock()
        self.timer: threading.Timer | None = None
        self.lock = threading.Lock()

    def add(self, what: str, ids: Iterable[int]) -> None:
        """Returns at once, from any thread."""
        with self.lock:
            self.waiting[what].update(dict.fromkeys(ids))
            if self.timer is None and any(self.waiting.values()):
                self.timer = self.timers(self._delay(), self.tell)
                self.timer.daemon = True
                self.timer.start()

    def _delay(self) -> float:
        now = self.clock()
        self.allowance = min(BURST, self.allowance + (now - self.filled_at) * PER_SECOND)
        self.filled_at = now
        return max(self.wait, (1 - self.allowance) / PER_SECOND)

    def tell(self) -> None:
        with self.lock:
            happened, self.waiting, self.timer = self.waiting, defaultdict(dict), None
            self._delay()
            self.allowance -= 1
        told: dict[str, Any] = {what: list(ids)[:NAMED] for what, ids in happened.items()}
        self.send(self.topic, told | {"counts": {what: len(ids) for what, ids in happened.items()}})
