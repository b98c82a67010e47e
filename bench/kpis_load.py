"""A past for the key figures, and their measurement. Runs in a process of its own per database."""

import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta

from bench.cpu import Clock, backend_pids, per_call
from bench.row import Row

ALERTS, INCIDENTS, RESOURCES, DAYS = 100_000, 2000, 1000, 90
SEVERITIES = ("critical", "high", "medium", "low")
EVIDENCE = {"expr": "x > 1", "value": 2, "threshold": 1, "op": ">", "samples": [[1_700_000_000_000 + n * 15_000, n] for n in range(60)]}


def past(alerts: int, incidents: int, now: datetime) -> None:
    from monitoring.alerts.models import Alert
    from monitoring.incidents.models import Incident
    from monitoring.inventory.models import Resource

    chance, first = random.Random(3), now - timedelta(days=DAYS + 10)
    Resource.objects.bulk_create(
        [
            Resource(kind="host", name=f"h{n}", labels={"role": f"role{n % 12}", "team": f"t{n % 4}"}, first_seen=first)
            for n in range(RESOURCES)
        ],
        batch_size=500,
    )
    owners = list(Resource.objects.values_list("pk", flat=True))
    for place in range(0, alerts, 5000):
        Alert.objects.bulk_create((_alert(n, chance, now, owners) for n in range(place, min(place + 5000, alerts))), batch_size=500)
    Incident.objects.bulk_create((_incident(n, chance, now) for n in range(incidents)), batch_size=500)


def _alert(n: int, chance: random.Random, now: datetime, owners: list[int]):
    from monitoring.alerts.models import Alert

    fired = now - timedelta(seconds=chance.uniform(0, DAYS * 86_400))
    seen, fires = chance.random() < 0.4, n % 100 == 0
    return Alert(
        fingerprint=f"f{n}", name=f"Alert{n % 60}", severity=chance.choice(SEVERITIES), resource_id=chance.choice(owners),
        labels={"instance": f"h{n % RESOURCES}", "job": "node"}, annotations={"summary": "a sentence about it"}, evidence=EVIDENCE,
        state="firing" if fires else "resolved", ownership="acknowledged" if seen else "new", resolution="" if fires else "recovered",
        started_at=fired - timedelta(seconds=chance.uniform(0, 600)), fired_at=fired,
        acknowledged_at=fired + timedelta(seconds=chance.uniform(10, 900)) if seen else None,
        resolved_at=None if fires else fired + timedelta(seconds=chance.expovariate(1 / 1800)),
    )  # fmt: skip


def _incident(n: int, chance: random.Random, now: datetime):
    from monitoring.incidents.models import Incident

    noticed = now - timedelta(seconds=chance.uniform(3600, DAYS * 86_400))
    times = {"acknowledged_at": 300, "resolved_at": 2400}
    return Incident(
        title=f"Trouble {n}", severity=chance.choice(SEVERITIES), status="resolved", resolution="recovered",
        started_at=noticed - timedelta(seconds=120), detected_at=noticed,
        **{name: noticed + timedelta(seconds=chance.uniform(0, most)) for name, most in times.items()},
    )  # fmt: skip


def reader() -> Callable[[str], bytes]:
    from django.test import Client

    from accounts.models import User

    client = Client()
    client.force_login(User.objects.create_user("bench@example.org", None, role="viewer"))

    def get(address: str) -> bytes:
        answer = client.get(address, HTTP_HOST="localhost")
        assert answer.status_code == 200, answer.content[:500]
        return answer.content

    return get


def queries(get: Callable[[str], bytes], address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    get(address)
    with CaptureQueriesContext(connection) as captured:
        get(address)
    return len(captured)


def measure(scale: float) -> list[Row]:
    from django.db import connection
    from django.utils import timezone

    database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    get, clock, stored = reader(), Clock(backend_pids()), round(ALERTS * scale)
    few = queries(get, "/executive/?range=now-90d&open=alerts")
    past(stored, round(INCIDENTS * scale), timezone.now())
    if database == "PostgreSQL":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    rows = [
        _page(get, clock, database, "Executive, 90 days", "/executive/?range=now-90d", 300, f"{stored:,} alerts; all of them are counted"),
        _page(get, clock, database, "Executive, 30 days", "/executive/", 300, "a third of them, and the third before"),
        _page(get, clock, database, "rows of a figure open", "/executive/?range=now-90d&open=time-to-resolve", None, "90 days"),
        _page(get, clock, database, "trend of 7, 30 and 90 days", "/executive/trends", None, "loaded after the page"),
        _page(get, clock, database, "API summary", "/api/v1/kpis/", None, "30 days"),
    ]
    many = queries(get, "/executive/?range=now-90d&open=alerts")
    return [*rows, Row("queries", database, many, "queries", few + 4, f"{few} with no alert at all, where no row needs its neighbours")]


def _page(get: Callable[[str], bytes], clock: Clock, database: str, name: str, address: str, limit: float | None, note: str) -> Row:
    cpu, wall = per_call(clock, lambda: get(address), 7)
    return Row(name, database, cpu, "ms", limit, f"CPU, wall {wall:.0f} ms; {note}")


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0)
    print(json.dumps([asdict(row) for row in measure(float(sys.argv[1]))]))


if __name__ == "__main__":
    main()
