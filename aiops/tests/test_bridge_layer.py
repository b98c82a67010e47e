"""The in-memory layer is used from threads and loops that are not its own."""

import asyncio
import threading

import pytest

from aiops import layers
from aiops.layers import BridgedInMemoryLayer


@pytest.fixture
async def layer():
    layers.serve_on(asyncio.get_running_loop())
    yield BridgedInMemoryLayer(capacity=1000)
    layers.serve_on(None)


async def test_a_message_from_another_loop_arrives_at_once(layer):
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    sender = threading.Thread(target=lambda: asyncio.run(layer.group_send("g", {"n": 1})))
    sender.start()
    assert await asyncio.wait_for(layer.receive(channel), 5) == {"n": 1}
    await asyncio.to_thread(sender.join)


async def test_many_threads_lose_nothing(layer):
    channel = await layer.new_channel()
    await layer.group_add("g", channel)

    def send(thread):
        for n in range(50):
            layers.submit(layer.group_send("g", {"from": thread, "n": n})).result(5)

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    got = [await asyncio.wait_for(layer.receive(channel), 5) for _ in range(400)]
    for thread in range(8):
        assert [message["n"] for message in got if message["from"] == thread] == list(range(50))


async def test_a_member_is_not_forgotten_with_time(layer, monkeypatch):
    channel = await layer.new_channel()
    await layer.group_add("g", channel)
    layer.groups["g"][channel] -= 10 * 86400
    await layer.group_send("g", {"n": 1})
    assert await asyncio.wait_for(layer.receive(channel), 5) == {"n": 1}


def test_a_process_without_a_server_has_a_loop_of_its_own():
    layers.serve_on(None)

    async def where():
        return threading.current_thread().name

    assert layers.submit(where()).result(5) == "channel-layer"
    layers.home().call_soon_threadsafe(layers.home().stop)
    layers.serve_on(None)
