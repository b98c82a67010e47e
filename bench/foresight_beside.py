"""Pages and ingest while the same installation judges and forecasts. Embedded, where one process does all of it: nothing is worse.

Run as a module it prepares the installation (`prepare <scale>`) or lets the waiting work begin (`begin`).
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from bench.installation import MANAGE, PYTHON, environment, serving
from bench.row import Row

SERIES, FORECAST = 20_000, 500
ROWS = 6  # of each series that wait to be judged
CALM, MOST = 30, 240  # seconds that are measured before; at most, with the work
PAUSE = 0.1  # seconds between two requests
PATHS = {"a page": "/forecasts/?tab=all", "the overview": "/", "ingest": "/webhooks/metrics"}
SAMPLES = 1000


def run(scale: float) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as data:
        env = environment(Path(data), AIOPS_WATCH_PACKS="false", AIOPS_RULE_PACKS="false")
        given = json.loads(_said("prepare", env, str(scale)))
        with serving([*MANAGE, "up"], env), httpx.Client(base_url=f"http://127.0.0.1:{env['PORT']}", timeout=60) as client:
            return _measured(client, given, env, Path(data, "aiops.sqlite3"))


def _said(verb: str, env: dict[str, str], *rest: str) -> str:
    command = [PYTHON, "-m", "bench.foresight_beside", verb, *rest]
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()[-1]


def _measured(client: httpx.Client, given: dict[str, Any], env: dict[str, str], database: Path) -> list[Row]:
    asks = _asks(client, given)
    for ask in asks.values():
        ask()
    until = time.monotonic() + CALM
    calm = _latencies(asks, lambda: time.monotonic() < until)
    _said("begin", env)
    until = time.monotonic() + MOST
    while _done(database)[0] == 0 and time.monotonic() < until:
        time.sleep(0.2)  # the schedule's minute begins
    begun = time.monotonic()
    busy = _latencies(asks, lambda: not all(_done(database)[1:]) and time.monotonic() < until)
    took = time.monotonic() - begun
    return [row for name in asks for row in _rows(name, calm[name], busy[name], given, took)]


def _rows(name: str, calm: list[float], busy: list[float], given: dict[str, Any], took: float) -> list[Row]:
    work = f"{given['rows']:,} rows of {given['series']:,} series judged, {given['forecast']:,} forecast, in {took:.0f} s"
    told = ((f"{name}, p95 before", calm, "nothing else to do"), (f"{name}, p95 meanwhile", busy, work))
    return [
        Row(title, "embedded", _p(walls, 0.95), "ms", None, f"{note}; median {_p(walls, 0.5):.0f} ms of {len(walls)}")
        for title, walls, note in told
        if walls
    ]


def _p(walls: list[float], share: float) -> float:
    return sorted(walls)[min(len(walls) - 1, int(share * len(walls)))]


def _asks(client: httpx.Client, given: dict[str, Any]) -> dict[str, Callable[[], None]]:
    headers = {"Authorization": f"Bearer {given['token']}"}

    def page(path: str) -> None:
        answer = client.get(path, cookies={given["cookie"]: given["session"]})
        assert answer.status_code == 200, (path, answer.status_code)

    def send() -> None:
        now = int(time.time() * 1000)
        body = [{"host": f"sent-{n}", "ts": now, "metrics": {f"m{k}": float(k) for k in range(20)}} for n in range(SAMPLES // 20)]
        answer = client.post(PATHS["ingest"], json=body, headers=headers)
        assert answer.status_code < 300, answer.text[:300]

    return {**{name: lambda path=path: page(path) for name, path in PATHS.items() if name != "ingest"}, "ingest": send}


def _latencies(asks: dict[str, Callable[[], None]], going: Callable[[], bool]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in asks}
    while going():
        for name, ask in asks.items():
            begun = time.perf_counter()
            ask()
            found[name].append((time.perf_counter() - begun) * 1000)
            time.sleep(PAUSE)
    return found


def _done(database: Path) -> tuple[int, bool, bool]:
    """(leases held and forecasts made, all are judged, all are forecast)."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        [(held,)] = connection.execute(
            "SELECT (SELECT count(*) FROM forecasting_watch WHERE lease <> '') + (SELECT count(*) FROM forecasting_forecast)"
        )
        [(waiting,)] = connection.execute("SELECT count(*) FROM forecasting_watch WHERE last_evaluated IS NULL OR lease <> ''")
        due = "w.forecast AND t.due_at <= datetime('now')"
        [(left,)] = connection.execute(
            f"SELECT count(*) FROM forecasting_track t JOIN forecasting_watch w ON w.id = t.watch_id WHERE {due}"
        )
    return held, waiting == 0, left == 0


# -- in the installation ---------------------------------------------------------------------------------------------------
def prepare(scale: float) -> dict[str, Any]:
    """Watches with all their tracks placed and their models made; the rows of half an hour and a run of forecasts wait, switched off."""
    from bench.foresight_load import FINE, HOUR, STEP, Bench
    from forecasting.models import Forecast, Track, Watch

    bench = Bench(scale)
    series, forecast = int(SERIES * scale), int(FORECAST * scale)
    bench.end = int(time.time() * 1000) // FINE * FINE  # up to now
    bench.placed(series, bench.end - ROWS * STEP)
    bench.watched(forecast, bench.end - HOUR)
    bench.remember(bench.end - HOUR)
    tracks = list(Track.objects.filter(watch__forecast=True).order_by("pk").values_list("pk", flat=True))
    first = max(1, min(20, forecast // 5))
    bench.forecast(bench.end - HOUR, tracks[:first])
    bench.lend(tracks[:first], tracks[first:])
    Forecast.objects.all().delete()
    Watch.objects.update(enabled=False, last_evaluated=None)
    return {"series": series, "forecast": len(tracks), "rows": ROWS * series, **_let_in()}


def _let_in() -> dict[str, str]:
    from django.conf import settings
    from django.test import Client

    from accounts import tokens
    from accounts.models import TokenKind, User

    user = User.objects.create_user("bench@example.org", None, name="bench", role="admin")
    client = Client()
    client.force_login(user)
    secret = tokens.issue(user, "bench", [], kind=TokenKind.INGEST, days=None)[1]
    name = settings.SESSION_COOKIE_NAME
    return {"cookie": name, "session": client.cookies[name].value, "token": secret}


def begin() -> None:
    from django.utils import timezone

    from forecasting.models import Track, Watch

    now = timezone.now()
    Track.objects.filter(watch__forecast=True).update(due_at=now)
    Watch.objects.update(enabled=True, due_at=now)
    print("begun")


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    if sys.argv[1] == "begin":
        begin()
    else:
        call_command("migrate", verbosity=0)
        print(json.dumps(prepare(float(sys.argv[2]))))


if __name__ == "__main__":
    main()
