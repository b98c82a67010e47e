"""Requests that may take long pass a few at a time. The others wait here, where waiting takes no thread, and one whose client has gone
away is told so."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from aiops.arrival import Application, Receive, Scope, Send

GONE = "aiops.gone"  # in the scope: an event that is set when the client has gone away
MOST_WAITING = 64
PATIENCE = 30.0  # seconds
RETRY_AFTER = 5


def gone(request: HttpRequest) -> Callable[[], bool] | None:
    """Asks whether the client has gone away; None where that cannot be known."""
    event = request.META.get("asgi.scope", {}).get(GONE)
    return event.is_set if event else None


class Turnstile:
    """Stands behind Arrival. `prefixes` are the paths of such requests."""

    def __init__(
        self, app: Application, prefixes: tuple[str, ...], at_once: int, most_waiting: int = MOST_WAITING, patience: float = PATIENCE
    ) -> None:
        self.app, self.prefixes, self.most_waiting, self.patience = app, prefixes, most_waiting, patience
        self.places = asyncio.Semaphore(at_once)
        self.waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(self.prefixes):
            await self.app(scope, receive, send)
            return
        body, left = await _body(receive), threading.Event()
        leaving = asyncio.create_task(_leave(receive, left))
        try:
            if await self._enter(leaving):
                try:
                    await self.app({**scope, GONE: left}, _replay(body, leaving), send)
                finally:
                    self.places.release()
            elif not leaving.done():
                await _refuse(send)
        finally:
            leaving.cancel()

    async def _enter(self, leaving: "asyncio.Task[None]") -> bool:
        """Whether there is a place; False as well when the client did not wait for it."""
        if self.places.locked() and self.waiting >= self.most_waiting:
            return False
        entering = asyncio.create_task(self.places.acquire())
        self.waiting += 1
        try:
            await asyncio.wait({entering, leaving}, timeout=self.patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting -= 1
            if not entering.done():
                entering.cancel()
        if not entering.done():
            return False
        if leaving.done():
            self.places.release()
        return not leaving.done()


async def _body(receive: Receive) -> list[dict[str, Any]]:
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


async def _leave(receive: Receive, left: threading.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    left.set()


def _replay(messages: list[dict[str, Any]], leaving: "asyncio.Task[None]") -> Receive:
    waiting = messages[::-1]

    async def again() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await asyncio.wait({leaving})
        return {"type": "http.disconnect"}

    return again


async def _refuse(send: Send) -> None:
    """In the shape that clients of the query API read, too."""
    sentence = "Too many queries are under way; try again shortly."
    content = json.dumps({"status": "error", "errorType": "unavailable", "error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    headers += [(b"retry-after", str(RETRY_AFTER).encode()), (b"x-content-type-options", b"nosniff")]
    headers.append((b"content-security-policy", b"default-src 'none'"))
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": content})
