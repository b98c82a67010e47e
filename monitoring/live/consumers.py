"""/ws/metrics and /ws/alerts: who may watch which topic, and the little protocol spoken on the socket.

Client: {"op": "subscribe" | "unsubscribe", "topics": [...]}, {"op": "ping"}. Server: hello, subscribed, event, heartbeat,
pong, error. Close codes: 4401 signed out, 4408 too slow, 4429 too many messages or sockets, 1013 an outage: try again later.
"""

import asyncio
import random
import time
from collections import Counter
from typing import Any

import msgspec
from channels.generic.websocket import AsyncWebsocketConsumer

from accounts.permissions import can
from aiops import metrics
from aiops.errors import is_outage
from monitoring.live import hub, threads, topics
from monitoring.live.outbox import Outbox
from monitoring.live.visitor import Visitor, acceptable_origin

SIGNED_OUT, FLOOD, TRY_LATER = 4401, 4429, 1013
RECHECK = 20.0, 30.0  # seconds, drawn between: with a token remembered for 30 s, a lost right ends within a minute
MOST_TOPICS = 100
MOST_SOCKETS = 200  # of one person in one process: a wall of screens with one token, but no flood
MESSAGES_PER_SECOND, BURST = 10.0, 50.0
LONGEST_MESSAGE = 16 * 1024


class Command(msgspec.Struct):
    op: str
    topics: list[str] = []


_sockets: Counter[int] = Counter()  # open ones by person

decode = msgspec.json.Decoder(Command).decode


class Metrics(AsyncWebsocketConsumer):
    channel_layer_alias = None  # the hub subscribes for all sockets
    at_once: tuple[str, ...] = ()  # topics that need not be asked for

    async def connect(self) -> None:
        self.visitor = Visitor(self.scope)
        self.watching: set[str] = set()
        self.outbox: Outbox | None = None
        self.allowance, self.heard_at = BURST, time.monotonic()
        if not acceptable_origin(self.visitor):
            await self.close()
            return
        reason = await self._reason_to_refuse()
        await self.accept()
        if reason:
            await self.close(reason)  # said after accepting: before it, a browser learns nothing
            return
        _sockets[self.person] += 1
        self.outbox = Outbox(self.send, self._hang_up)
        self.guard = asyncio.create_task(self._recheck())
        self.hub = hub.current()
        self.hub.enter(self.outbox)
        metrics.SOCKETS.inc()
        self._say({"type": "hello", "heartbeat": int(hub.HEARTBEAT)})
        if self.at_once:
            await self._subscribe(list(self.at_once))

    async def _reason_to_refuse(self) -> int | None:
        try:
            self.actor = await threads.run(self.visitor.identify)
        except Exception as fault:
            if not is_outage(fault):
                raise
            metrics.ERRORS.labels("live").inc()
            return TRY_LATER
        if not self.actor or not self.actor.is_active:
            return SIGNED_OUT
        self.person = getattr(self.actor, "user", self.actor).pk
        return FLOOD if _sockets[self.person] >= MOST_SOCKETS else None

    async def disconnect(self, code: int) -> None:
        if self.outbox is None:
            return
        metrics.SOCKETS.dec()
        _sockets[self.person] -= 1
        self.guard.cancel()
        self.outbox.gone()
        await self.hub.leave(self.outbox)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.outbox is None:
            return
        if not self._within_limits():
            self.outbox.end(FLOOD)
            return
        if text_data is None or len(text_data) > LONGEST_MESSAGE:
            self._refuse("A message is JSON text of at most 16 KB.")
            return
        try:
            command = decode(text_data)
        except (msgspec.DecodeError, RecursionError) as fault:
            self._refuse(f"The message cannot be read: {fault}.")
            return
        await self._obey(command)

    async def _obey(self, command: Command) -> None:
        if command.op == "subscribe":
            await self._subscribe(command.topics)
        elif command.op == "unsubscribe":
            await self._unsubscribe(command.topics)
        elif command.op == "ping":
            self._say({"type": "pong", "t": int(time.time() * 1000)})
        else:
            self._refuse("The op is subscribe, unsubscribe or ping.")

    async def _subscribe(self, wanted: list[str]) -> None:
        if len(self.watching | set(wanted)) > MOST_TOPICS:
            self._refuse(f"One socket watches at most {MOST_TOPICS} topics.")
            return
        allowed = [topic for topic in wanted if self._may_watch(topic)]
        await self._watch(allowed)
        self._say({"type": "subscribed", "topics": sorted(self.watching), "denied": [t for t in wanted if t not in self.watching]})

    async def _watch(self, allowed: list[str]) -> None:
        assert self.outbox is not None
        self.watching.update(allowed)
        await self.hub.watch(self.outbox, allowed)

    async def _unsubscribe(self, unwanted: list[str]) -> None:
        assert self.outbox is not None
        left = [topic for topic in unwanted if topic in self.watching]
        self.watching.difference_update(left)
        await self.hub.forget(self.outbox, left)
        self._say({"type": "subscribed", "topics": sorted(self.watching), "denied": []})

    def _may_watch(self, topic: str) -> bool:
        permission = topics.permission_of(topic)
        return permission is not None and can(self.actor, permission) and topics.owner_of(topic) in (None, self.person)

    async def _recheck(self) -> None:
        """Asks again who this is: signed out, deactivated, another role, token revoked."""
        while True:
            await asyncio.sleep(random.uniform(*RECHECK))  # noqa: S311
            try:
                await self.recheck()
            except Exception as fault:
                if not is_outage(fault):
                    raise
                metrics.ERRORS.labels("live").inc()  # an outage ends no session; the next round asks again

    async def recheck(self) -> None:
        assert self.outbox is not None
        self.actor = await threads.run(self.visitor.identify)
        if self.actor is None or not self.actor.is_active:
            self.outbox.end(SIGNED_OUT)
            return
        lost = [topic for topic in self.watching if not self._may_watch(topic)]
        if lost:
            self.watching.difference_update(lost)
            await self.hub.forget(self.outbox, lost)
            self._say({"type": "subscribed", "topics": sorted(self.watching), "denied": sorted(lost)})

    def _within_limits(self) -> bool:
        now = time.monotonic()
        self.allowance = min(BURST, self.allowance + (now - self.heard_at) * MESSAGES_PER_SECOND)
        self.heard_at = now
        self.allowance -= 1
        return self.allowance >= 0

    def _say(self, message: dict[str, Any]) -> None:
        assert self.outbox is not None
        self.outbox.offer(hub.encode(message))

    def _refuse(self, sentence: str) -> None:
        self._say({"type": "error", "error": sentence})

    async def _hang_up(self, code: int) -> None:
        """A client that reads nothing does not read the close either: after a moment its connection is cut."""
        try:
            async with asyncio.timeout(2):
                await self.close(code)
        except TimeoutError:
            transport = getattr(getattr(self.base_send, "__self__", None), "transport", None)
            if transport is not None:
                transport.abort()


class Alerts(Metrics):
    """For programs that want alerts and nothing else: watches them from the first moment."""

    at_once = ("alerts", "incidents")
