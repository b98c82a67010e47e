"""A body is waited for without a thread, measured, and acted on only when it is whole."""

import asyncio
import json

import pytest

from aiops.arrival import SMALL, Arrival

KB = 1024


class Sender:
    """What uvicorn gives an application: messages that come in, and those that went out."""

    def __init__(self, *messages):
        self.messages, self.sent = list(messages), []

    async def receive(self):
        if not self.messages:
            await asyncio.sleep(3600)
        return self.messages.pop(0)

    async def send(self, message):
        self.sent.append(message)

    @property
    def status(self):
        return self.sent[0]["status"] if self.sent else None

    @property
    def sentence(self):
        return json.loads(self.sent[1]["body"])["error"]


def part(content, more=True):
    return {"type": "http.request", "body": content, "more_body": more}


class Application:
    def __init__(self):
        self.bodies, self.lengths = [], []

    async def __call__(self, scope, receive, send):
        self.lengths.append(dict(scope["headers"]).get(b"content-length"))
        self.bodies.append((await receive())["body"])


@pytest.fixture
def app():
    return Application()


async def deliver(arrival, sender, *headers):
    await arrival({"type": "http", "headers": list(headers)}, sender.receive, sender.send)


CHUNKED, LENGTH = (b"transfer-encoding", b"chunked"), (b"content-length", b"9")


async def test_the_parts_arrive_as_one_body(app):
    await deliver(Arrival(app, 100), Sender(part(b"one "), part(b"two"), part(b"", False)), LENGTH)
    assert app.bodies == [b"one two"]


async def test_a_chunked_body_gets_its_length(app):
    await deliver(Arrival(app, 100), Sender(part(b"one "), part(b"two", False)), CHUNKED)
    assert (app.bodies, app.lengths) == ([b"one two"], [b"7"])


async def test_without_a_body_nothing_is_waited_for(app):
    await deliver(Arrival(app, 100), Sender(part(b"", False)))
    assert app.lengths == [None]


async def test_a_sender_that_dawdles_reaches_no_application(app):
    sender = Sender(part(b"login="))
    await deliver(Arrival(app, 100, patience=0.05), sender, LENGTH)
    assert (sender.status, app.bodies) == (408, [])


async def test_half_a_body_is_not_acted_on(app):
    sender = Sender(part(b"enabled="), {"type": "http.disconnect"})
    await deliver(Arrival(app, 100), sender, LENGTH)
    assert (sender.sent, app.bodies) == ([], [])


@pytest.mark.parametrize("headers", [(b"content-length", b"101"), CHUNKED])
async def test_a_body_that_is_too_large_is_refused(app, headers):
    sender = Sender(part(b"x" * 101), part(b"", False))
    await deliver(Arrival(app, 100), sender, headers)
    assert (sender.status, app.bodies) == (413, [])
    assert sender.sentence == "The request is larger than this installation accepts."


async def test_a_crowd_of_large_bodies_keeps_no_form_out(app):
    arrival = Arrival(app, 10 * SMALL, room=3 * SMALL)
    held = asyncio.create_task(deliver(arrival, Sender(part(b"x" * 2 * SMALL)), CHUNKED))
    while not arrival.taken:
        await asyncio.sleep(0)
    large, form = Sender(part(b"x" * 2 * SMALL), part(b"x", False)), Sender(part(b"name=a", False))
    await deliver(arrival, large, CHUNKED)
    await deliver(arrival, form, CHUNKED)
    assert (large.status, dict(large.sent[0]["headers"])[b"retry-after"]) == (503, b"5")
    assert app.bodies == [b"name=a"]
    held.cancel()
    await asyncio.gather(held, return_exceptions=True)
    assert arrival.taken == 0
