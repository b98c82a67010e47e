"""The metric store alone, arrays in: no HTTP, no parsing, no look-up of series ids. 20,000 series every 15 s for 3 hours (time-ordered
batches of 5,000), after a back-fill of 30 days for 100 of them; each day is sealed, merged and, on PostgreSQL, vacuumed as the schedule
would.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from bench.row import Row

USUAL = ["postgres://postgres@127.0.0.1:5432/postgres", "postgres://postgres:postgres@127.0.0.1:5432/postgres"]
SCRATCH = "aiops_bench_store"


def _postgres() -> str | None:
    """A server that lets us in."""
    import psycopg

    for url in [os.environ["DATABASE_URL"]] if os.environ.get("DATABASE_URL") else USUAL:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.Error:
            continue
        return url
    return None


@contextmanager
def _scratch_database(url: str) -> Iterator[str]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {SCRATCH}")
        server.execute(f"CREATE DATABASE {SCRATCH}")
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{SCRATCH}"))
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")


def _measure(scale: float, database_url: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "aiops.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": "",
            "AIOPS_DATA_DIR": data,
        }
        command = [sys.executable, "-m", "bench.store_load", str(scale)]
        answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return [Row(**row) for row in json.loads(answer.stdout.splitlines()[-1])]


def run(scale: float) -> list[Row]:
    rows = _measure(scale, "")
    url = _postgres()
    if url is None:
        print("PostgreSQL does not answer: its figures are left out", file=sys.stderr)
        return rows
    with _scratch_database(url) as scratch:
        return rows + _measure(scale, scratch)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.store", description="Figures of the metric store.")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the hosts and days, for a quick look")
    for row in run(parser.parse_args().scale):
        limit = "" if row.limit is None else f"<= {row.limit:g}"
        print(f"{row.database:11} {row.name:28} {row.value:8.2f} {row.unit:9} {limit:9} {row.note}")


if __name__ == "__main__":
    main()
