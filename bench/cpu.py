"""CPU seconds (user + system) of this process and of PostgreSQL's processes that work for it."""

import time
from collections.abc import Callable
from pathlib import Path


def spent(pid: int) -> float:
    """Nanosecond accounting where the kernel keeps it, else clock ticks of 10 ms."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


def backend_pids() -> list[int]:
    """PostgreSQL's process for this connection; none on SQLite, nor where the server's processes are not ours to see."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    return [pid] if Path(f"/proc/{pid}/stat").exists() else []


class Clock:
    """Stops only for work done meanwhile; `pids` are processes beside this one."""

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids
        self.total = 0.0

    def read(self) -> float:
        return time.process_time() + sum(map(spent, self.pids))

    def measure(self, work: Callable[[], object]) -> float:
        before = self.read()
        work()
        spent = self.read() - before
        self.total += spent
        return spent


def per_call(clock: Clock, work: Callable[[], object], times: int) -> tuple[float, float]:
    """CPU milliseconds and median wall milliseconds of one call, after three to warm up."""
    for _ in range(3):
        work()
    walls = []
    before = clock.read()
    for _ in range(times):
        begun = time.perf_counter()
        work()
        walls.append(time.perf_counter() - begun)
    return (clock.read() - before) / times * 1000, sorted(walls)[times // 2] * 1000
