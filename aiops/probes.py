"""What the platform checks about itself: database, broker, channel layer, worker, beat, disk. Rooms add theirs to aiops.health."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from aiops import layers, metrics, processes
from aiops.celery import app
from aiops.health import Health, register
from aiops.metrics import Family
from aiops.models import Process

DISK_LOW, DISK_VERY_LOW = 0.10, 0.03  # free share of the data directory's disk
PATIENCE_MS = 500  # for whoever else writes
IDLE_TOO_LONG = 60.0  # seconds: poll_due runs every second, so a silent worker or beat is stuck


def _took(start: float) -> str:
    milliseconds = (time.perf_counter() - start) * 1000
    return f"{milliseconds:.1f} ms" if milliseconds >= 0.1 else "less than 0.1 ms"


def database() -> Health:
    start = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = _took(start)
    try:
        with _impatient():
            Process.objects.filter(name=processes.name()).update(seen_at=timezone.now())
    except DatabaseError as fault:
        return Health("degraded", f"{connection.display_name} can be read but not written: {fault}", 0.0)
    return Health("ok", f"{connection.display_name} answered in {took}", 0.0)


@contextmanager
def _impatient() -> Iterator[None]:
    """Who asks whether the database can be written to must not wait as long as who has something to write."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(PATIENCE_MS)])
            yield
        return
    with connection.cursor() as cursor:
        usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        connection.patience = PATIENCE_MS / 1000  # type: ignore[attr-defined]  # of aiops.sqlite3
        try:
            yield
        finally:
            connection.patience = None  # type: ignore[attr-defined]
            cursor.execute(f"PRAGMA busy_timeout = {int(usual)}")


def broker() -> Health:
    start = time.perf_counter()
    with app.connection_for_write() as broker_connection:
        broker_connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
        transport = broker_connection.transport.driver_type
    return Health("ok", f"{transport} answered in {_took(start)}", 0.0)


async def _round_trip() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel("health")
    await layer.send(channel, {"type": "health"})
    await asyncio.wait_for(layer.receive(channel), 2)


def channel_layer() -> Health:
    start = time.perf_counter()
    layers.submit(_round_trip()).result(3)
    return Health("ok", f"a message came back in {(time.perf_counter() - start) * 1000:.1f} ms", 0.0)


def _gauge(families: list[Family], name: str) -> float:
    return next((samples[0][2] for family, _, _, samples in families if family == name and samples), 0.0)


def _alive(role: Process.Role, gauge: str, deed: str) -> Health:
    process = processes.freshest(role, Process.Role.EMBEDDED)
    if process is None:
        return Health("failed", f"no {role} process is running")
    ours = process.name == processes.name()  # this process answers, also when its heartbeat cannot be written
    if not ours and process.age_seconds > processes.SILENT_AFTER:
        return Health("failed", f"{process.name} has been silent for {process.age_seconds:.0f} s", process.age_seconds)
    last = _gauge(metrics.snapshot() if ours else process.counters, gauge)
    age = max(0.0, time.time() - last) if last else None
    silent = age if age is not None else (timezone.now() - process.started_at).total_seconds()
    if silent > IDLE_TOO_LONG:
        return Health("degraded", f"{process.name} runs, but {deed} for {silent:.0f} s", age)
    return Health("ok", f"{process.name} is at work" if last else f"{process.name} has just started", age)


def worker() -> Health:
    return _alive(Process.Role.WORKER, "aiops_last_task_timestamp_seconds", "has not finished a task")


def beat() -> Health:
    return _alive(Process.Role.BEAT, "aiops_beat_last_tick_timestamp_seconds", "has not looked at its schedule")


def disk() -> Health:
    usage = shutil.disk_usage(settings.DATA_DIR)
    free = usage.free / usage.total
    detail = f"{usage.free / 2**30:.1f} GiB free ({free:.0%}) in the data directory"
    return Health("failed" if free < DISK_VERY_LOW else "degraded" if free < DISK_LOW else "ok", detail, 0.0)


def queue_depth() -> dict[str, float]:
    """Tasks waiting per queue."""
    depths = {}
    with app.connection_for_write() as broker_connection:
        channel: Any = broker_connection.default_channel
        for queue in app.amqp.queues:
            depths[queue] = float(channel._size(queue))  # the only count that asks for no declared queue
    return depths


def register_all() -> None:
    register("database", database)
    register("broker", broker)
    register("channel layer", channel_layer)
    register("worker", worker)
    register("beat", beat)
    register("disk", disk)
