"""Samples sent in over HTTP to a real server process: `manage.py up` on SQLite, `manage.py web` on PostgreSQL and Redis. 5,000 series of
250 hosts every 15 s for two hours of yesterday, in time order, in bodies of 5,000 samples (250 hosts x 20 metrics, uncompressed but
for remote write) over one connection; then the jobs that seal and merge them. CPU is that of the server process, of the jobs and, on
PostgreSQL, of its server processes; not of the sender. Every series was sent once before, and the
process has run for 15 s. The engines beside take the same bodies
over the same connection; theirs is the CPU until 5 s after the last body, their later compaction is not in it.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import servers
from bench.engines import ENGINES, engine
from bench.ingest_bodies import FORMS, Body, bodies
from bench.ingest_server import Server, embedded, production
from bench.row import Row

HOSTS, STEPS, SMALL = 250, 480, 300  # 2 h at 15 s: one window of the store
LIMITS = {"line protocol": 2.0, "remote write": 2.4, "JSON, nested": 1.6}
START = 15  # seconds in which a process does what it does only once
PER_POST = 4.0  # CPU-ms for 1,000 samples


def run(scale: float) -> list[Row]:
    hosts, samples = HOSTS, HOSTS * 20 * max(60, int(STEPS * scale))
    rows = []
    for name, serving in _servers():
        for form in FORMS:
            with serving() as server:
                rows += _ours(name, server, form, hosts, samples)
    return rows + [row for name in ENGINES for row in _theirs(name, hosts, samples)]


def _servers() -> Iterator[tuple[str, object]]:
    yield "SQLite", embedded
    postgres, redis = servers.postgres(), servers.redis()
    if postgres is None or redis is None:
        print("PostgreSQL or Redis does not answer: production's figures are left out", file=sys.stderr)
        return

    @contextlib.contextmanager
    def serving() -> Iterator[Server]:
        with servers.scratch_database(postgres) as scratch, production(scratch, redis) as server:
            yield server

    yield "PostgreSQL", serving


def _ours(name: str, server: Server, form: str, hosts: int, samples: int) -> list[Row]:
    server.send(list(bodies(form, hosts, hosts * 20)))  # registers every series
    time.sleep(START)
    large = list(bodies(form, hosts, samples, first=1))
    accept = server.cpu(lambda: server.send(large))
    small = list(bodies(form, hosts, SMALL * 1000, first=samples // (hosts * 20) + 1, of_one=50))
    post = server.cpu(lambda: server.send(small)) / len(small) * 1000
    kept = samples + SMALL * 1000 + hosts * 20
    jobs = server.jobs(kept) / kept
    accepting = accept / samples * 1e6
    note = f"accept {accepting:.2f}, seal + merge {jobs * 1e6:.2f}; body of {len(large[0].content) / 1000:.0f} KB"
    return [
        Row(f"{form}: accept + seal + merge", name, accepting + jobs * 1e6, "CPU-s/M", LIMITS.get(form), note),
        Row(f"{form}: POST of 1,000 samples", name, post, "CPU-ms", PER_POST, "accept alone, one connection"),
    ]


def _theirs(name: str, hosts: int, samples: int) -> Iterator[Row]:
    for form in ENGINES[name].paths:
        with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
            try:
                with engine(name, Path(data)) as server:
                    server.send(form, list(bodies(form, hosts, hosts * 20)))
                    sent: list[Body] = list(bodies(form, hosts, samples, first=1))
                    spent = server.cpu(lambda server=server, form=form, sent=sent: server.send(form, sent))
                    yield Row(f"{form}: accept", name, spent / samples * 1e6, "CPU-s/M", None, "for comparison")
            except FileNotFoundError:
                print(f"{name} is not installed: its figures are left out", file=sys.stderr)
                return
            except subprocess.SubprocessError as fault:
                print(f"{name} did not start: {fault}", file=sys.stderr)
                return
