"""Many websocket clients in one process: prints "ready", then for each alert when the last of them heard of it, seconds."""

import asyncio
import json
import sys
import time

import websockets


async def client(url: str, token: str, alerts: int, subscribed: asyncio.Semaphore) -> dict[int, float]:
    """When it heard of each alert first; alerts are numbered in their summaries: h0, h1 …"""
    heard: dict[int, float] = {}
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {token}"}, compression=None) as socket:
        await socket.recv()  # hello
        await socket.recv()  # subscribed
        subscribed.release()
        while len(heard) < alerts:
            message = json.loads(await socket.recv())
            now = time.time()
            for alert in message.get("data", {}).get("alerts", ()):
                if alert["name"] == "Arrived" and alert["state"] == "firing":
                    heard.setdefault(int(alert["summary"].removeprefix("h")), now)
    return heard


async def main(url: str, token: str, clients: int, alerts: int) -> None:
    subscribed = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(client(url, token, alerts, subscribed)) for _ in range(clients)]
    for _ in tasks:
        await subscribed.acquire()
    print("ready", flush=True)
    everything = await asyncio.gather(*tasks)
    print(json.dumps({n: max(one[n] for one in everything) for n in range(alerts)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
