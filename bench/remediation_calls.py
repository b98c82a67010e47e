"""What the provider of the remediation figures was asked, and when."""

import threading
import time

SLOW_CALL, POLLS = 2.0, 2  # seconds; of a job
CALLED: dict[str, list[float]] = {}  # target -> when its provider was called
_lock = threading.Lock()


def note(target: str) -> None:
    with _lock:
        CALLED.setdefault(target, []).append(time.perf_counter())
