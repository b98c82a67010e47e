"""What waits to be written to one socket. A client that does not take it is dropped and keeps nobody else waiting."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from prometheus_client import Counter

SENT = Counter("aiops_live_sent", "Messages written to websockets")
DROPPED = Counter("aiops_live_dropped_clients", "Websockets closed because they did not keep up")
CAPACITY = 64  # messages
STALLED = 4408  # close code: too slow
log = logging.getLogger(__name__)


class Outbox:
    def __init__(self, send: Callable[[str], Awaitable[None]], close: Callable[[int], Awaitable[None]]) -> None:
        self._send, self._close = send, close
        self._queue: asyncio.Queue[str] = asyncio.Queue(CAPACITY)
        self._writer = asyncio.create_task(self._write())
        self._closing: asyncio.Task[None] | None = None

    def offer(self, text: str) -> None:
        """Never waits. The message that finds the queue full ends the connection."""
        if self._closing is not None:
            return
        try:
            self._queue.put_nowait(text)
        except asyncio.QueueFull:
            DROPPED.inc()
            self.end(STALLED)

    def end(self, code: int) -> None:
        """Closes the socket; what is still queued is given up."""
        if self._closing is None:
            self._writer.cancel()
            self._closing = asyncio.create_task(self._say_goodbye(code))

    def gone(self) -> None:
        """The socket is closed already."""
        self._writer.cancel()

    async def drained(self) -> None:
        await self._queue.join()

    async def _write(self) -> None:
        while True:
            text = await self._queue.get()
            try:
                await self._send(text)
            except Exception as fault:  # the connection broke while we wrote; its disconnect event follows
                log.debug("a websocket went away: %s", fault)
                return
            SENT.inc()
            self._queue.task_done()

    async def _say_goodbye(self, code: int) -> None:
        with suppress(asyncio.CancelledError):
            await self._writer
        with suppress(Exception):
            await self._close(code)
