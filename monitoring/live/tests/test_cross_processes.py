"""Several processes share one Redis; a real server drops the client that does not read."""

import asyncio
import json
import socket
import sys
import threading

import pytest
import websockets
from channels.layers import channel_layers, get_channel_layer
from django.conf import settings as configured

from aiops import layers
from monitoring.live.hub import Hub
from monitoring.live.publish import group_of, publish
from monitoring.live.tests.test_fan_out import Client

redis_only = pytest.mark.skipif(not configured.REDIS_URL, reason="REDIS_URL is not set")


@pytest.fixture
async def shared(settings):
    """This loop's layer is on Redis, under a prefix of its own."""
    config = {"hosts": [configured.REDIS_URL], "prefix": f"test{id(settings)}"}
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": config}}
    channel_layers.backends.clear()
    layers.serve_on(asyncio.get_running_loop())
    yield config
    await get_channel_layer().flush()
    layers.serve_on(None)
    channel_layers.backends.clear()


@pytest.fixture
async def hub(shared):
    hub = Hub()
    yield hub
    await hub.close()


SENDER = """
import asyncio, json, sys
from channels_redis.pubsub import RedisPubSubChannelLayer

async def send(config, group, message):
    layer = RedisPubSubChannelLayer(**config)
    await layer.group_send(group, message)
    await layer.flush()

asyncio.run(send(*map(json.loads, sys.argv[1:])))
"""


@redis_only
async def test_an_event_of_another_process_arrives(hub, shared):
    client = Client()
    hub.enter(client)
    await hub.watch(client, ["resource:1"])
    message = {"type": "live.event", "topic": "resource:1", "t": 1, "data": {"n": 1}}
    arguments = [json.dumps(part) for part in (shared, group_of("resource:1"), message)]
    sender = await asyncio.create_subprocess_exec(sys.executable, "-c", SENDER, *arguments)
    assert await sender.wait() == 0
    assert json.loads(await client.next()) == {"type": "event", "topic": "resource:1", "t": 1, "data": {"n": 1}}


@redis_only
async def test_events_of_a_worker_thread_arrive_in_their_order(hub):
    client = Client()
    hub.enter(client)
    await hub.watch(client, ["fleet"])
    threading.Thread(target=lambda: [publish("fleet", {"n": n}) for n in range(50)]).start()
    assert [json.loads(await client.next())["data"]["n"] for _ in range(50)] == list(range(50))


def stalled_client(port, token):
    """Subscribes and then reads nothing more; its receive buffer is small, so that the server notices soon."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(
        f"GET /ws/metrics HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    while b"hello" not in client.recv(1024):
        pass
    command = b'{"op":"subscribe","topics":["fleet"]}'
    client.sendall(bytes([0x81, 0x80 | len(command), 0, 0, 0, 0]) + command)
    return client


def test_a_client_that_does_not_read_is_cut_off_and_the_others_get_everything(served, operator, token_of):
    token = token_of(operator, "monitoring:read")
    asyncio.run(watch_beside_a_stalled_client(served, token))


async def watch_beside_a_stalled_client(served, token):
    url, headers = f"ws://127.0.0.1:{served.port}/ws/metrics", {"Authorization": f"Bearer {token}"}
    async with websockets.connect(url, additional_headers=headers) as healthy:
        await healthy.recv()
        await healthy.send('{"op":"subscribe","topics":["fleet"]}')
        await healthy.recv()
        stalled = await asyncio.to_thread(stalled_client, served.port, token)
        await until(lambda: len(served.uvicorn.server_state.connections) == 2)
        filler = "x" * 20_000
        for n in range(400):
            publish("fleet", {"n": n, "filler": filler})
            assert json.loads(await asyncio.wait_for(healthy.recv(), 5))["data"]["n"] == n
        await until(lambda: len(served.uvicorn.server_state.connections) == 1)
        stalled.close()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)
