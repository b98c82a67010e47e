"""Where the channel layer lives: on the server's event loop, or on a loop of its own in processes without a server.

asyncio queues and Redis connections belong to one loop, while publishers are Celery and WSGI threads: they hand their
coroutine over instead of running it on a loop of their own.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from channels.layers import InMemoryChannelLayer

T = TypeVar("T")
_home: asyncio.AbstractEventLoop | None = None
_home_pid = 0
_lock = threading.Lock()


def serve_on(loop: asyncio.AbstractEventLoop | None) -> None:
    """Makes the loop the layer's home; None when the server has gone."""
    global _home, _home_pid
    _home, _home_pid = loop, os.getpid()


def home() -> asyncio.AbstractEventLoop:
    """The server's loop, else a loop in a daemon thread that is started on first use (a forked child starts its own)."""
    with _lock:
        if _home is None or _home.is_closed() or _home_pid != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="channel-layer", daemon=True).start()
            serve_on(loop)
        assert _home is not None
        return _home


def submit(coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
    """Runs it on the layer's home. The result must not be waited for on that loop itself."""
    return asyncio.run_coroutine_threadsafe(coroutine, home())


class BridgedInMemoryLayer(InMemoryChannelLayer):
    """In-memory layer whose state lives on its home loop only; calls from any other loop hop there and wait."""

    def _clean_expired(self) -> None:
        """Nothing expires: the one receiver of a process listens as long as the process, and must not be forgotten after a day."""

    async def _at_home(self, call: Coroutine[Any, Any, Any]) -> Any:
        target = _home
        if target is None or target.is_closed() or target is asyncio.get_running_loop():
            return await call
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, target))

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._at_home(super().send(channel, message))

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self._at_home(super().receive(channel))

    async def group_add(self, group: str, channel: str) -> None:
        await self._at_home(super().group_add(group, channel))

    async def group_discard(self, group: str, channel: str) -> None:
        await self._at_home(super().group_discard(group, channel))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self._at_home(super().group_send(group, message))
