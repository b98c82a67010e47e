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
FIRST, HOURLY = 100, 500  # of the forecasts: for the first time with a backtest, and a run of the hour; what they cost is scaled
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

    def placed(self, series: int, begin: int) -> None:
        """A watch of so many series, each with its place in a shard; and its samples from then to the end."""
        from forecasting import shards, stream
        from forecasting.models import Track, Watch

        shards._learned = lambda watch, tracks, at: stream.fresh(len(tracks), watch.step)  # their past is not what is measured
        Watch.objects.create(key="load", name="Load", metric="load_percent", expr="bench_load", most=series)
        for at in range(begin, self.end + 1, STEP):
            put("bench_load", series, at)
        while Track.objects.filter(place__isnull=False).count() < series:
            self.score(begin)

    def ticks(self, series: int) -> None:
        from forecasting.models import Watch

        begin = self.end - TICKS * STEP
        self.placed(series, begin)
        spent = []
        for at in range(begin + STEP, self.end + 1, STEP):
            spent.append(self.clock.measure(lambda at=at: self.score(at)))
        limit = 3 * max(self.scale, 0.1)
        note = f"best of {TICKS}; the one that looks the scores' series up for the first time takes {max(spent):.1f}"
        self.rows.append(Row(f"a tick, {series:,} series with one new sample each", self.database, min(spent), "CPU-s", limit, note))
        held = Watch.objects.get().shards.all()
        size = sum(len(shard.blob) for shard in held) / series
        self.rows.append(Row("state of one series", self.database, size, "B", 2048, "as it is kept"))
        Watch.objects.all().delete()

    def score(self, at: int) -> None:
        """The newest watch is due: looked for or judged."""
        from forecasting import schedule, scoring
        from forecasting.models import Watch

        watch, lease = schedule.claim(Watch.objects.latest("pk").pk, after(at))
        (scoring.score if watch.detect else scoring.look)(watch, lease, at)

    def forecasts(self, series: int) -> None:
        """Histories are put where a run finds them; each run reads an hour of samples. The models of the first ones are the others' too:
        an hourly run fits them anew either way."""
        from forecasting import evaluation
        from forecasting.models import Track

        first, hourly = min(FIRST, series // 5), min(HOURLY, series)
        start = self.end - HOUR
        self.watched(hourly, start)
        self.remember(start)
        evaluation.REST = 0
        tracks = list(Track.objects.order_by("pk").values_list("pk", flat=True))
        spent = self.clock.measure(lambda: self.forecast(start, tracks[:first]))
        self.row("forecasts for the first time, models made", spent, first, series, "with backtests")
        self.lend(tracks[:first], tracks[first:])
        spent = self.clock.measure(lambda: self.forecast(self.end, tracks))
        self.row("the hourly run of forecasts", spent, hourly, series, "fitted anew, with the weights of the models")

    def row(self, name: str, spent: float, measured: int, series: int, note: str) -> None:
        """The cost of all, from that of a sample."""
        told = f"{note}; {spent:.1f} CPU-s for {measured:,} of them, {1000 * spent / measured:.1f} CPU-ms each"
        limit = 3600 * max(self.scale, 0.1)
        self.rows.append(Row(f"{name}, {series:,} series", self.database, spent * series / measured, "CPU-s", limit, told))

    def watched(self, series: int, start: int) -> None:
        from forecasting.models import Watch

        fields = {"unit": "percent", "direction": "up", "limit": 95, "detect": False, "forecast": True, "most": series}
        Watch.objects.create(key="disk", name="Disk", metric="disk_percent", expr="bench_disk", **fields)
        for at in range(start, self.end + 1, STEP):
            put("bench_disk", series, at)
        self.score(start)

    def lend(self, owners: list[int], others: list[int]) -> None:
        from forecasting.models import ForecastModel

        models = list(ForecastModel.objects.filter(track__in=owners, active=True))
        rows = []
        for place, pk in enumerate(others):
            model = models[place % len(models)]
            fields = {
                field.attname: getattr(model, field.attname) for field in ForecastModel._meta.concrete_fields if not field.primary_key
            }
            rows.append(ForecastModel(**{**fields, "track_id": pk}))
        ForecastModel.objects.bulk_create(rows, batch_size=200)

    def remember(self, until: int) -> None:
        from forecasting.models import History, Track

        t = until - FINE * np.arange(28 * 96)[::-1]
        shape, rng = 50 + 10 * np.sin(t / DAY * 2 * np.pi), np.random.default_rng(1)
        rows = []
        for pk in Track.objects.filter(watch__forecast=True).values_list("pk", flat=True):
            values = zlib.compress((shape + rng.normal(0, 1, len(t))).tobytes(), 1)
            rows.append(History(track_id=pk, step=FINE // 1000, through=until, values=values))
        History.objects.bulk_create(rows, batch_size=500)

    def forecast(self, at: int, tracks: list[int]) -> None:
        from forecasting import runs, schedule
        from forecasting.models import Track

        now = after(at)
        Track.objects.update(due_at=now.replace(year=now.year + 1))
        for place in range(0, len(tracks), 500):
            Track.objects.filter(pk__in=tracks[place : place + 500]).update(due_at=now)
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
