"""Celery's in-memory broker hands a message over when it comes, and looks no oftener."""

import threading
import time

import pytest
from kombu import Connection, Consumer, Producer, Queue

from aiops import broker

pytestmark = pytest.mark.once


@pytest.fixture
def connection():
    with Connection(transport="aiops.broker:Transport") as made:
        yield made
        made.transport.Channel.queues.pop("waited-for", None)


def test_a_message_ends_the_wait(connection, monkeypatch):
    monkeypatch.setattr(broker, "LOOK", 20.0)
    got, queue = [], Queue("waited-for")
    with Consumer(connection, [queue], callbacks=[lambda body, message: (got.append(body), message.ack())]):
        sender = Producer(connection.channel(), routing_key="waited-for")
        threading.Timer(0.1, lambda: sender.publish({"n": 1}, declare=[queue])).start()
        begun = time.monotonic()
        connection.drain_events(timeout=20)
    assert got == [{"n": 1}]
    assert time.monotonic() - begun < 15


def test_what_was_put_before_is_there_at_once(connection):
    got, queue = [], Queue("waited-for")
    Producer(connection.channel(), routing_key="waited-for").publish({"n": 2}, declare=[queue])
    with Consumer(connection, [queue], callbacks=[lambda body, message: (got.append(body), message.ack())]):
        connection.drain_events(timeout=5)
    assert got == [{"n": 2}]


def test_nothing_comes_in_time(connection):
    with Consumer(connection, [Queue("waited-for")], callbacks=[print]), pytest.raises(TimeoutError):
        connection.drain_events(timeout=0.05)


def test_a_worker_that_may_take_more_again_is_given_what_waits(connection, monkeypatch):
    monkeypatch.setattr(broker, "LOOK", 20.0)
    got, queue = [], Queue("waited-for")
    sender = Producer(connection.channel(), routing_key="waited-for")
    for n in (1, 2):
        sender.publish({"n": n}, declare=[queue])
    with Consumer(connection, [queue], callbacks=[lambda body, message: got.append(message)], prefetch_count=1):
        connection.drain_events(timeout=5)
        threading.Timer(0.1, got[0].ack).start()
        begun = time.monotonic()
        connection.drain_events(timeout=20)
    assert len(got) == 2
    assert time.monotonic() - begun < 15
