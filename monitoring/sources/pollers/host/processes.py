"""The processes that use most CPU and memory. Every process costs one small read, only those shown cost more."""

import os
import pwd
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest
from typing import Any

import psutil

from monitoring.inventory.masking import command_line
from monitoring.sources.pollers.host.kernel import PAGE, TICK
from monitoring.sources.pollers.host.reading import Roots, text

Identity = tuple[int, float]  # pid, start: pids are used again


@dataclass(slots=True)
class Process:
    pid: int
    started: float  # seconds, by the clock of the scan
    name: str
    cpu_seconds: float
    resident: int
    cpu: float = 0.0  # % of one core since the last scan

    @property
    def identity(self) -> Identity:
        return self.pid, self.started


class Processes:
    """Remembers CPU times between scans."""

    def __init__(self, roots: Roots, shown: int) -> None:
        self.roots, self.shown = roots, shown
        self.before: dict[Identity, float] = {}
        self.scanned = 0.0
        self.linux = os.path.exists(f"{roots.proc}/self/stat")

    def facts(self, memory_bytes: int) -> dict[str, Any]:
        """{"processes": [busiest first], "process_count": n}; % of one core, as top shows it."""
        found = list(self._scan() if self.linux else _portable())
        self._measure(found)
        busy = nlargest(self.shown, (process for process in found if process.cpu > 0), key=lambda process: process.cpu)
        large = nlargest(self.shown, (process for process in found if process.resident > 0), key=lambda process: process.resident)
        top = {process.pid: process for process in [*busy, *large]}
        rows = [self._row(process, memory_bytes) for process in sorted(top.values(), key=lambda process: -process.cpu)]
        return {"processes": [row for row in rows if row], "process_count": len(found)}

    def _measure(self, found: list[Process]) -> None:
        now = time.monotonic()
        elapsed = now - self.scanned
        for process in found:
            was = self.before.get(process.identity)
            if was is not None and elapsed > 0:
                process.cpu = max(0.0, 100 * (process.cpu_seconds - was) / elapsed)
        self.before = {process.identity: process.cpu_seconds for process in found}
        self.scanned = now

    def _scan(self) -> Iterable[Process]:
        for entry in os.listdir(self.roots.proc):
            if entry.isdigit():
                try:
                    yield _parse(int(entry), text(f"{self.roots.proc}/{entry}/stat"))
                except (OSError, IndexError, ValueError):
                    continue  # it has ended meanwhile

    def _row(self, process: Process, memory_bytes: int) -> dict[str, Any] | None:
        try:
            user, arguments = self._details(process.pid)
        except (OSError, psutil.Error):
            return None
        return {
            "pid": process.pid,
            "name": process.name,
            "cpu": round(process.cpu, 1),
            "memory": round(100 * process.resident / memory_bytes, 1) if memory_bytes else 0.0,
            "resident_bytes": process.resident,
            "user": user,
            "command": command_line(arguments) or f"[{process.name}]",  # kernel threads have none
        }

    def _details(self, pid: int) -> tuple[str, list[str]]:
        if not self.linux:
            process = psutil.Process(pid)
            return process.username(), process.cmdline()
        folder = f"{self.roots.proc}/{pid}"
        return _user(os.stat(folder).st_uid), text(f"{folder}/cmdline").rstrip("\0").split("\0")


def _parse(pid: int, stat: str) -> Process:
    head, _, rest = stat.rpartition(") ")  # the name may hold blanks and brackets
    fields = rest.split(" ", 23)
    cpu = (int(fields[11]) + int(fields[12])) / TICK
    return Process(pid, int(fields[19]) / TICK, head.partition("(")[2], cpu, int(fields[21]) * PAGE)


def _portable() -> Iterable[Process]:
    for process in psutil.process_iter(["name", "cpu_times", "memory_info", "create_time"]):
        times, memory = process.info["cpu_times"], process.info["memory_info"]
        if times and memory:  # None where we may not look
            yield Process(process.pid, process.info["create_time"], process.info["name"] or "", times.user + times.system, memory.rss)


@lru_cache(512)
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
