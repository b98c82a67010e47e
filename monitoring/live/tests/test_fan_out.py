"""The hub: one subscription per topic and process, each event encoded once, slow clients and faults kept apart."""

import asyncio
import threading

import pytest
from channels.layers import get_channel_layer

from aiops import metrics
from monitoring.live import hub as hub_module
from monitoring.live.hub import Hub, renderer
from monitoring.live.outbox import CAPACITY, STALLED, Outbox
from monitoring.live.publish import publish


class Client:
    """A socket that keeps what it is offered."""

    def __init__(self):
        self.got = asyncio.Queue()

    def offer(self, text):
        self.got.put_nowait(text)

    async def next(self):
        return await asyncio.wait_for(self.got.get(), 5)


@pytest.fixture
async def hub(live):
    hub = Hub()
    yield hub
    await hub.close()


async def watching(hub, *topics, count=1):
    clients = [Client() for _ in range(count)]
    for client in clients:
        hub.enter(client)
    await asyncio.gather(*(hub.watch(client, list(topics)) for client in clients))
    return clients if count > 1 else clients[0]


async def test_every_socket_of_the_topic_gets_the_event_and_no_other(hub):
    mine = await watching(hub, "resource:1", count=20)
    other = await watching(hub, "resource:2")
    publish("resource:1", {"cpu": 3})
    texts = {await client.next() for client in mine}
    assert len(texts) == 1
    assert '"topic":"resource:1"' in texts.pop()
    assert other.got.empty()


async def test_one_text_is_made_for_all_sockets(hub, monkeypatch):
    made = []
    encode = hub_module.encode
    monkeypatch.setattr(hub_module, "encode", lambda message: made.append(message) or encode(message))
    clients = await watching(hub, "fleet", count=50)
    publish("fleet", {})
    for client in clients:
        await client.next()
    assert len(made) == 1


async def test_sockets_that_come_at_once_share_one_subscription(hub):
    clients = await watching(hub, "fleet", "system", count=100)
    layer = get_channel_layer()
    assert {group: len(channels) for group, channels in layer.groups.items()} == {"live.fleet": 1, "live.system": 1}
    publish("fleet", {"n": 1})
    for client in clients:
        await client.next()
        assert client.got.empty()


async def test_a_topic_nobody_watches_is_left(hub):
    one, two = await watching(hub, "fleet", count=2)
    await hub.leave(one)
    assert hub.joined == {"fleet"}
    await hub.leave(two)
    assert hub.joined == set()
    assert get_channel_layer().groups == {}


async def test_events_of_a_worker_thread_arrive_in_their_order(hub):
    client = await watching(hub, "fleet")
    sender = threading.Thread(target=lambda: [publish("fleet", {"n": n}) for n in range(50)])
    sender.start()
    numbers = [await client.next() for _ in range(50)]
    sender.join()
    assert [f'"n":{n}}}' in text for n, text in enumerate(numbers)] == [True] * 50


async def test_the_hub_goes_on_after_its_subscription_broke(hub, monkeypatch):
    client = await watching(hub, "fleet")
    layer = get_channel_layer()
    receive, broken = layer.receive, []

    async def breaks_once(channel):
        if not broken:
            broken.append(channel)
            raise ConnectionError("the layer went away")
        return await receive(channel)

    monkeypatch.setattr(layer, "receive", breaks_once)
    publish("fleet", {"n": 1})
    await client.next()
    while not broken or hub.channel in (None, broken[0]) or hub.joined != {"fleet"}:
        await asyncio.sleep(0.01)
    publish("fleet", {"n": 2})
    assert '"n":2' in await client.next()


async def test_a_topic_that_cannot_be_joined_is_joined_later(hub, monkeypatch):
    layer = get_channel_layer()
    group_add, refused = layer.group_add, []

    async def refuses_once(group, channel):
        if not refused:
            refused.append(group)
            raise ConnectionError("not now")
        await group_add(group, channel)

    monkeypatch.setattr(layer, "group_add", refuses_once)
    client = await watching(hub, "fleet")
    while hub.joined != {"fleet"}:
        await asyncio.sleep(0.01)
    publish("fleet", {"n": 1})
    assert '"n":1' in await client.next()
    assert refused == ["live.fleet"]


async def test_a_renderer_replaces_the_data_once_for_all(hub):
    calls = []

    def render(topic, data):
        calls.append((topic, data, threading.current_thread().name))
        return {"points": data["n"] * 2}

    renderer("resource:", render)
    clients = await watching(hub, "resource:5", count=10)
    publish("resource:5", {"n": 21})
    assert {'"data":{"points":42}' in await client.next() for client in clients} == {True}
    assert [call[:2] for call in calls] == [("resource:5", {"n": 21})]
    assert calls[0][2].startswith("live")


async def test_nothing_is_rendered_where_nobody_watches(hub):
    calls = []
    renderer("resource:", lambda topic, data: calls.append(topic) or data)
    client = await watching(hub, "fleet")
    publish("resource:5", {})
    publish("fleet", {})
    await client.next()
    assert calls == []


async def test_a_renderer_that_returns_none_or_fails_sends_nothing_and_stops_nothing(hub):
    def render(topic, data):
        if data["n"] == 1:
            raise ValueError("cannot draw this")
        return None if data["n"] == 2 else data

    renderer("resource:", render)
    client = await watching(hub, "resource:5")
    faults = metrics.ERRORS.labels("live")._value.get()
    for n in (1, 2, 3):
        publish("resource:5", {"n": n})
    assert '"n":3' in await client.next()
    assert client.got.empty()
    assert metrics.ERRORS.labels("live")._value.get() == faults + 1


async def test_a_slow_renderer_does_not_hold_up_other_topics(hub):
    go_on = threading.Event()
    renderer("resource:", lambda topic, data: data if go_on.wait(5) else None)
    slow, quick = await watching(hub, "resource:1"), await watching(hub, "fleet")
    publish("resource:1", {"n": 1})
    publish("fleet", {"n": 2})
    assert '"n":2' in await quick.next()
    assert slow.got.empty()
    go_on.set()
    assert '"n":1' in await slow.next()


async def test_a_stalled_client_is_dropped_while_others_get_everything(hub):
    never, closed = asyncio.Event(), asyncio.Queue()

    async def stalls(text):
        await never.wait()

    async def close(code):
        closed.put_nowait(code)

    stalled = Outbox(stalls, close)
    hub.enter(stalled)
    await hub.watch(stalled, ["fleet"])
    others = await watching(hub, "fleet", count=3)
    events = CAPACITY + 10
    for n in range(events):
        publish("fleet", {"n": n})
        for client in others:
            assert f'"n":{n}' in await client.next()
    assert await asyncio.wait_for(closed.get(), 5) == STALLED


async def test_a_failed_publish_is_counted_and_never_raised(live, monkeypatch):
    from monitoring.live import publish as publish_module

    async def refuses(group, message):
        raise ConnectionError("no layer")

    monkeypatch.setattr(get_channel_layer(), "group_send", refuses)
    before = publish_module.FAILED._value.get()
    publish("fleet", {})
    while publish_module._pending:
        await asyncio.sleep(0.01)
    assert publish_module.FAILED._value.get() == before + 1


async def test_events_are_given_up_when_too_many_wait(live, monkeypatch):
    from monitoring.live import publish as publish_module

    monkeypatch.setattr(publish_module, "MOST_PENDING", 0)
    before = publish_module.FAILED._value.get()
    publish_module.publish_many([("fleet", {}), ("system", {})])
    assert publish_module.FAILED._value.get() == before + 2
