"""The one way to the browsers: publish an event to a topic, from any thread of any process.

Live updates are a comfort on top of pages that are right without them: a publish that fails is counted, never raised.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from channels.layers import get_channel_layer
from django.db import transaction
from prometheus_client import Counter

from aiops import layers

PUBLISHED = Counter("aiops_live_published", "Events handed to the channel layer")
FAILED = Counter("aiops_live_publish_failed", "Events that the channel layer did not take")
SEND_TIMEOUT = 5.0  # seconds
MOST_PENDING = 1000  # events on their way to a layer that does not answer; more are given up
log = logging.getLogger(__name__)
_pending: set["Future[None]"] = set()


def group_of(topic: str) -> str:
    """Channel layers allow no colon in a group's name."""
    return "live." + topic.replace(":", ".")


def publish(topic: str, payload: Mapping[str, Any]) -> None:
    publish_many([(topic, payload)])


def publish_many(events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Returns at once; the events go out in this order. Payloads must be what JSON can say."""
    now = int(time.time() * 1000)
    messages = [{"type": "live.event", "topic": topic, "t": now, "data": dict(payload)} for topic, payload in events]
    if not messages:
        return
    if len(_pending) >= MOST_PENDING:
        FAILED.inc(len(messages))
        return
    try:
        sending = layers.submit(_send(messages))
    except RuntimeError:  # the server's loop has just been closed
        FAILED.inc(len(messages))
        return
    _pending.add(sending)
    sending.add_done_callback(partial(_done, len(messages)))


def publish_on_commit(topic: str, payload: Mapping[str, Any]) -> None:
    """For callers inside a transaction: browsers that hear of a change must be able to read it."""
    transaction.on_commit(partial(publish, topic, payload))


async def _send(messages: list[dict[str, Any]]) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(SEND_TIMEOUT):
        for message in messages:
            await layer.group_send(group_of(message["topic"]), message)


def _done(count: int, sending: "Future[None]") -> None:
    _pending.discard(sending)
    fault = None if sending.cancelled() else sending.exception()
    if sending.cancelled() or fault:
        FAILED.inc(count)
        log.warning("%d live events were not published: %s", count, fault or "cancelled")
    else:
        PUBLISHED.inc(count)


def flush(timeout: float = 2.0) -> None:
    """Waits until what was published has gone out; for processes about to end."""
    deadline = time.monotonic() + timeout
    for sending in list(_pending):
        try:
            sending.exception(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, CancelledError):
            continue
