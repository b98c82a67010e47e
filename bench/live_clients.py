"""Many websocket clients in one process: prints "ready", then for each event the milliseconds until the slowest had it."""

import asyncio
import json
import sys
import time
from collections import defaultdict

import websockets

arrivals: dict[float, list[float]] = defaultdict(list)


async def client(url: str, token: str, events: int, subscribed: asyncio.Semaphore) -> None:
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {token}"}, compression=None) as socket:
        await socket.recv()
        await socket.send('{"op":"subscribe","topics":["fleet"]}')
        await socket.recv()
        subscribed.release()
        while events:
            message = await socket.recv()
            now = time.time()
            data = json.loads(message).get("data", {})
            if "at" in data:
                arrivals[data["at"]].append((now - data["at"]) * 1000)
                events -= 1


async def main(url: str, token: str, clients: int, events: int) -> None:
    subscribed = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(client(url, token, events, subscribed)) for _ in range(clients)]
    for _ in tasks:
        await subscribed.acquire()
    print("ready", flush=True)
    await asyncio.gather(*tasks)
    assert all(len(times) == clients for times in arrivals.values())
    print(json.dumps([max(times) for times in arrivals.values()]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
