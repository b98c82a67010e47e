"""Posts bodies at their times, as Alertmanager does: side by side, and again after a 5xx or a broken connection."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from bench.storm_alerts import Body

SIDE_BY_SIDE, TRIES = 8, 10


@dataclass
class Sending:
    begun: float = 0.0  # time.time()
    ended: float = 0.0  # the last answer
    alerts: int = 0  # accepted
    refused: int = 0  # alerts of bodies that were given up
    repeats: int = 0
    largest: int = 0
    walls: list[float] = field(default_factory=list)  # ms of each body, tries included


def send(bodies: Sequence[Body], url: str, token: str = "") -> Sending:
    sending = Sending(time.time(), largest=max(body.alerts for body in bodies))
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with httpx.Client(headers=headers, timeout=30) as client, ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        for body in bodies:
            time.sleep(max(0.0, sending.begun + body.at - time.time()))
            threads.submit(_post, client, url, body, sending)
    sending.ended = time.time()
    return sending


def _post(client: httpx.Client, url: str, body: Body, sending: Sending) -> None:
    begun = time.perf_counter()
    for number in range(TRIES):
        try:
            status = client.post(url, content=body.content).status_code
        except httpx.TransportError:
            status = 503
        if status < 500:
            break
        sending.repeats += 1
        time.sleep(min(0.1 * 2**number, 5))
    sending.walls.append((time.perf_counter() - begun) * 1000)
    if status == 200:
        sending.alerts += body.alerts
    else:
        sending.refused += body.alerts
