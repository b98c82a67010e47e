"""Facts for the figures of their API and import, and their measurement. Runs in a process of its own per database."""

import datetime
import io
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import httpx
import numpy as np

from bench.cpu import Clock, backend_pids, per_call
from bench.installation import MANAGE, cpu_seconds, serving
from bench.row import Row

VMS, METRICS, STEP, DAYS = 1000, ("cpu_usage", "memory_usage", "disk_usage", "net_usage", "io_wait"), 1_800_000, 3
IMPORTED, IMPORT_VMS = 1_000_000, 200
CALLS = 200


def history(vms: int) -> None:
    """Up to now, time after time as senders would."""
    from monitoring.measurements import create
    from monitoring.measurements.facts import Columns, Pair
    from monitoring.store import tasks

    pairs = [Pair(f"vm-{vm:04d}", metric) for vm in range(vms) for metric in METRICS]
    now, steps = int(time.time() * 1000), DAYS * 48
    values = np.round(np.random.default_rng(7).random((steps, len(pairs))) * 100, 2)
    for step in range(steps):
        t = np.full(len(pairs), now - (steps - step - 1) * STEP - 1000)
        create.many(Columns(pairs, np.arange(len(pairs), dtype=np.int32), t, values[step]))
    tasks.merge_days()  # as the schedule would have done


def rows(by_vm: bool, count: int) -> list[str]:
    """Lines vm,timestamp,metric,value."""
    per_series = count // (IMPORT_VMS * len(METRICS))
    start = datetime.datetime.now(datetime.UTC) - per_series * datetime.timedelta(minutes=30)
    times = [(start + n * datetime.timedelta(minutes=30)).strftime("%Y-%m-%d %H:%M:%S") for n in range(per_series)]
    values = iter(np.round(np.random.default_rng(7).random(count) * 100, 2).tolist())
    series = [(f"{'v' if by_vm else 't'}-{vm:03d}", metric) for vm in range(IMPORT_VMS) for metric in METRICS]
    order = [(one, t) for one in series for t in times] if by_vm else [(one, t) for t in times for one in series]
    return [f"{vm},{t},{metric},{next(values)}\n" for (vm, metric), t in order]


START = 15  # seconds in which a process does what it does only once


def imported(directory: Path, clock: Clock, database: str, by_vm: bool, count: int) -> Row:
    from django.core.management import call_command

    path = directory / f"{by_vm}.csv"
    path.write_text("vm,timestamp,metric,value\n" + "".join(rows(by_vm, count)), encoding="ascii")
    spent = clock.measure(lambda: call_command("import_facts", str(path), stdout=io.StringIO()))
    lines = len(path.read_text(encoding="ascii").splitlines()) - 1
    name = f"import by {'VM' if by_vm else 'time'}"
    return Row(name, database, spent * 1e6 / lines, "CPU-s/M", 20, f"{lines:,} rows of CSV, {IMPORT_VMS} VMs, {len(METRICS)} metrics")


def getter(token: str, path: str) -> Callable[[], object]:
    from django.test import Client

    client = Client(headers={"Authorization": f"Bearer {token}", "Host": "localhost"})

    def get() -> object:
        answer = client.get(path)
        assert answer.status_code == 200, answer.content[:300]
        return answer

    return get


def over_http(token: str, path: str) -> tuple[float, float]:
    """CPU ms of the server, everything it does beside it included, and median wall ms of one call."""
    env, headers = dict(os.environ), {"Authorization": f"Bearer {token}"}
    address = f"http://127.0.0.1:{env['PORT']}"
    with serving([*MANAGE, "up"], env) as process, httpx.Client(base_url=address, headers=headers) as client:
        time.sleep(START)
        for _ in range(20):
            assert client.get(path).status_code == 200
        before, walls = cpu_seconds(process), []
        for _ in range(5 * CALLS):
            begun = time.perf_counter()
            client.get(path)
            walls.append(time.perf_counter() - begun)
        return (cpu_seconds(process) - before) / len(walls) * 1000, sorted(walls)[len(walls) // 2] * 1000


def served(token: str, path: str, database: str) -> list[Row]:
    """Of a whole installation in one process, which is one on SQLite."""
    if database != "SQLite":
        return []
    cpu, wall = over_http(token, path)
    return [Row("read of 50 facts, over HTTP", database, cpu, "ms CPU", 1.9, f"the whole installation's process; wall {wall:.1f} ms")]


def measure(scale: float, directory: Path) -> list[Row]:
    from django.db import connection

    from accounts import tokens
    from accounts.models import User

    vms, count = max(20, round(VMS * scale)), max(20_000, round(IMPORTED * scale))
    database, clock = ("PostgreSQL" if connection.vendor == "postgresql" else "SQLite"), Clock(backend_pids())
    token = tokens.issue(User.objects.create_user("bench@example.org", None, role="viewer"), "bench", ["monitoring:read"])[1]
    history(vms)
    fifty = "/api/v1/facts?vm=vm-0007&metric=cpu_usage&limit=50"
    cpu, wall = per_call(clock, getter(token, fifty), CALLS)
    latest_cpu, latest_wall = per_call(clock, getter(token, "/api/v1/facts/latest?metric=cpu_usage"), 30)
    all_cpu, all_wall = per_call(clock, getter(token, "/api/v1/facts/latest?limit=10000"), 10)
    return [
        Row("read of 50 facts, in the process", database, cpu, "ms CPU", 1.9, f"wall {wall:.1f} ms"),
        *served(token, fifty, database),
        Row("latest of 1,000 VMs", database, latest_wall, "ms", 60, f"one metric, {vms:,} rows; CPU {latest_cpu:.0f} ms"),
        Row("latest of 1,000 VMs, all metrics", database, all_wall, "ms", None, f"{vms * len(METRICS):,} rows; CPU {all_cpu:.0f} ms"),
        *(imported(directory, clock, database, by_vm, count) for by_vm in (False, True)),
    ]


def main() -> None:
    os.environ |= {"AIOPS_API_RATE_USER": "1000000/min", "AIOPS_API_RATE_ADDRESS": "1000000/min"}  # one reader asks for all
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(json.dumps([asdict(row) for row in measure(float(sys.argv[1]), settings.DATA_DIR)]))


if __name__ == "__main__":
    main()
