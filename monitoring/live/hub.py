"""One hub per process: it subscribes to the channel layer once, encodes each event once and hands it to its topic's sockets.

A room to the right may register a renderer for topics with a prefix: it runs in a thread, once per event and process and
only while somebody here watches the topic, and its result replaces the event's data.
"""

import asyncio
import logging
import random
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import orjson
from channels.layers import get_channel_layer

from aiops import metrics
from monitoring.live import threads
from monitoring.live.publish import group_of

HEARTBEAT = 15.0  # seconds
LONGEST_PAUSE = 5.0  # seconds between attempts to subscribe again
WAITING_EVENTS = 8  # per rendered topic; a renderer that is slower than its topic loses the oldest
Renderer = Callable[[str, dict[str, Any]], dict[str, Any] | None]
Event = dict[str, Any]
log = logging.getLogger(__name__)
_renderers: dict[str, Renderer] = {}


class Socket(Protocol):
    def offer(self, text: str) -> None: ...


def renderer(prefix: str, function: Renderer) -> None:
    """`function(topic, data)` returns what the browsers get in place of data; None sends nothing."""
    _renderers[prefix] = function


def renderer_of(topic: str) -> Renderer | None:
    return next((function for prefix, function in _renderers.items() if topic.startswith(prefix)), None)


def encode(message: dict[str, Any]) -> str:
    return orjson.dumps(message, option=orjson.OPT_NON_STR_KEYS).decode()


class Hub:
    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self.topics: dict[str, set[Socket]] = {}  # wanted here
        self.joined: set[str] = set()  # subscribed to at the layer
        self.channel: str | None = None
        self.lock = asyncio.Lock()
        self.tasks: list[asyncio.Task[None]] = []
        self.waiting: dict[str, deque[Event]] = {}  # per rendered topic, while its renderer is at work
        self.rendering: set[asyncio.Task[None]] = set()

    # -- who watches what ------------------------------------------------------------------------------------------------
    def enter(self, socket: Socket) -> None:
        self.sockets.add(socket)
        if not self.tasks:
            self.tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._beat())]

    async def leave(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        await self.forget(socket, [topic for topic, watching in self.topics.items() if socket in watching])

    async def watch(self, socket: Socket, topics: list[str]) -> None:
        for topic in topics:
            self.topics.setdefault(topic, set()).add(socket)
        await self._settle()

    async def forget(self, socket: Socket, topics: list[str]) -> None:
        for topic in topics:
            watching = self.topics.get(topic, set())
            watching.discard(socket)
            if not watching:
                self.topics.pop(topic, None)
        await self._settle()

    async def _settle(self) -> None:
        """Brings the layer's groups in line with the topics wanted; what fails is done again by the receiving task."""
        if self.channel is not None and self.joined == self.topics.keys():
            return
        try:
            await self._join_and_discard()
        except Exception as fault:
            self._note(fault)
            self._restart()

    async def _join_and_discard(self) -> None:
        layer = get_channel_layer()
        async with self.lock:  # sockets come and go at the same time: each topic is joined once, on one channel
            if self.channel is None:
                self.channel, self.joined = await layer.new_channel("hub"), set()
            for topic in self.topics.keys() - self.joined:
                await layer.group_add(group_of(topic), self.channel)
                self.joined.add(topic)
            for topic in self.joined - self.topics.keys():
                await layer.group_discard(group_of(topic), self.channel)
                self.joined.discard(topic)

    # -- events ----------------------------------------------------------------------------------------------------------
    async def _receive(self) -> None:
        """Never ends by itself: after a fault it subscribes anew, with a growing pause."""
        pause = 0.1
        while True:
            try:
                await self._join_and_discard()
                pause = 0.1
                await self._listen()
            except Exception as fault:
                self._note(fault)
                self.channel = None
                await asyncio.sleep(random.uniform(0.5, 1.0) * pause)  # noqa: S311
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self) -> None:
        layer, channel = get_channel_layer(), self.channel
        while True:
            self._take(await layer.receive(channel))

    def _restart(self) -> None:
        """A topic could not be joined: the receiving task drops its channel and starts over."""
        if self.tasks:
            self.tasks[0].cancel()
            self.channel = None
            self.tasks[0] = asyncio.create_task(self._receive())

    def _take(self, event: Event) -> None:
        topic = event["topic"]
        if topic not in self.topics:
            return
        render = renderer_of(topic)
        if render is None:
            self._send(event)
        elif topic in self.waiting:
            self.waiting[topic].append(event)
        else:
            self.waiting[topic] = deque([event], WAITING_EVENTS)
            task = asyncio.create_task(self._render(topic, render))
            self.rendering.add(task)
            task.add_done_callback(self.rendering.discard)

    async def _render(self, topic: str, render: Renderer) -> None:
        """One topic's events in order, one at a time; other topics do not wait for it."""
        queue = self.waiting[topic]
        while queue and topic in self.topics:
            event = queue.popleft()
            try:
                data = await threads.run(render, topic, event["data"])
            except Exception as fault:
                self._note(fault)
                continue
            if data is not None:
                self._send({**event, "data": data})
        del self.waiting[topic]

    def _send(self, event: Event) -> None:
        text = encode({"type": "event", "topic": event["topic"], "t": event["t"], "data": event["data"]})
        for socket in tuple(self.topics.get(event["topic"], ())):
            socket.offer(text)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            text = encode({"type": "heartbeat", "t": int(time.time() * 1000)})
            for socket in tuple(self.sockets):
                socket.offer(text)

    def _note(self, fault: Exception) -> None:
        metrics.ERRORS.labels("live").inc()
        log.warning("the live hub had a fault and goes on: %s: %s", type(fault).__name__, fault)

    async def close(self) -> None:
        tasks = [*self.tasks, *self.rendering]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.tasks = []


_hubs: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = weakref.WeakKeyDictionary()


def current() -> Hub:
    """The hub of the running loop; a process serves on one loop, so it has one hub."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
