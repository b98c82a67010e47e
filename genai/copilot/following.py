"""POST /api/v1/genai/chat on the server's loop: whoever waits for an answer, or has it streamed, holds no thread that serves pages.

The question goes through Django as any other request: signed in, limited, written down. Its answer names the turn in a header; then this
listens to the turn, and at its end asks Django for it as the same person would. It stands in front of the pages' application.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson

from aiops.arrival import Application, Receive, Scope, Send
from genai.copilot import events
from genai.copilot.events import Event, Progress

PATH = "/api/v1/genai/chat"
TURN = "/api/v1/genai/turns/{}/"
MARK = "genai.followed"  # in the scope: there is somebody in front who follows
HEADER = b"x-answered-in-turn"  # "12:stream" or "12:whole"; never leaves
PATIENCE = 300.0  # seconds; then it is told as far as it is
BEAT = 15.0  # seconds between signs of life
STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"), (b"content-security-policy", b"default-src 'none'"),
]  # fmt: skip
OVER = ("done", "stopped", "cut", "failed")
NOT_SENT_AGAIN = (b"content-length", b"content-type", b"transfer-encoding")


class Answer:
    """What an application sent, kept until somebody wants it."""

    def __init__(self) -> None:
        self.start: dict[str, Any] = {}
        self.parts: list[dict[str, Any]] = []

    async def __call__(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.parts.append(message)

    def taken(self) -> str:
        """The header of ours, which it has no more."""
        found = next((value for name, value in self.start.get("headers", []) if name.lower() == HEADER), b"")
        self.start["headers"] = [(name, value) for name, value in self.start.get("headers", []) if name.lower() != HEADER]
        return found.decode()

    @property
    def body(self) -> bytes:
        return b"".join(part.get("body", b"") for part in self.parts)

    async def pass_on(self, send: Send) -> None:
        for message in (self.start, *self.parts):
            await send(message)


class Following:
    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].rstrip("/") != PATH or scope.get("method") != "POST":
            await self.app(scope, receive, send)
            return
        answer = Answer()
        await self.app({**scope, MARK: True}, receive, answer)
        turn, _, way = answer.taken().partition(":")
        if not turn:
            await answer.pass_on(send)
            return
        leaving = asyncio.create_task(_leave(receive))
        try:
            await (self._stream if way == "stream" else self._whole)(scope, int(turn), leaving, send)
        finally:
            leaving.cancel()

    async def _whole(self, scope: Scope, turn: int, leaving: "asyncio.Task[None]", send: Send) -> None:
        async for _ in _events(turn, leaving):
            pass
        if not leaving.done():
            await (await self._turn(scope, turn)).pass_on(send)

    async def _stream(self, scope: Scope, turn: int, leaving: "asyncio.Task[None]", send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": STREAM})
        async for event in _events(turn, leaving):
            said = f"event: {event['kind']}\ndata: ".encode() + orjson.dumps(event) + b"\n\n" if event else b": still here\n\n"
            await send({"type": "http.response.body", "body": said, "more_body": True})
        if not leaving.done():
            found = await self._turn(_plain(scope), turn)
            said = b"event: answer\ndata: " + found.body.replace(b"\n", b" ") + b"\n\n"
            await send({"type": "http.response.body", "body": said, "more_body": False})

    async def _turn(self, scope: Scope, turn: int) -> Answer:
        """As the same person would ask for it."""
        path = TURN.format(turn)
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in NOT_SENT_AGAIN]
        asked = {**scope, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
        answer = Answer()
        await self.app(asked, _nothing(), answer)
        return answer


def _plain(scope: Scope) -> Scope:
    """Uncompressed: it becomes a part of a stream."""
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]}


async def _leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _nothing() -> Receive:
    waiting = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop()

    return receive


# -- what happens in a turn ------------------------------------------------------------------------------------------------
async def _events(turn: int, leaving: "asyncio.Task[None]") -> AsyncIterator[Event]:
    """All of a turn's events, those before included; {} is a sign of life. Ends with the turn, with the client, or with patience."""
    progress = events.of(turn)
    if progress is None:  # it is over already
        return
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[Event | None]()

    def listener(event: Event | None) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, event)

    so_far = progress.listen(listener)
    try:
        for event in _before(progress, so_far):
            yield event
        if so_far["state"] in OVER:
            return
        async for event in _coming(queue, leaving):
            yield event
    finally:
        progress.forget(listener)


async def _coming(queue: "asyncio.Queue[Event | None]", leaving: "asyncio.Task[None]") -> AsyncIterator[Event]:
    loop = asyncio.get_running_loop()
    ends = loop.time() + PATIENCE
    while loop.time() < ends:
        getting = asyncio.ensure_future(queue.get())
        await asyncio.wait({getting, leaving}, timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            getting.cancel()
            if leaving.done():
                return
            yield {}
            continue
        event = getting.result()
        if event is None:
            return
        yield event
        if event["kind"] == "state" and event["state"] in OVER:
            return


def _before(progress: Progress, so_far: Event) -> list[Event]:
    """What was before, as events; their `seq` is that of the last of them."""
    common = {"turn": progress.turn, "conversation": progress.conversation, "seq": so_far["seq"]}
    said: list[Event] = [{"kind": "state", "state": so_far["state"], "reason": so_far["reason"]}]
    said += [{"kind": "step", **step} for step in so_far["steps"]]
    said += [{"kind": "text", "text": so_far["text"], "anew": True}] if so_far["text"] else []
    said += [{"kind": "block", "n": n, "block": block} for n, block in enumerate(so_far["blocks"])]
    return [common | event for event in said]
