"""The load of the figures of scraping, and their measurement. Runs in a process of its own per database."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict

from bench.cpu import Clock
from bench.row import Row

TARGETS, POLLS, INTERVAL, SINGLE = 500, 4, 15, 30
LIMIT = 25.0  # ms CPU per scrape: with more, 500 targets every 15 s would not fit into one core


def _postgres() -> list[int]:
    """The server processes that work for us."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        writers = "('checkpointer', 'background writer', 'walwriter')"
        cursor.execute(f"SELECT pid FROM pg_stat_activity WHERE datname = current_database() OR backend_type IN {writers}")
        return [pid for (pid,) in cursor.fetchall() if os.path.exists(f"/proc/{pid}/stat")]


def _poll(source) -> float:
    """Seconds by the clock on the wall."""
    from monitoring.sources import polling, schedule

    began = time.monotonic()
    assert polling.poll(source.pk, schedule.claim_now(source.pk))
    source.refresh_from_db()
    assert not source.last_error, source.last_error
    return time.monotonic() - began


def _source(name: str, port: int, targets: range):
    from monitoring.sources.models import Source

    lines = "\n".join(f"http://127.0.0.1:{port}/metrics?t={number} instance=node-{number}:9100" for number in targets)
    return Source.objects.create(name=name, kind="scrape", interval=INTERVAL, timeout=10, config={"targets": lines, "job": "node"})


def measure(scale: float, port: int) -> list[Row]:
    from django.db import connection

    database, targets = ("PostgreSQL" if connection.vendor == "postgresql" else "SQLite"), max(50, round(TARGETS * scale))
    source = _source("nodes", port, range(targets))
    _poll(source)
    _poll(source)
    clock, walls = Clock(_postgres()), []
    cpu = clock.measure(lambda: walls.extend(_poll(source) for _ in range(POLLS))) / (POLLS * targets) * 1000
    up = source.targets.filter(up=True).count()
    samples = source.last_samples / targets
    singles = [_source(f"node {number}", port, range(number, number + 1)) for number in range(SINGLE)]
    for one in singles * 2:
        _poll(one)
    alone = clock.measure(lambda: [_poll(one) for one in singles]) / SINGLE * 1000
    return [
        Row("CPU of one scrape", database, cpu, "ms", LIMIT, f"one source, {up} of {targets} targets up, {samples:.0f} samples each"),
        Row("one worker's share", database, cpu * TARGETS / INTERVAL / 10, "%", 100, f"of a core: {TARGETS} targets every {INTERVAL} s"),
        Row("slowest poll", database, max(walls), "s", INTERVAL, "wall; spread over 40 % of the interval on purpose"),
        Row("CPU of one scrape, a source each", database, alone, "ms", None, "lease, facts, commit and outcome for every target"),
    ]


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with subprocess.Popen([sys.executable, "-m", "bench.exporter"], stdout=subprocess.PIPE, text=True) as exporter:
        try:
            assert exporter.stdout is not None
            rows = measure(float(sys.argv[1]), int(exporter.stdout.readline()))
        finally:
            exporter.terminate()
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
