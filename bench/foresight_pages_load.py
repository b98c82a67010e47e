"""The load of the figures of foresight's pages, and their measurement. Runs in a process of its own per database."""

import json
import sys
import zlib
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np

from bench.cpu import Clock, backend_pids, per_call
from bench.row import Row

TRACKS, ANOMALIES, CASES, PREDICTED = 5_000, 10_000, 2_000, 100
FEW = 50  # tracks, with twice as many anomalies: the lists are full
WATCHES, SITES = 10, ("fra", "ams", "iad", "hq")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STEP = 5 * MINUTE
REASONS = ("Above its range", "Below its range", "Level shift", "Unusual for the time of day", "Spike")
LIMIT = 150  # CPU-ms


class Load:
    """Tracks first to last of all that there will be, in turn of ten watches; ten series a resource."""

    def __init__(self) -> None:
        from django.utils import timezone

        from forecasting.models import Watch

        self.now = timezone.now()
        fields: dict[str, Any] = {"unit": "percent", "direction": "up", "limit": 95, "forecast": True}
        self.watches = [
            Watch.objects.create(key=f"w{n}", name=f"Disk used {n}", metric=f"used_{n}_percent", expr=f"used_{n}_percent", **fields)
            for n in range(WATCHES)
        ]

    def put(self, first: int, last: int) -> None:
        rows = self._tracks(first, last)
        self._samples(rows)
        self._forecasts(rows)
        self._histories(rows)

    def _tracks(self, first: int, last: int) -> list[Any]:
        from forecasting.models import Track
        from monitoring.inventory.facts import ResourceReport, report

        places = range(first // WATCHES, -(-last // WATCHES))
        kinds = ("host", "vm", "node", "database", "service")
        hosts = [ResourceReport(kinds[n % 5], f"h{n}", {"site": SITES[n % 4], "instance": f"h{n}"}) for n in places]
        owners = {row.name: row.pk for row in report(hosts, None)}
        states = (Track.State.OK, Track.State.OK, Track.State.OK, Track.State.OK, Track.State.NOT_PREDICTABLE)
        rows = []
        for n in range(first, last):
            vm, watch = f"h{n // WATCHES}", self.watches[n % WATCHES]
            labels = {"instance": vm, "mountpoint": f"/data{n % 3}"}
            state = states[n // WATCHES % 5]
            rows.append(
                Track(
                    watch=watch,
                    labels=labels,
                    key=f"{n:032}",
                    metric=watch.metric,
                    vm=vm,
                    resource_id=owners[vm],
                    state=state,
                    series=f'{watch.metric}{{mountpoint="/data{n % 3}"}}',
                    reason="" if state == "ok" else "No model is better.",
                )
            )
        return Track.objects.bulk_create(rows, batch_size=500)

    def _samples(self, tracks: list[Any]) -> None:
        """A day of it, every five minutes."""
        from monitoring.store import writer
        from monitoring.store.batch import Batch, SeriesKey

        end = int(self.now.timestamp() * 1000) // STEP * STEP
        times = np.arange(end - DAY, end + 1, STEP)
        keys = [SeriesKey.of(track.metric, track.labels) for track in tracks]
        at, place = np.meshgrid(times, np.arange(len(keys), dtype=np.int32))
        values = 60 + place % 30 + 5 * np.sin(at / DAY * 2 * np.pi)
        for part in np.array_split(np.arange(at.size), max(1, at.size // 300_000)):
            writer.write(Batch(keys, place.ravel()[part], at.ravel()[part], values.ravel()[part]))

    def _forecasts(self, tracks: list[Any]) -> None:
        from forecasting.models import Forecast, ForecastModel

        errors = {kind: {"mae": 0.4, "mase": 0.6} for kind in ("blend", "seasonal_naive", "ridge_ar", "theta", "mstl")}
        models = ForecastModel.objects.bulk_create(
            (
                ForecastModel(track=track, version=1, kind="blend", ratio=0.7, errors=errors, state=b"x" * 4000, active=True)
                for track in tracks
            ),
            batch_size=500,
        )
        start = int(self.now.timestamp()) // 3600 * HOUR + HOUR
        mean = (80 + 0.1 * np.arange(48)).round(3)
        edges = {"lo80": -2, "hi80": 2, "lo95": -3, "hi95": 3}
        points = {"mean": mean.tolist(), **{name: (mean + by).tolist() for name, by in edges.items()}}
        rows = (self._forecast(track, model, start, points) for track, model in zip(tracks, models, strict=True))
        Forecast.objects.bulk_create(rows, batch_size=500)

    def _forecast(self, track: Any, model: Any, start: int, points: dict[str, Any]) -> Any:
        from forecasting.models import Forecast

        due = self.now + timedelta(hours=2 + track.pk % 2000) if track.pk % 4 else None
        edges = {"eta_lo": due - timedelta(hours=1), "eta_hi": due + timedelta(hours=9)} if due else {}
        return Forecast(
            track=track, model=model, made_at=self.now, start=start, step=3600, points=points, value=80, limit=95, eta=due, **edges
        )

    def _histories(self, tracks: list[Any]) -> None:
        from forecasting.models import History

        t = np.arange(28 * 96)
        values = zlib.compress((70 + 5 * np.sin(t / 96 * 2 * np.pi) + np.random.default_rng(1).normal(0, 1, len(t))).tobytes(), 1)
        through = int(self.now.timestamp() * 1000) // HOUR * HOUR
        History.objects.bulk_create((History(track=one, step=900, through=through, values=values) for one in tracks), batch_size=500)

    def unusual(self, first: int, last: int) -> None:
        """Over a day; every third is open, as far as a track may have one."""
        from forecasting.models import Anomaly, Track

        tracks = list(Track.objects.order_by("pk").values_list("pk", flat=True))
        rows = []
        for n in range(first, last):
            began = self.now - timedelta(seconds=60 + 86_000 * (n / last))
            ended = None if n % 3 == 0 and n < first + len(tracks) else began + timedelta(seconds=50)
            given = {"score": 0.3 + 0.7 * (n * 37 % 100) / 100, "reason": REASONS[n % 5], "channels": {"range": 0.9, "level": 0.6}}
            times = {"started_at": began, "peak_at": began, "seen_at": began, "ended_at": ended}
            rows.append(Anomaly(track_id=tracks[n % len(tracks)], value=93, low=60, high=80, **times, **given))
        Anomaly.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)

    def ledger(self, cases: int, first: int, last: int) -> None:
        """Predictive alerts, and a fortnight of predictions of tracks first to last."""
        from forecasting.models import Foresight, Prediction, Track

        tracks = list(Track.objects.order_by("pk"))
        outcomes = ("came_true", "averted", "false")
        Foresight.objects.bulk_create(
            (
                Foresight(
                    track=tracks[n % len(tracks)], kind="blend", opened_at=self.now - timedelta(hours=n % 2000), limit=95, value=88,
                    eta=self.now, nearest=93, outcome=outcomes[n % 3], closed_at=self.now, reached_at=self.now if n % 3 == 0 else None,
                )
                for n in range(cases)
            ),
            batch_size=500,
        )  # fmt: skip
        whole = self.now.replace(minute=0, second=0, microsecond=0)
        Prediction.objects.bulk_create(
            (
                Prediction(
                    track=track, vm=track.vm, metric=track.series, timestamp=whole - timedelta(hours=hour), mean=80, lower=78, upper=82,
                    actual=80.5,
                )
                for track in tracks[first:last]
                for hour in range(14 * 24)
            ),
            batch_size=500,
        )  # fmt: skip


class Bench:
    def __init__(self, scale: float) -> None:
        from django.db import connection
        from django.test import Client

        from accounts.models import User

        self.scale, self.rows, self.clock = scale, [], Clock(backend_pids())
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.client = Client(headers={"host": "localhost"})
        self.client.force_login(User.objects.get(email="bench@example.org"))

    def run(self) -> list[Row]:
        tracks, anomalies = round(TRACKS * self.scale), round(ANOMALIES * self.scale)
        load = Load()
        load.put(0, FEW)
        load.unusual(0, 2 * FEW)
        load.ledger(FEW, 0, 1)
        few = {path: self._queries(path) for path in self._counted()}
        load.put(FEW, tracks)
        load.unusual(2 * FEW, anomalies)
        load.ledger(round(CASES * self.scale), 1, round(PREDICTED * self.scale))
        self._settle()
        for name, path in self._pages().items():
            self._timed(name, path, f"{tracks:,} series, {anomalies:,} anomalies")
        self._cold()
        for path, least in few.items():
            name = f"statements of {path.partition('?')[0]}"
            self.rows.append(Row(name, self.database, self._queries(path), "", least, f"as of {FEW} series"))
        return self.rows

    def _settle(self) -> None:
        from django.db import connection

        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")

    def _counted(self) -> list[str]:
        from forecasting.models import Anomaly, Track

        track, anomaly = Track.objects.order_by("pk")[0].pk, Anomaly.objects.order_by("-score", "-pk")[0].pk
        return [
            "/forecasts/?tab=all", "/forecasts/?tab=not", f"/forecasts/{track}/", "/forecasts/models/", "/forecasts/watches/",
            "/anomalies/?least=0", f"/anomalies/?least=0&open={anomaly}", "/analysis/", "/api/v1/anomalies/", "/api/v1/forecasts/",
        ]  # fmt: skip

    def _pages(self) -> dict[str, str]:
        from forecasting.models import Anomaly, Track, Watch

        track, anomaly = Track.objects.order_by("pk")[0].pk, Anomaly.objects.order_by("-score", "-pk")[0].pk
        watch = Watch.objects.order_by("pk")[0].pk
        return {
            "forecasts, breaches": "/forecasts/", "forecasts, all": "/forecasts/?tab=all",
            "forecasts, all, last page": "/forecasts/?tab=all&page=999",
            "forecasts, searched and filtered": f"/forecasts/?tab=all&q=h1+data&watch={watch}&kind=vm&sort=-now",
            "forecasts, not predictable yet": "/forecasts/?tab=not", "one forecast": f"/forecasts/{track}/",
            "its chart": f"/forecasts/{track}/chart.json", "what was foretold and came": f"/forecasts/{track}/chart.json?part=compared",
            "models and the ledger": "/forecasts/models/", "watches": "/forecasts/watches/", "one watch": f"/forecasts/watches/{watch}/",
            "anomalies": "/anomalies/", "anomalies, all of a week": "/anomalies/?least=0&range=now-7d",
            "anomalies, searched and filtered": "/anomalies/?least=0&q=h1+range&state=ended&site=ams",
            "anomalies, with the drawer": f"/anomalies/?open={anomaly}", "the drawer's chart": f"/anomalies/{anomaly}/chart.json",
            "analysis": "/analysis/", "analysis, a day": "/analysis/?range=now-24h", "API: anomalies": "/api/v1/anomalies/",
            "API: forecasts": "/api/v1/forecasts/", "API: predictions": "/api/v1/predictions/", "API: models": "/api/v1/models/",
        }  # fmt: skip

    def get(self, path: str) -> bytes:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.content[:500])
        return answer.content

    def _queries(self, path: str) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        self.get(path)
        with CaptureQueriesContext(connection) as captured:
            self.get(path)
        return len(captured)

    def _timed(self, name: str, path: str, about: str) -> None:
        cpu, wall = per_call(self.clock, lambda: self.get(path), 9)
        self.rows.append(Row(name, self.database, cpu, "CPU-ms", LIMIT, f"{about}; {wall:.0f} ms"))

    def _cold(self) -> None:
        from django.core.cache import cache

        def cold() -> None:
            cache.clear()
            self.get("/anomalies/")

        self.client.get("/anomalies/")
        cpu, wall = per_call(self.clock, cold, 5)
        self.rows.append(Row("anomalies, cold", self.database, cpu, "CPU-ms", None, f"every sparkline is read; {wall:.0f} ms"))


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.RULE_PACKS = settings.WATCH_PACKS = settings.LOCAL_HOST_SOURCE = False
    call_command("migrate", verbosity=0)
    from accounts.models import User

    User.objects.create_user("bench@example.org", None, name="bench", role="operator")
    print(json.dumps([asdict(row) for row in Bench(float(sys.argv[1])).run()]))


if __name__ == "__main__":
    main()
