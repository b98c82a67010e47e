"""Websockets without a server: the consumer in this loop, cookies and tokens as a browser and a program send them."""

import asyncio
import gc
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings as configured
from django.db import connections

from aiops import layers, server
from monitoring.live import hub, routing, threads
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


@pytest.fixture(autouse=True)
def _no_renderers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rooms to the right registered is theirs to test."""
    monkeypatch.setattr(hub, "_renderers", {})


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


PAGE = b"""<!doctype html><title>Live</title><script src="/live.js"></script><script>
var states = [], events = [];
document.addEventListener("live:state", (e) => states.push(e.detail.state));
Live.subscribe("fleet", (data, message) => events.push([message.topic, data.n]));
</script>"""
FILES = {
    "/page": (b"text/html", PAGE),
    "/live.js": (b"text/javascript", (Path(configured.BASE_DIR) / "static" / "js" / "live.js").read_bytes()),
}


async def files(scope: Any, receive: Any, send: Any) -> None:
    kind, body = FILES.get(scope["path"], (b"text/plain", b""))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body})


class Served:
    """uvicorn with the project's options, a page and the live room's routes, in a thread with its own loop."""

    def __init__(self, port: int = 0) -> None:
        self.listener = server.listen("127.0.0.1", port)
        self.port = self.listener.getsockname()[1]
        application = ProtocolTypeRouter({"http": files, "websocket": URLRouter(routing.urlpatterns)})
        options = {**server.options("127.0.0.1", 0), "lifespan": "off"}
        self.uvicorn = uvicorn.Server(uvicorn.Config(application, **options))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        async def serve() -> None:
            layers.serve_on(asyncio.get_running_loop())
            await self.uvicorn.serve([self.listener])
            await hub.current().close()

        asyncio.run(serve())
        threads.close(wait=True)

    def stop(self) -> None:
        self.uvicorn.should_exit = True
        self.thread.join(10)
        layers.serve_on(None)


@pytest.fixture
def served(transactional_db: None, settings: Any) -> Iterator[Served]:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "aiops.layers.BridgedInMemoryLayer"}}
    channel_layers.backends.clear()
    served = Served()
    yield served
    served.stop()
    channel_layers.backends.clear()
