"""The load of the explorer's figures, and their measurement. Runs in a process of its own per database."""

import json
import sys
from dataclasses import asdict
from urllib.parse import urlencode

import numpy as np

from bench.cpu import Clock, per_call
from bench.row import Row

STEP, HOUR, DAY = 120_000, 3_600_000, 86_400_000
DAYS, FEWEST = 4.2, 1.5
PORTION = 120  # moments written at once
SEED = 7
CPU = 'avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[10m]))'


class Bench:
    def __init__(self, scale: float) -> None:
        from django.db import connection

        from monitoring.demo.world import World
        from monitoring.store.windows import floor, now_ms

        self.rows: list[Row] = []
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.clock = Clock([])
        self.end = floor(now_ms(), STEP)
        self.days = max(FEWEST, DAYS * scale)
        self.world = World(SEED, self.end / 1000)

    def fill(self) -> None:
        from monitoring.demo import reports
        from monitoring.inventory.facts import report
        from monitoring.store import merge, seal, writer
        from monitoring.store.batch import Batch, SeriesKey

        owners = {(row.kind, row.name): row.pk for row in report(reports.reports(self.world, self.end, 3600), None)}
        keys = [SeriesKey.of(metric, labels) for metric, labels, _ in self.world.series]
        whose = [owners.get(owner) for _, _, owner in self.world.series]
        times = np.arange(self.end - int(self.days * DAY) // STEP * STEP, self.end, STEP)
        for place in range(0, len(times), PORTION):
            t = times[place : place + PORTION]
            values = np.vstack(list(self.world.values(t)))
            index = np.tile(np.arange(len(keys), dtype=np.int32), len(t))
            writer.write(Batch(keys, index, np.repeat(t, len(keys)), values.T.ravel(), whose))
        seal.seal()
        merge.merge_days()

    def run(self) -> list[Row]:
        from monitoring.dashboards import what_changed

        self.fill()
        client, count = self._client(), len(self.world.series)
        fixed = {"from": self.end - DAY, "to": self.end}
        self._page("a query of every host's CPU, 24 h", client, "/explore/data.json", {"q": CPU, **fixed}, 10)
        self._page("the same compared with yesterday", client, "/explore/data.json", {"q": CPU, "compare": "1d", **fixed}, 10)
        self._page("a completion of a metric", client, "/explore/complete", {"q": "sum(rate(node_netw", "at": 18}, 50)
        self._page("a metric's page", client, "/explore/metrics/node_cpu_seconds_total/", {}, 10)
        self._page("the page of 16 GPUs, 3 h", client, "/gpus/", {"from": self.end - 3 * HOUR, "to": self.end}, 10)
        self._page("50 server cards", client, "/resources/", {"view": "servers"}, 10)
        window = self._window()
        self._figure(f"what changed in 3 h among {count:,} series", lambda: what_changed.in_window(window), 2, "read and ranked", 3000)
        return self.rows

    def _window(self):
        from aiops import timerange

        return timerange.absolute(self.end - 3 * HOUR, self.end)

    def _client(self):
        from django.test import Client

        from accounts.models import User

        client = Client()
        client.force_login(User.objects.create_user("bench@example.org", name="bench", role="viewer"))
        return client

    def _page(self, name: str, client, path: str, query: dict[str, object], times: int) -> None:
        address = f"{path}?{urlencode(query)}"
        answer = client.get(address)
        assert answer.status_code == 200, answer.content[:500]
        self._figure(name, lambda: client.get(address), times, f"{len(answer.content) / 1000:.0f} KB")

    def _figure(self, name: str, work, times: int, note: str, limit: float | None = None) -> None:
        cpu, wall = per_call(self.clock, work, times)
        self.rows.append(Row(name, self.database, cpu, "ms CPU", limit, f"{note}; wall {wall:.0f} ms"))


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    from django.conf import settings

    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
    call_command("migrate", verbosity=0)
    bench = Bench(float(sys.argv[1]))
    print(json.dumps([asdict(row) for row in bench.run()]))


if __name__ == "__main__":
    main()
