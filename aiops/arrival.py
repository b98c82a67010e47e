"""A request takes a thread when all of its body is here.

There are a handful of threads, and senders that dawdle would keep everybody else waiting. What a broken connection left
unfinished is not acted on. Chunked bodies get the length that WSGI asks for.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 30.0  # seconds without a byte
SMALL = 64 * 1024  # a form: let in however crowded it is
ROOM = 256 * 2**20  # bytes of all larger bodies together

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Refused(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class HungUp(Exception):
    """The sender went away in the middle."""


class Arrival:
    def __init__(self, app: Application, largest: int, room: int = ROOM, patience: float = PATIENCE) -> None:
        self.app, self.largest, self.room, self.patience = app, largest, room, patience
        self.taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if b"transfer-encoding" not in headers and headers.get(b"content-length", b"0") == b"0":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            await self._fill(body, int(headers.get(b"content-length", 0)), receive)
            await self.app(_measured(scope, len(body)), _replay(bytes(body), receive), send)
        except Refused as refusal:
            await _answer(refusal, send)
        except HungUp:
            return
        finally:
            self.taken -= _counted(body)

    async def _fill(self, body: bytearray, announced: int, receive: Receive) -> None:
        more = True
        while more:
            if max(announced, len(body)) > self.largest:
                raise Refused(413, "The request is larger than this installation accepts.")
            if self.taken > self.room and len(body) > SMALL:
                raise Refused(503, "Too much is being sent at this moment; try again shortly.")
            message = await self._next(receive)
            before = _counted(body)
            body += message.get("body", b"")
            self.taken += _counted(body) - before
            more = message.get("more_body", False)

    async def _next(self, receive: Receive) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.patience):
                message = await receive()
        except TimeoutError:
            raise Refused(408, f"Nothing arrived for {self.patience:.0f} s; send the request again.") from None
        if message["type"] == "http.disconnect":
            raise HungUp
        return message


def _counted(body: bytearray) -> int:
    return len(body) if len(body) > SMALL else 0


def _measured(scope: Scope, length: int) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name not in (b"content-length", b"transfer-encoding")]
    return {**scope, "headers": [*kept, (b"content-length", str(length).encode())]}


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> dict[str, Any]:
        return waiting.pop() if waiting else await receive()

    return again


async def _answer(refusal: Refused, send: Send) -> None:
    content = json.dumps({"error": refusal.sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode()), (b"connection", b"close")]
    headers += [(b"x-content-type-options", b"nosniff"), (b"content-security-policy", b"default-src 'none'")]
    if refusal.status == 503:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
