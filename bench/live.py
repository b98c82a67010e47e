"""100 websocket clients in a process of their own watch one topic; the figure is the time from publish() to the slowest of them, for
each of 200 events at 10 a second. Redis: `manage.py web` on PostgreSQL, published from another process as a worker does. Embedded: the one
process of `manage.py up`, published from a thread of it.
"""

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

from bench import servers
from bench.installation import MANAGE, PYTHON, cpu_seconds, environment, serving
from bench.row import Row

CLIENTS, EVENTS, LIMIT = 100, 200, 100.0
PUBLISHER = [PYTHON, "-m", "bench.live_publisher"]


def _token(env: dict[str, str]) -> str:
    command = [*MANAGE, "create_token", "--user", "admin", "--name", "bench", "--scope", "monitoring:read"]
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


def _watch(name: str, env: dict[str, str], server: "subprocess.Popen[str]", publisher: "subprocess.Popen[str]", events: int) -> list[Row]:
    """The clients say when all of them are subscribed; then the publisher is told to begin."""
    command = [PYTHON, "-m", "bench.live_clients", f"ws://127.0.0.1:{env['PORT']}/ws/metrics", _token(env), str(CLIENTS), str(events)]
    clients = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert clients.stdout is not None
    assert publisher.stdin is not None
    clients.stdout.readline()
    before = cpu_seconds(server)
    publisher.stdin.write(f"{events}\n")
    publisher.stdin.flush()
    slowest = sorted(json.loads(clients.communicate(timeout=300)[0]))
    spent = (cpu_seconds(server) - before) / events * 1000
    p95 = slowest[int(len(slowest) * 0.95)]
    note = f"p95 of {events} events; median {statistics.median(slowest):.1f}, worst {slowest[-1]:.1f}"
    return [
        Row(f"publish to the slowest of {CLIENTS} browsers", name, p95, "ms", LIMIT, note),
        Row("CPU of the server per event", name, spent, "ms", None, "for all clients; embedded: worker, beat and publisher included"),
    ]


def _embedded(events: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        env = environment(Path(data))
        with serving([*PUBLISHER, "up"], env) as server:
            return _watch("embedded", env, server, server, events)


def _production(events: int, database_url: str, redis_url: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        env = environment(Path(data), database_url, redis_url, AIOPS_URL="https://bench.example.org")
        subprocess.run([*MANAGE, "prepare"], env=env, stdout=subprocess.DEVNULL, check=True)
        with serving([*MANAGE, "web", "--host", "127.0.0.1"], env) as server:
            publisher = subprocess.Popen([*PUBLISHER], env=env, stdin=subprocess.PIPE, text=True)
            try:
                return _watch("Redis", env, server, publisher, events)
            finally:
                publisher.wait(10)


def run(scale: float) -> list[Row]:
    events = max(100, int(EVENTS * scale))
    rows = _embedded(events)
    with servers.production() as addresses:
        return rows + (_production(events, *addresses) if addresses else [])
