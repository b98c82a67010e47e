"""Requests that may take long pass a few at a time; who goes away is not waited for."""

import asyncio
import json

import pytest

from aiops.turnstile import GONE, Turnstile

END = {"type": "http.request", "body": b"a=1", "more_body": False}


class Client:
    """What uvicorn gives an application: the body, then silence until the client leaves."""

    def __init__(self):
        self.messages, self.left, self.sent = [dict(END)], asyncio.Event(), []

    async def receive(self):
        if self.messages:
            return self.messages.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)


class Application:
    """Answers when it is told to."""

    def __init__(self):
        self.inside, self.most, self.bodies, self.scopes = 0, 0, [], []
        self.open = asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.bodies.append((await receive())["body"])
        await self.open.wait()
        self.inside -= 1
        await send({"type": "http.response.start", "status": 200})


def enter(turnstile, client, path="/heavy/x"):
    return asyncio.create_task(turnstile({"type": "http", "path": path}, client.receive, client.send))


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def run(scenario):
    asyncio.run(scenario())


def test_no_more_than_the_number_are_inside_and_all_get_through():
    async def scenario():
        app = Application()
        turnstile, clients = Turnstile(app, ("/heavy/",), at_once=2), [Client() for _ in range(5)]
        tasks = [enter(turnstile, client) for client in clients]
        await settle()
        assert app.inside == 2
        app.open.set()
        await asyncio.gather(*tasks)
        assert (app.most, app.bodies) == (2, [b"a=1"] * 5)
        assert all(client.sent[0]["status"] == 200 for client in clients)

    run(scenario)


def test_other_paths_do_not_wait():
    async def scenario():
        app = Application()
        turnstile = Turnstile(app, ("/heavy/",), at_once=1)
        tasks = [enter(turnstile, Client()), *(enter(turnstile, Client(), "/light") for _ in range(3))]
        await settle()
        assert app.inside == 4
        app.open.set()
        await asyncio.gather(*tasks)

    run(scenario)


@pytest.mark.parametrize(("waiting", "patience"), [(0, 60.0), (5, 0.01)])
def test_who_would_wait_too_long_is_told_to_come_back(waiting, patience):
    async def scenario():
        app = Application()
        turnstile = Turnstile(app, ("/heavy/",), at_once=1, most_waiting=waiting, patience=patience)
        first, second = Client(), Client()
        inside = enter(turnstile, first)
        await settle()
        await enter(turnstile, second)
        start, body = second.sent
        assert (start["status"], dict(start["headers"])[b"retry-after"]) == (503, b"5")
        assert json.loads(body["body"])["errorType"] == "unavailable"
        app.open.set()
        await inside
        third = Client()
        await enter(turnstile, third)
        assert third.sent[0]["status"] == 200

    run(scenario)


def test_who_leaves_while_waiting_is_not_let_in_and_keeps_no_place():
    async def scenario():
        app = Application()
        turnstile, inside, leaver, patient = Turnstile(app, ("/heavy/",), at_once=1), Client(), Client(), Client()
        tasks = [enter(turnstile, client) for client in (inside, leaver, patient)]
        await settle()
        leaver.left.set()
        await tasks[1]
        assert leaver.sent == []
        app.open.set()
        await asyncio.gather(*tasks)
        assert len(app.bodies) == 2
        assert turnstile.waiting == 0
        assert patient.sent[0]["status"] == 200

    run(scenario)


def test_who_leaves_while_inside_is_known_to_have_left():
    async def scenario():
        app, client = Application(), Client()
        task = enter(Turnstile(app, ("/heavy/",), at_once=1), client)
        await settle()
        assert not app.scopes[0][GONE].is_set()
        client.left.set()
        await settle()
        assert app.scopes[0][GONE].is_set()
        app.open.set()
        await task

    run(scenario)


def test_a_fault_inside_frees_the_place():
    async def scenario():
        async def failing(scope, receive, send):
            raise RuntimeError

        turnstile = Turnstile(failing, ("/heavy/",), at_once=1)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await enter(turnstile, Client())

    run(scenario)
