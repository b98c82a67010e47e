"""Open pages: each is asked for again and again by a signed-in person, one stays on a websocket."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PAGES = {"alerts": "/alerts/", "incidents": "/incidents/", "overview": "/"}
EVERY = 2.0  # seconds, as a page that follows what happens
TIMING = re.compile(r"cpu;dur=([\d.]+), app;dur=([\d.]+)")


class Shown(NamedTuple):
    at: float  # time.time() when it was asked for
    cpu: float  # ms
    app: float
    wall: float
    ok: bool


class Pages:
    def __init__(self, address: str, session: str, viewers: int) -> None:
        self.address, self.session, self.stopping = address, session, threading.Event()
        self.shown: dict[str, list[Shown]] = {name: [] for name in PAGES}
        self.live: list[tuple[float, int]] = []  # when the websocket told of how many alerts that opened
        watched = [(self._ask, name, path, n / viewers) for name, path in PAGES.items() for n in range(viewers)]
        self.threads = [threading.Thread(target=ask, args=rest, daemon=True) for ask, *rest in watched]
        self.threads.append(threading.Thread(target=self._listen, daemon=True))

    def _ask(self, name: str, path: str, phase: float) -> None:
        time.sleep(phase * EVERY)
        with httpx.Client(base_url=f"http://{self.address}", headers={"Cookie": self.session}, timeout=60) as client:
            while not self.stopping.is_set():
                self.shown[name].append(_shown(client, path))
                self.stopping.wait(EVERY)

    def _listen(self) -> None:
        headers = {"Cookie": self.session, "Origin": f"http://{self.address}"}
        with connect(f"ws://{self.address}/ws/alerts", additional_headers=headers, compression=None, max_size=None) as socket:
            while not self.stopping.is_set():
                try:
                    message = json.loads(socket.recv(timeout=0.5))
                except TimeoutError:
                    continue
                except ConnectionClosed:
                    return  # what it was not told is counted
                self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        counts = message.get("data", {}).get("counts", {}) if message.get("topic") == "alerts" else {}
        if counts.get("opened"):
            self.live.append((time.time(), counts["opened"]))

    def between(self, name: str, since: float, until: float) -> list[Shown]:
        return [one for one in self.shown[name] if since <= one.at < until]


def _shown(client: httpx.Client, path: str) -> Shown:
    at, begun = time.time(), time.perf_counter()
    try:
        answer = client.get(path)
    except httpx.HTTPError:
        return Shown(at, 0, 0, (time.perf_counter() - begun) * 1000, False)
    wall = (time.perf_counter() - begun) * 1000
    found = TIMING.search(answer.headers.get("Server-Timing", ""))
    cpu, app = map(float, found.groups()) if found else (0.0, 0.0)
    return Shown(at, cpu, app, wall, answer.status_code == 200 and found is not None)


@contextmanager
def opened(address: str, session: str, viewers: int) -> Iterator[Pages]:
    pages = Pages(address, session, viewers)
    for thread in pages.threads:
        thread.start()
    try:
        yield pages
    finally:
        pages.stopping.set()
        for thread in pages.threads:
            thread.join(70)


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))] if values else 0.0
