"""Threads that send: a few for each channel, so that a slow one keeps nobody waiting but itself. They live while something is due."""

import logging
import threading
from collections.abc import Callable, Mapping

from django.db import Error, close_old_connections, connections

from monitoring.notifications import send

PER_CHANNEL = 4  # side by side, in this process
log = logging.getLogger(__name__)


class Lanes:
    def __init__(self, work: Callable[[int], int] = send.send_channel, per_channel: int = PER_CHANNEL) -> None:
        self._work, self._most = work, per_channel
        self._running: dict[int, int] = {}
        self._lock = threading.Lock()

    def wake(self, waiting: Mapping[int, int]) -> None:
        """Starts as many threads for each channel as find something to claim."""
        for channel, count in waiting.items():
            with self._lock:
                more = min(-(-count // send.CLAIMED), self._most) - self._running.get(channel, 0)
                self._running[channel] = self._running.get(channel, 0) + max(more, 0)
            for _ in range(more):
                threading.Thread(target=self._run, args=(channel,), name=f"notify {channel}", daemon=True).start()

    def _run(self, channel: int) -> None:
        try:
            close_old_connections()
            self._work(channel)
        except Error as fault:
            log.warning("channel %s waits until the database answers: %s", channel, " ".join(str(fault).split()))
        except Exception:
            log.exception("channel %s was left for this time", channel)
        finally:
            connections.close_all()
            with self._lock:
                self._running[channel] -= 1

    @property
    def busy(self) -> int:
        with self._lock:
            return sum(self._running.values())


lanes = Lanes()
