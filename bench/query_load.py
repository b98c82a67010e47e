"""The load of the query figures, and their measurement. Runs in a process of its own per database."""

import json
import sys
from dataclasses import asdict

import numpy as np

from bench.cpu import Clock, backend_pids, per_call
from bench.row import Row

STEP, MINUTE, HOUR, DAY = 15_000, 60_000, 3_600_000, 86_400_000
HOSTS, METRICS = 1000, 5  # a flush of all holds 5,000 samples
HOURS, HOT = 7, 1  # the last one not sealed yet
OTHERS = 15_000  # series that are in the index alone


class Bench:
    def __init__(self, scale: float) -> None:
        from django.db import connection

        from monitoring.store import series
        from monitoring.store.batch import SeriesKey
        from monitoring.store.chunkstore import ChunkStore

        self.hosts = max(50, round(HOSTS * scale))
        self.store, self.connection, self.rows = ChunkStore(), connection, []
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.clock = Clock(backend_pids())
        labels = [{"instance": f"host-{host:04d}", "job": "node", "zone": f"z{host % 3}"} for host in range(self.hosts)]
        keys = [SeriesKey.of(f"metric_{metric}_total", of_host) for of_host in labels for metric in range(METRICS)]
        self.sids = series.ids(keys).reshape(self.hosts, METRICS).T
        series.ids([SeriesKey.of(f"other_{place % 15}", {"n": str(place)}) for place in range(round(OTHERS * scale))])

    def fill(self) -> None:
        """Counters that rise at rates of their own, a sample each 15 s."""
        from monitoring.store import seal
        from monitoring.store.windows import floor, now_ms

        self.end = floor(now_ms(), 2 * HOUR) - HOUR
        chance, sid = np.random.default_rng(5), self.sids.reshape(-1).astype(np.int32)
        value = chance.integers(0, 10**6, len(sid)).astype(float)
        for t in range(self.end - HOURS * HOUR, self.end, STEP):
            value += chance.poisson(150, len(sid))
            self.store.write(sid, np.full(len(sid), t), value.copy())
        seal.seal(self.end - HOT * HOUR + 20 * MINUTE)
        if self.database == "PostgreSQL":
            with self.connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")

    def run(self) -> list[Row]:
        from monitoring.query.stored import run_instant, run_range

        self.fill()
        end, many = self.end, f"{self.hosts:,} series"
        by_instance = "sum by (instance)(rate(metric_3_total[5m]))"
        self._figure(f"range: {by_instance}, {many}, 6 h at 60 s", 150, lambda: run_range(by_instance, end - 6 * HOUR, end, MINUTE), 20)
        rule = "rate(metric_3_total[5m]) > 5"
        self._figure(f"rule: {rule}, {many}", 25, lambda: run_instant(rule, end), 50)
        self._answers(by_instance)
        self._index()
        return self.rows

    def _answers(self, query: str) -> None:
        """The whole view, but for the socket."""
        from django.test import Client

        from accounts import tokens
        from accounts.models import User

        user = User.objects.create_user("bench@example.org", name="bench", role="viewer")
        client = Client(headers={"Authorization": f"Bearer {tokens.issue(user, 'bench', ['monitoring:read'])[1]}", "Host": "localhost"})
        form = {"query": query, "start": (self.end - 6 * HOUR) / 1000, "end": self.end / 1000, "step": 60}
        size = len(client.post("/prometheus/api/v1/query_range", form).content)
        note = f"as JSON, {size / 1e6:.1f} MB"
        self._figure("the same range by HTTP", None, lambda: client.post("/prometheus/api/v1/query_range", form), 10, note)

    def _index(self) -> None:
        from monitoring.query.source import Matcher
        from monitoring.store import matching

        matchers = [Matcher("__name__", "=", "metric_3_total"), Matcher("job", "=", "node")]
        name = f"select {self.hosts:,} of {matching.count():,} series, labels included"
        self._figure(name, 3, lambda: [(one.sids(), one.labels()) for one in matching.select(matchers)], 100)

    def _figure(self, name: str, limit: float | None, work, times: int, note: str = "") -> None:
        cpu, wall = per_call(self.clock, work, times)
        hot = "last hour not sealed yet"
        self.rows.append(Row(name, self.database, cpu, "ms CPU", limit, f"{note or hot}; wall {wall:.1f} ms"))


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    bench = Bench(float(sys.argv[1]))
    print(json.dumps([asdict(row) for row in bench.run()]))


if __name__ == "__main__":
    main()
