"""The load of the figures of foresight, and their measurement. Runs in a process of its own per database."""

import json
import sys
import zlib
from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np

from bench.cpu import Clock, backend_pids
from bench.row import Row

SERIES, FORECAST = 20_000, 5_000
STEP, HOUR, DAY = 300_000, 3_600_000, 86_400_000
TICKS = 4
FINE = 900_000  # of a history


def after(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000 + 30, UTC)


def put(metric: str, series: int, at: int) -> None:
    from monitoring.store import writer
    from monitoring.store.batch import Batch, SeriesKey

    keys = [SeriesKey.of(metric, {"instance": f"host-{place:05}", "job": "node", "site": f"s{place % 40}"}) for place in range(series)]
    values = 50 + 10 * np.sin(at / DAY * 2 * np.pi) + np.random.default_rng(at // STEP).normal(0, 1, series)
    writer.write(Batch(keys, np.arange(series, dtype=np.int32), np.full(series, at), values))


class Bench:
    def __init__(self, scale: float) -> None:
        from django.db import connection

        from monitoring.store.windows import floor, now_ms

        self.rows: list[Row] = []
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.clock, self.scale = Clock(backend_pids()), scale
        self.end = floor(now_ms() - HOUR, HOUR)

    def run(self) -> list[Row]:
        self.ticks(int(SERIES * self.scale))
        self.forecasts(int(FORECAST * self.scale))
        return self.rows

    def ticks(self, series: int) -> None:
        from forecasting import shards, stream
        from forecasting.models import Track, Watch

        shards._learned = lambda watch, tracks, at: stream.fresh(len(tracks), watch.step)  # their past is not what is measured
        Watch.objects.create(key="load", name="Load", metric="load_percent", expr="bench_load", most=series)
        begin = self.end - TICKS * STEP
        put("bench_load", series, begin)
        while Track.objects.filter(place__isnull=False).count() < series:
            self.score(begin)
        spent = []
        for at in range(begin + STEP, self.end + 1, STEP):
            put("bench_load", series, at)
            spent.append(self.clock.measure(lambda at=at: self.score(at)))
        limit = 3 * max(self.scale, 0.1)
        note = f"best of {TICKS}; the one that looks the scores' series up for the first time takes {max(spent):.1f}"
        self.rows.append(Row(f"a tick, {series:,} series with one new sample each", self.database, min(spent), "CPU-s", limit, note))
        held = Watch.objects.get().shards.all()
        size = sum(len(shard.blob) for shard in held) / series
        self.rows.append(Row("state of one series", self.database, size, "B", 2048, "as it is kept"))
        Watch.objects.all().delete()

    def score(self, at: int) -> None:
        """One watch is due: looked for or judged."""
        from forecasting import schedule, scoring
        from forecasting.models import Watch

        Watch.objects.update(due_at=after(at))
        watch, lease = schedule.claim_watch(after(at))
        (scoring.score if watch.detect else scoring.look)(watch, lease, at)

    def forecasts(self, series: int) -> None:
        """Histories are put where a run finds them; each run reads an hour of samples."""
        from forecasting import evaluation
        from forecasting.models import Watch

        fields = {"unit": "percent", "direction": "up", "limit": 95, "detect": False, "forecast": True, "most": series}
        Watch.objects.create(key="disk", name="Disk", metric="disk_percent", expr="bench_disk", **fields)
        start = self.end - HOUR
        for at in range(start, self.end + 1, STEP):
            put("bench_disk", series, at)
        self.score(start)
        self.remember(start)
        evaluation.REST = 0
        for name, at in (("forecasts for the first time, models made", start), ("the hourly run of forecasts", self.end)):
            spent = self.clock.measure(lambda at=at: self.forecast(at))
            note = "with backtests" if at == start else "fitted anew, with the weights of the models"
            self.rows.append(Row(f"{name}, {series:,} series", self.database, spent, "CPU-s", 3600 * max(self.scale, 0.1), note))

    def remember(self, until: int) -> None:
        from forecasting.models import History, Track

        t = until - FINE * np.arange(28 * 96)[::-1]
        shape, rng = 50 + 10 * np.sin(t / DAY * 2 * np.pi), np.random.default_rng(1)
        rows = []
        for pk in Track.objects.values_list("pk", flat=True):
            values = zlib.compress((shape + rng.normal(0, 1, len(t))).tobytes(), 1)
            rows.append(History(track_id=pk, step=FINE // 1000, through=until, values=values))
        History.objects.bulk_create(rows, batch_size=500)

    def forecast(self, at: int) -> None:
        from forecasting import runs, schedule
        from forecasting.models import Track

        now = after(at)
        Track.objects.update(due_at=now)
        while (claimed := schedule.claim_tracks(now))[1]:
            runs._run(claimed[1], claimed[0], "numpy", now)


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    from django.conf import settings

    settings.WATCH_PACKS = settings.LOCAL_HOST_SOURCE = False
    call_command("migrate", verbosity=0)
    bench = Bench(float(sys.argv[1]))
    rows = bench.run()
    if bench.database == "SQLite":  # the same on both
        from bench.foresight_demo import Fortnight

        rows += Fortnight().run()
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
