"""CPU seconds of an installation: its processes, and the PostgreSQL processes that work for its database."""

import threading
from collections.abc import Mapping
from pathlib import Path

import psutil

from bench import cpu

EVERY = 0.5  # seconds: what a backend does after the last look before it ends is missed


class Backends:
    """Looks again and again which they are: connections come and go."""

    def __init__(self, url: str) -> None:
        self.first: dict[int, float] = {}
        self.last: dict[int, float] = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._watch, args=(url,), daemon=True)
        self.thread.start()

    def _watch(self, url: str) -> None:
        import psycopg

        with psycopg.connect(url, autocommit=True) as server:
            while not self.stopping.is_set():
                found = server.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " AND backend_type <> 'autovacuum worker'"
                ).fetchall()
                for (pid,) in found:
                    self._look(pid, new=0.0 if self.last else None)
                self.stopping.wait(EVERY)

    def _look(self, pid: int, new: float | None) -> None:
        if not Path(f"/proc/{pid}/stat").exists():
            return
        spent = cpu.spent(pid)
        self.first.setdefault(pid, spent if new is None else new)
        self.last[pid] = spent

    @property
    def seconds(self) -> float:
        return sum(spent - self.first[pid] for pid, spent in list(self.last.items()))

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(10)


class Meter:
    """From its making on."""

    def __init__(self, processes: Mapping[str, int], database_url: str) -> None:
        self.processes = {name: psutil.Process(pid) for name, pid in processes.items()}
        self.before = {name: _seconds(one) for name, one in self.processes.items()}
        self.backends = Backends(database_url) if database_url else None

    def stop(self) -> dict[str, float]:
        found = {name: _seconds(one) - self.before[name] for name, one in self.processes.items()}
        if self.backends:
            self.backends.stop()
            found["PostgreSQL"] = self.backends.seconds
        return found


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
