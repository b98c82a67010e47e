"""Circuit breaker: after `threshold` failures in a row calls are refused for `cooldown` seconds, then one trial decides."""

import threading
import time
from collections.abc import Callable


class Breaker:
    def __init__(self, threshold: int = 5, cooldown: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.threshold = threshold
        self.cooldown = cooldown
        self.clock = clock
        self.failures = 0
        self.open_until = 0.0
        self._lock = threading.Lock()

    @property
    def state(self) -> str:
        """closed, open, or half-open (the cool-down is over, the next call is the trial)."""
        if self.failures < self.threshold:
            return "closed"
        return "open" if self.clock() < self.open_until else "half-open"

    def allows(self) -> bool:
        """Whether a call may go out now; taking the trial keeps others out for another cool-down."""
        with self._lock:
            state = self.state
            if state == "half-open":
                self.open_until = self.clock() + self.cooldown
            return state != "open"

    def succeeded(self) -> None:
        with self._lock:
            self.failures = 0

    def failed(self) -> None:
        with self._lock:
            self.failures += 1
            if self.failures >= self.threshold:
                self.open_until = self.clock() + self.cooldown
