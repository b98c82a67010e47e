"""Websockets without a server: the consumer in this loop, cookies and tokens as a browser and a program send them."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers
from django.db import connections

from aiops import layers
from monitoring.live import hub, threads
from monitoring.live.consumers import Metrics

ORIGIN = (b"origin", b"http://testserver")
HOST = (b"host", b"testserver")


class Browser(ApplicationCommunicator):
    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        scope = {"type": "websocket", "path": "/ws/metrics", "query_string": b"", "headers": [HOST, *headers], "subprotocols": []}
        super().__init__(Metrics.as_asgi(), scope)

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output(5))["type"] == "websocket.accept"

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1005})
        await self.wait(5)

    async def say(self, **message: Any) -> None:
        await self.send_input({"type": "websocket.receive", **message})

    async def says(self, kind: str) -> dict[str, Any]:
        """The next message of a kind; others in between are passed over."""
        while True:
            output = await self.receive_output(5)
            assert output["type"] == "websocket.send", output
            message = json.loads(output["text"])
            if message["type"] == kind:
                return message

    async def ask(self, **command: Any) -> None:
        await self.say(text=json.dumps(command))

    async def subscribe(self, *topics: str) -> dict[str, Any]:
        await self.ask(op="subscribe", topics=list(topics))
        return await self.says("subscribed")

    async def close_code(self) -> int:
        while True:
            message = await self.receive_output(5)
            if message["type"] == "websocket.close":
                return message.get("code", 1000)


def cookie(client: Any) -> tuple[bytes, bytes]:
    return (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())


def bearer(token: str) -> tuple[bytes, bytes]:
    return (b"authorization", f"Bearer {token}".encode())


@pytest_asyncio.fixture
async def live(settings: Any) -> AsyncIterator[None]:
    """This loop is the server's: the layer lives here and the hub is closed at the end."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "aiops.layers.BridgedInMemoryLayer"}}
    channel_layers.backends.clear()
    layers.serve_on(asyncio.get_running_loop())
    yield
    await hub.current().close()
    await asyncio.to_thread(threads.close, wait=True)
    await sync_to_async(connections.close_all)()  # or the test database cannot be dropped
    gc.collect()  # the ended threads' connections
    layers.serve_on(None)
    channel_layers.backends.clear()


@pytest_asyncio.fixture
async def open_browser(live: None) -> AsyncIterator[Callable[..., Awaitable[Browser]]]:
    opened: list[Browser] = []

    async def open_one(*headers: tuple[bytes, bytes]) -> Browser:
        browser = Browser(*headers)
        opened.append(browser)
        assert await browser.connect()
        return browser

    yield open_one
    for browser in opened:
        await browser.disconnect()
