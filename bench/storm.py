"""A storm, whole. 100,000 alerts are stored; then 10,000 fire within one minute and come to /webhooks/alertmanager in Alertmanager's own
bodies of one to some hundred, of 90 names in 4 clusters, about 1,600 pods on 200 nodes, services and databases. A real installation stores
them, makes incidents of them and tells them by mail, webhook and bell, grouped by name and cluster: `manage.py up` on SQLite; web, worker
and beat on PostgreSQL and Redis; the same once more with a real Alertmanager in between, where there is one (on the path, or in
ALERTMANAGER), which posts every group anew as it grows. Meanwhile two people have the list of alerts, that of incidents and the overview
open, each asked for every 2 s, and one listens on the websocket. What was told is counted where it arrives, at a mail and a web server,
against what was sent. CPU of a page is of the thread that answers (on PostgreSQL without its backend). Sender, browsers and receivers
have the same cores.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import servers, storm_alertmanager, storm_alerts, storm_sender
from bench.installation import MANAGE, PYTHON, environment, free_port, serving
from bench.row import Row
from bench.storm_cpu import Meter
from bench.storm_pages import opened
from bench.storm_report import Storm, rows
from bench.storm_sender import Sending
from bench.storm_sinks import Sinks, listening

ALERTS, STORED, SECONDS, BEFORE = 10_000, 100_000, 60.0, 30.0
WAIT, INTERVAL = 15, 30  # seconds, of the route
PATIENCE = 180.0  # seconds for the last notice
PORTIONS = 120  # in which Prometheus tells its alerts to Alertmanager
VIEWERS = 2
WORKER = [PYTHON, "-m", "celery", "-A", "aiops", "worker", "--pool", "threads", "--concurrency", "8", "--loglevel", "ERROR"]
BEAT = [PYTHON, "-m", "celery", "-A", "aiops", "beat", "--pidfile", "", "--loglevel", "ERROR"]


class Size(NamedTuple):
    alerts: int
    stored: int
    seconds: float  # of the storm
    before: float  # seconds of pages before it
    wait: int
    interval: int

    @classmethod
    def of(cls, scale: float) -> "Size":
        part = max(scale, 0.2)  # less than some seconds show nothing
        return cls(round(ALERTS * scale), round(STORED * scale), SECONDS * scale, BEFORE * part, round(WAIT * part), round(INTERVAL * part))


def _load(env: Mapping[str, str], *arguments: object) -> dict[str, object]:
    command = [PYTHON, "-m", "bench.storm_load", *map(str, arguments)]
    found: dict[str, object] = json.loads(
        subprocess.run(command, env=dict(env), stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1]
    )
    return found


@contextmanager
def _embedded(env: dict[str, str]) -> Iterator[dict[str, int]]:
    with serving([*MANAGE, "up", "--port", env["PORT"]], env) as server:
        yield {"the one process": server.pid}


@contextmanager
def _production(env: dict[str, str]) -> Iterator[dict[str, int]]:
    subprocess.run([*MANAGE, "prepare"], env=env, stdout=subprocess.DEVNULL, check=True)
    with serving([*MANAGE, "web", "--host", "127.0.0.1"], env) as web, ExitStack() as others:
        pids = {"web": web.pid}
        for name, command in (("worker", WORKER), ("beat", BEAT)):
            process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
            others.callback(_end, process)
            pids[name] = process.pid
        time.sleep(5)  # until the worker takes tasks
        yield pids


def _end(process: subprocess.Popen[bytes]) -> None:
    """On a busy machine a worker may not end in time; what was measured counts all the same."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _measure(name: str, size: Size, database_url: str = "", redis_url: str = "", alertmanager: str = "") -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data, ExitStack() as running:
        sinks = running.enter_context(listening(free_port()))
        extra = {"DJANGO_SETTINGS_MODULE": "bench.storm_settings", "AIOPS_ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8"}
        env = environment(Path(data), database_url, redis_url, **extra)
        env["AIOPS_URL"] = address = f"http://127.0.0.1:{env['PORT']}"
        given = _load(env, "fill", size.stored, size.alerts, sinks.mail_port, sinks.web_port, size.wait, size.interval)
        pids = running.enter_context((_production if database_url else _embedded)(env))
        url, token = f"{address}/webhooks/alertmanager", str(given["token"])
        alerts = storm_alerts.storm(size.alerts)
        bodies = storm_alerts.flushes(alerts, size.seconds)
        if alertmanager:
            url, pids["Alertmanager"] = running.enter_context(storm_alertmanager.running(alertmanager, Path(data), url, token))
            bodies, token = storm_alerts.posts(alerts, size.seconds, PORTIONS), ""
        pages = running.enter_context(opened(address.removeprefix("http://"), str(given["session"]), VIEWERS))
        before = time.time()
        time.sleep(size.before)
        meter = Meter(pids, database_url)
        sending = storm_sender.send(bodies, url, token)
        told_at = _await(sinks, size, sending)
        cpu = meter.stop()
        time.sleep(size.interval)  # what is told twice comes now
        found = _load(env, "count")
        waits = size.interval + (storm_alertmanager.GROUP_INTERVAL if alertmanager else 0)
        return rows(Storm(name, alerts, sending, sinks, pages, found, cpu, before, told_at, waits))


def _await(sinks: Sinks, size: Size, sending: Sending) -> float:
    """When the last notice came that was missing, at a mail or a web server; gives up after a while without one."""
    while time.time() - sending.ended < PATIENCE:
        if min(sum(one.new for one in heard) for heard in (list(sinks.mails), list(sinks.posts))) >= size.alerts:
            break
        time.sleep(0.2)
    return max((one.at for one in [*sinks.mails, *sinks.posts]), default=sending.ended)


def run(scale: float) -> list[Row]:
    size, found = Size.of(scale), _measure("SQLite", Size.of(scale))
    with servers.production() as addresses:
        if addresses is None:
            return found
        found += _measure("PostgreSQL, Redis", size, *addresses)
    program = storm_alertmanager.program()
    if program is None:
        print("there is no Alertmanager: its figures are left out", file=sys.stderr)
        return found
    with servers.production() as addresses:
        return found + (_measure("PostgreSQL, behind Alertmanager", size, *addresses, program) if addresses else [])
