"""The servers a measurement may use, and one way to measure the same load on every database."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench.installation import environment
from bench.row import Row

POSTGRES = ["postgres://postgres@127.0.0.1:5432/postgres", "postgres://postgres:postgres@127.0.0.1:5432/postgres"]
REDIS = "redis://127.0.0.1:6379/14"
SCRATCH = os.environ.get("BENCH_DATABASE") or "aiops_bench"


def postgres() -> str | None:
    """A server that lets us in."""
    import psycopg

    for url in [os.environ["DATABASE_URL"]] if os.environ.get("DATABASE_URL") else POSTGRES:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.Error:
            continue
        return url
    return None


def redis() -> str | None:
    from redis import Redis, RedisError

    url = os.environ.get("REDIS_URL") or REDIS
    try:
        Redis.from_url(url, socket_connect_timeout=3).ping()
    except RedisError:
        return None
    return url


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {SCRATCH}")
        server.execute(f"CREATE DATABASE {SCRATCH}")
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{SCRATCH}"))
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")


@contextmanager
def production() -> Iterator[tuple[str, str] | None]:
    """Addresses of an empty database and of Redis; None, and a word about it, where one of them does not answer."""
    database, cache = postgres(), redis()
    if database is None or cache is None:
        print("PostgreSQL or Redis does not answer: production's figures are left out", file=sys.stderr)
        yield None
        return
    with scratch_database(database) as scratch:
        yield scratch, cache


def on_each_database(load: str, scale: float) -> list[Row]:
    """Runs the module `load` in a process of its own per database; its last line is the rows as JSON."""
    rows = _measure(load, scale, "")
    url = postgres()
    if url is None:
        print("PostgreSQL does not answer: its figures are left out", file=sys.stderr)
        return rows
    with scratch_database(url) as scratch:
        return rows + _measure(load, scale, scratch)


def _measure(load: str, scale: float, database_url: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        command = [sys.executable, "-m", load, str(scale)]
        answer = subprocess.run(command, env=environment(Path(data), database_url), stdout=subprocess.PIPE, check=True)
    return [Row(**row) for row in json.loads(answer.stdout.splitlines()[-1])]
