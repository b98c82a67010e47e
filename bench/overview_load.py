"""A fleet for the overview's figures, and their measurement. Runs in a process of its own per database."""

import gzip
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from bench.cpu import Clock, per_call
from bench.row import Row

HOSTS, SMALL, STEP, STEPS = 1000, 100, 15_000, 9
KINDS = ("host", "vm", "node", "database", "service")
SITES, TEAMS = ("fra", "ams", "iad", "hq"), ("storage", "web", "ml", "network")
SERIES: tuple[tuple[str, dict[str, str]], ...] = (
    *(("node_cpu_seconds_total", {"cpu": str(cpu), "mode": mode}) for cpu in range(2) for mode in ("idle", "user", "system", "iowait")),
    ("node_memory_MemTotal_bytes", {}),
    ("node_memory_MemAvailable_bytes", {}),
    *(
        (f"node_filesystem_{what}_bytes", {"device": "/dev/sda1", "mountpoint": mount})
        for mount in ("/", "/var")
        for what in ("size", "avail")
    ),
    ("node_network_receive_bytes_total", {"device": "eth0"}),
    ("node_network_transmit_bytes_total", {"device": "eth0"}),
    ("node_disk_read_bytes_total", {"device": "sda"}),
    ("node_disk_written_bytes_total", {"device": "sda"}),
    ("node_disk_io_time_seconds_total", {"device": "sda"}),
    ("node_load1", {}),
)


def fleet(first: int, last: int) -> None:
    """Resources first … last-1 with samples up to now; one in twenty is not healthy."""
    from monitoring.inventory.facts import ResourceReport, report
    from monitoring.store import writer
    from monitoring.store.batch import Batch, SeriesKey

    names = [f"{KINDS[n % len(KINDS)]}-{n:04d}.{SITES[n % 4]}" for n in range(first, last)]
    labels = [{"site": SITES[n % 4], "team": TEAMS[n // 4 % 4]} for n in range(first, last)]
    rows = report(
        [
            ResourceReport(KINDS[n % len(KINDS)], name, label, {"os": "Linux"})
            for n, (name, label) in enumerate(zip(names, labels, strict=True), first)
        ],
        None,
    )
    for at, row in enumerate(rows):
        row.health = 100 if at % 20 else 55
        row.reasons = (
            [] if at % 20 else [{"severity": "high", "text": "CPU 97 % busy, limit 90 %", "metric": "node_cpu_seconds_total", "points": 45}]
        )
    type(rows[0]).objects.bulk_update(rows, ["health", "reasons"])
    keys = [SeriesKey.of(metric, {"instance": row.name, **more}) for row in rows for metric, more in SERIES]
    owners = [row.pk for row in rows for _ in SERIES]
    chance, now = np.random.default_rng(7), int(time.time() * 1000)
    index = np.tile(np.arange(len(keys), dtype=np.int32), STEPS)
    times = np.repeat(now - STEP * np.arange(STEPS)[::-1], len(keys))
    values = np.cumsum(chance.random((STEPS, len(keys))) * 10, axis=0).reshape(-1) + 1000
    for at in range(0, len(times), 20_000):
        part = slice(at, at + 20_000)
        writer.write(Batch(keys, index[part], times[part], values[part], owners))


def page() -> Callable[[], bytes]:
    from django.test import Client

    from accounts.models import User

    client = Client()
    client.force_login(User.objects.get(email="bench@example.org"))

    def get() -> bytes:
        answer = client.get("/", HTTP_HOST="localhost")
        assert answer.status_code == 200, answer.content[:500]
        return answer.content

    return get


def queries(get: Callable[[], bytes]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from monitoring.dashboards import utilisation

    get()
    utilisation.forget()
    with CaptureQueriesContext(connection) as captured:
        get()
    return len(captured)


def measure(scale: float) -> list[Row]:
    from django.db import connection

    from monitoring.dashboards import utilisation

    database, hosts = ("PostgreSQL" if connection.vendor == "postgresql" else "SQLite"), max(SMALL * 2, round(HOSTS * scale))
    get = page()
    fleet(0, SMALL)
    few = queries(get)
    fleet(SMALL, hosts)
    many = queries(get)

    def anew() -> bytes:
        utilisation._kept = None
        return get()

    def cold() -> bytes:
        utilisation.forget()
        return get()

    clock = Clock([])
    cpu, wall = per_call(clock, anew, 15)
    kept_cpu, kept_wall = per_call(clock, get, 15)
    cold_cpu, cold_wall = per_call(clock, cold, 7)
    html = get()
    about = f"{hosts:,} resources"
    return [
        Row("server time, wall", database, wall, "ms", 150, f"{about}, median of 15"),
        Row("server time, CPU", database, cpu, "ms", 150, about),
        Row("server time, next reader", database, kept_wall, "ms", None, f"utilisation of the last 3 s kept, CPU {kept_cpu:.0f} ms"),
        Row("server time, cold", database, cold_wall, "ms", None, f"first page after series appeared, CPU {cold_cpu:.0f} ms"),
        Row("HTML, gzipped", database, len(gzip.compress(html, 6)) / 1000, "KB", 60, f"{len(html) / 1000:.0f} KB before"),
        Row("queries", database, many, "queries", few, f"as many as with {SMALL} resources"),
    ]


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0)
    from accounts.models import User

    User.objects.create_user("bench@example.org", None, role="viewer")
    print(json.dumps([asdict(row) for row in measure(float(sys.argv[1]))]))


if __name__ == "__main__":
    main()
