"""Celery's in-memory broker, which waits for a message instead of looking fifty times a second whether there is one."""

import threading
import time
from queue import Empty
from typing import Any

from kombu.transport import memory

LOOK = 1.0  # seconds: what is freed without our hearing of it is seen then


class _Arrivals:
    """One per process, as the queues are: something was put into one, or a worker may take more."""

    def __init__(self) -> None:
        self._changed = threading.Event()

    def tell(self) -> None:
        self._changed.set()

    def expect(self) -> None:
        """From now on: what comes between a look and the wait ends the wait at once."""
        self._changed.clear()

    def wait(self, seconds: float) -> None:
        self._changed.wait(seconds)


arrivals = _Arrivals()


class Channel(memory.Channel):
    def _put(self, queue: str, message: Any, **options: Any) -> None:
        super()._put(queue, message, **options)
        arrivals.tell()

    def _put_fanout(self, exchange: str, message: Any, routing_key: str | None = None, **options: Any) -> None:
        super()._put_fanout(exchange, message, routing_key, **options)
        arrivals.tell()

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        arrivals.tell()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().basic_reject(delivery_tag, requeue)
        arrivals.tell()


class Transport(memory.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Delivers one message. Raises TimeoutError where none comes within `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            arrivals.expect()
            try:
                self.cycle.get(self._deliver, timeout=timeout)  # type: ignore[union-attr]  # there is one while it is open
            except Empty:
                left = LOOK if end is None else min(LOOK, end - time.monotonic())
                if left <= 0:
                    raise TimeoutError from None
                arrivals.wait(left)
            else:
                return
