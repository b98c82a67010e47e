"""The load of the metric store's figures, and their measurement. Runs in a process of its own per database."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np

from bench.cpu import Clock, backend_pids, per_call
from bench.row import Row

STEP, HOUR, DAY = 15_000, 3_600_000, 86_400_000
NOISY, QUIET, COUNTERS = 9, 4, 7
METRICS = NOISY + QUIET + COUNTERS
BATCH = 5_000
TODAY = 20_600 * DAY  # a fixed midnight; nothing here asks the time
HOSTS, DAYS, LIVE_HOURS = 1000, 30, 3
HISTORY_HOSTS = 5


def walk(chance: np.random.Generator, metric: int, hosts: int, steps: int, start: np.ndarray) -> np.ndarray:
    """Values of one metric, [steps, hosts], going on from `start`."""
    if metric < NOISY:
        return np.round(start + np.cumsum(chance.normal(0, 0.5, (steps, hosts)), axis=0), 2)
    if metric < NOISY + QUIET:
        return np.round(start + np.cumsum(chance.normal(0, 1, (steps, hosts)) * (chance.random((steps, hosts)) < 0.02), axis=0), 2)
    return start + np.cumsum(chance.poisson(40 * (metric - NOISY - QUIET + 1), (steps, hosts)), axis=0)


class Load:
    """`hosts` x 20 series at 15 s: a back-fill of 30 days for five hosts, then three hours of all."""

    def __init__(self, hosts: int) -> None:
        self.hosts = hosts
        self.chance = np.random.default_rng(7)
        self.sids = self._register()
        self.history = self.sids[:, hosts // 2 : hosts // 2 + HISTORY_HOSTS]
        self.state = np.full((METRICS, hosts), 1000.0)

    def _register(self) -> np.ndarray:
        """Hosts appear one after the other, as agents do. -> ids [metric, host]"""
        from monitoring.store import series

        self.keys = [[self._key(metric, host) for host in range(self.hosts)] for metric in range(METRICS)]
        ids = [series.ids(of_host) for of_host in zip(*self.keys, strict=True)]
        return np.array(ids, np.int32).T.copy()

    @staticmethod
    def _key(metric: int, host: int):
        from monitoring.store.batch import SeriesKey

        return SeriesKey.of(f"metric_{metric:02d}", {"instance": f"host-{host:04d}", "job": "node"})

    def batches(self, start: int, steps: int, history: bool) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Time after time, BATCH samples at once."""
        at = slice(self.hosts // 2, self.hosts // 2 + HISTORY_HOSTS) if history else slice(None)
        sids = self.history if history else self.sids
        values = np.empty((METRICS, steps, sids.shape[1]))
        for metric in range(METRICS):
            values[metric] = walk(self.chance, metric, sids.shape[1], steps, self.state[metric, at])
            self.state[metric, at] = values[metric, -1]
        v = values.transpose(1, 0, 2).reshape(-1)
        t = np.repeat(start + np.arange(steps) * STEP, sids.size)
        sid = np.tile(sids.reshape(-1), steps)
        for i in range(0, len(v), BATCH):
            yield sid[i : i + BATCH].astype(np.int32), t[i : i + BATCH], v[i : i + BATCH].copy()


class Bench:
    def __init__(self, scale: float) -> None:
        from django.db import connection

        from monitoring.store.chunkstore import ChunkStore

        self.store, self.connection, self.rows = ChunkStore(), connection, []
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        # Hosts and days shrink together, so that live samples and back-fill keep their proportion.
        self.load = Load(max(20, round(HOSTS * scale)))
        self.days = max(2, round(DAYS * scale))
        backend, writers = self._postgres()
        self.clock, self.query_clock = Clock(backend + writers), Clock(backend)
        self.samples = 0
        self.spent = {"write": 0.0, "seal": 0.0, "merge": 0.0, "vacuum": 0.0}
        self.empty = self._bytes()

    def _postgres(self) -> tuple[list[int], list[int]]:
        """This connection's server process, and the ones that write behind it; vacuum is run by ours, so that it is counted."""
        if self.database == "SQLite":
            return [], []
        with self.connection.cursor() as cursor:
            for table in ("hot", "chunk"):
                cursor.execute(f"ALTER TABLE monitoring_{table} SET (autovacuum_enabled = false)")
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE backend_type IN ('checkpointer', 'background writer', 'walwriter')")
            writers = [pid for (pid,) in cursor.fetchall()]
        return backend_pids(), [pid for pid in writers if os.path.exists(f"/proc/{pid}/stat")]

    def _bytes(self) -> int:
        with self.connection.cursor() as cursor:
            if self.database == "PostgreSQL":
                cursor.execute("SELECT pg_total_relation_size('monitoring_chunk')")
                return cursor.fetchone()[0]
            used = []
            for pragma in ("page_count", "freelist_count", "page_size"):
                cursor.execute(f"PRAGMA {pragma}")
                used.append(cursor.fetchone()[0])
        return (used[0] - used[1]) * used[2]

    def _count(self, what: str, work) -> None:
        self.spent[what] += self.clock.measure(work)

    def _write(self, start: int, steps: int, history: bool) -> None:
        for sid, t, v in self.load.batches(start, steps, history):
            self.samples += len(t)
            self._count("write", lambda sid=sid, t=t, v=v: self.store.write(sid, t, v))

    def _jobs(self, now: int) -> None:
        from monitoring.store import merge, seal

        self._count("seal", lambda: seal.seal(now))
        self._count("merge", lambda: merge.merge_days(now))
        if self.database == "PostgreSQL":
            with self.connection.cursor() as cursor:
                self._count("vacuum", lambda: cursor.execute("VACUUM ANALYZE monitoring_hot, monitoring_chunk"))

    def _figure(self, name: str, value: float, unit: str, limit: float | None = None, note: str = "") -> None:
        self.rows.append(Row(name, self.database, value, unit, limit, note))

    def run(self) -> list[Row]:
        for day in range(TODAY - self.days * DAY, TODAY, DAY):
            self._write(day, DAY // STEP, history=True)
            self._jobs(day + DAY + HOUR)
        self.now = TODAY + LIVE_HOURS * HOUR
        for hour in range(LIVE_HOURS):
            self._write(TODAY + hour * HOUR, HOUR // STEP, history=False)
        self._jobs(self.now)
        self._queries()
        self._jobs(TODAY + DAY + HOUR)
        self._storage()
        self._with_keys()
        return self.rows

    def _with_keys(self) -> None:
        """What checking times and looking up known keys adds, one sample of each of 5,000 series at a time."""
        from monitoring.store import writer
        from monitoring.store.batch import Batch
        from monitoring.store.windows import now_ms

        keys = [key for of_metric in self.load.keys for key in of_metric][:BATCH]  # the objects a decoder remembers
        index, ones = np.arange(len(keys), dtype=np.int32), np.ones(len(keys))
        batches = [Batch(keys, index, np.full(len(keys), now_ms() - back), ones) for back in range(100)]
        spent = self.clock.measure(lambda: [writer.write(batch) for batch in batches])
        self._figure("write with keys", spent / (len(keys) * len(batches)) * 1e6, "CPU-s/M", None, "for information: through writer.write")

    def _storage(self) -> None:
        millions = self.samples / 1e6
        parts = ", ".join(f"{what} {seconds / millions:.2f}" for what, seconds in self.spent.items() if seconds)
        where = " (this process, its backend, the server's writers)" if self.database == "PostgreSQL" else ""
        total = sum(self.spent.values()) / millions
        self.rows.insert(
            0, Row("write + seal + day merge", self.database, total, "CPU-s/M", 1.0, f"{millions:.1f}M samples: {parts}{where}")
        )
        self.rows.insert(1, Row("size after merge", self.database, *self._size()))

    def _size(self) -> tuple[float, str, float, str]:
        note = "raw days and rollups with their indexes"
        if self.database == "PostgreSQL":
            loose = (self._bytes() - self.empty) / self.samples
            note += f", tables rewritten; {loose:.2f} with the room a day's merged windows leave for the next day's"
            with self.connection.cursor() as cursor:
                cursor.execute("VACUUM FULL monitoring_chunk")
        return (self._bytes() - self.empty) / self.samples, "B/sample", 1.6, note

    def _queries(self) -> None:
        store, now = self.store, self.now
        sids = self.load.sids
        one = int(self.load.history[3, 2])
        hot = "last hour not sealed yet"
        self._query("24 h raw of one series", 5, lambda: store.raw_many([one], now - DAY, now), hot)
        self._query(
            f"{self.days} days to 500 buckets",
            6,
            lambda: store.buckets_many([one], now - self.days * DAY, now, self.days * DAY // 500),
            hot,
        )
        self._query(f"latest of {sids.size:,} series", 80, lambda: store.latest(None, now - 60_000), "last minute", 20)
        hosts = sids[2].tolist()
        self._query(f"1 h mean of {len(hosts):,} hosts", 25, lambda: store.reduce(hosts, now - HOUR, now), hot, 30)

    def _query(self, name: str, limit: float, work, note: str, times: int = 100) -> None:
        cpu, wall = per_call(self.query_clock, work, times)
        self._figure(name, cpu, "ms CPU", limit, f"{note}; wall {wall:.1f} ms")


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    print(json.dumps([asdict(row) for row in Bench(float(sys.argv[1])).run()]))


if __name__ == "__main__":
    main()
