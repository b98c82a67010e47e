"""The load of the incident figures, and their measurement. Runs in a process of its own per database."""

import json
import sys
import time
from dataclasses import asdict
from datetime import timedelta

from bench.cpu import Clock, backend_pids
from bench.row import Row

ALERTS, AT_ONCE = 10_000, 500
PODS, NODES, CLUSTERS, SERVICES, DATABASES = 8000, 400, 4, 50, 25


class Bench:
    def __init__(self, scale: float) -> None:
        from django.db import connection

        self.scale, self.rows = scale, []
        self.connection, self.database = connection, "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.clock = Clock(backend_pids())

    def run(self) -> list[Row]:
        self._inventory()
        self._arrive()
        self._show()
        self._follow()
        return self.rows

    def _inventory(self) -> None:
        from monitoring.inventory import topology
        from monitoring.inventory.models import Resource

        def made(kind: str, count: int, parents: list[int]) -> list[int]:
            rows = [Resource(kind=kind, name=f"{kind}-{n}", parent_id=parents[n % len(parents)] if parents else None) for n in range(count)]
            return [row.pk for row in Resource.objects.bulk_create(rows, batch_size=500)]

        nodes = made("node", NODES, made("cluster", CLUSTERS, []))
        made("pod", PODS, nodes)
        services, databases = made("service", SERVICES, []), made("database", DATABASES, nodes)
        topology.note([(one, databases[n % DATABASES]) for n, one in enumerate(services)], "calls", "bench")

    def _arrive(self) -> None:
        from django.test import Client

        from accounts import tokens
        from accounts.models import User
        from monitoring.alerts.models import Alert
        from monitoring.incidents import tasks
        from monitoring.incidents.correlate import correlate
        from monitoring.incidents.models import Incident, IncidentAlert

        tasks.correlate_alerts.apply_async = lambda *given, **rest: None  # done here, where it is measured
        person = User.objects.create_user("bench@example.org", name="bench", role="operator")
        client = Client(headers={"Authorization": f"Bearer {tokens.issue(person, 'bench', ['metrics:write'])[1]}", "Host": "localhost"})
        many, spent, walls, seen = round(ALERTS * self.scale), 0.0, [], 0
        for place in range(0, many, AT_ONCE):
            client.post("/webhooks/alertmanager", _group(range(place, min(place + AT_ONCE, many))), "application/json")
            ids = list(Alert.objects.filter(pk__gt=seen).values_list("pk", flat=True))
            seen = max(ids)
            begun = time.perf_counter()
            spent += self.clock.measure(lambda ids=ids: correlate(ids))
            walls.append(time.perf_counter() - begun)
        lost = Alert.objects.filter(state="firing", memberships=None).count()
        count = Incident.counted().count()
        note = f"{spent / many * 1000:.2f} ms each; {IncidentAlert.objects.count():,} in {count} incidents, {lost} in none"
        self.rows.append(Row(f"{many:,} alerts become incidents", self.database, spent, "s CPU", 30 * self.scale, note))
        walls.sort()
        note = f"worst of {len(walls)}, median {walls[len(walls) // 2] * 1000:.0f} ms: so long are incidents locked, alerts are not"
        self.rows.append(Row(f"one body of {AT_ONCE}", self.database, walls[-1] * 1000, "ms", None, note))
        begun = time.perf_counter()
        cpu = self.clock.measure(correlate)
        self.rows.append(
            Row("nothing is left to correlate", self.database, (time.perf_counter() - begun) * 1000, "ms", None, f"{cpu * 1000:.0f} ms CPU")
        )

    def _show(self) -> None:
        from django.test import Client
        from django.test.utils import CaptureQueriesContext

        from accounts.models import User
        from monitoring.incidents.models import Incident

        client = Client(headers={"Host": "localhost"})
        client.force_login(User.objects.get(name="bench"))
        largest = Incident.counted().order_by("-alert_count").first()
        pages = {"list of incidents": "/incidents/", f"page of the largest, {largest.alert_count:,} alerts": f"/incidents/{largest.pk}/"}
        for name, url in pages.items():
            client.get(url)
            walls = []
            for _ in range(7):
                begun = time.perf_counter()
                answer = client.get(url)
                walls.append((time.perf_counter() - begun) * 1000)
                assert answer.status_code == 200
            with CaptureQueriesContext(self.connection) as caught:
                client.get(url)
            note = f"wall, median of 7, worst {max(walls):.0f} ms; {len(caught)} statements"
            self.rows.append(Row(name, self.database, sorted(walls)[3], "ms", None, note))

    def _follow(self) -> None:
        """The task of every 15 s while all fire, then after all have ended."""
        from django.utils import timezone

        from monitoring.alerts.models import Alert
        from monitoring.incidents.models import Incident
        from monitoring.incidents.tasks import tend_incidents
        from monitoring.incidents.tend import tend

        cpu = self.clock.measure(tend_incidents)
        self.rows.append(Row("following them, nothing new", self.database, cpu * 1000, "ms CPU", None, "every 15 s"))
        ended = timezone.now() - timedelta(minutes=10)
        Alert.objects.update(state="resolved", resolved_at=ended)
        cpu = self.clock.measure(lambda: (tend(), tend()))
        over = Incident.objects.filter(status="resolved", resolution="recovered").count()
        self.rows.append(Row("all of them end", self.database, cpu * 1000, "ms CPU", None, f"{over} incidents are mitigated and resolved"))


def _group(numbers: range) -> str:
    members = [{"status": "firing", "labels": _labels(n), "annotations": {"summary": f"trouble {n}"}, **TIMES} for n in numbers]
    return json.dumps({"version": "4", "receiver": "aiops", "status": "firing", "alerts": members})


TIMES = {"startsAt": "2026-11-20T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}


def _labels(n: int) -> dict[str, str]:
    """Nine in ten about pods, the others about services, databases and nodes."""
    name = f"Alert{n % 60}"
    if n % 10:
        return {
            "alertname": name,
            "pod": f"pod-{n * 7 % PODS}",
            "namespace": f"ns-{n % 37}",
            "cluster": f"cluster-{n % CLUSTERS}",
            "severity": "warning",
        }
    which = n // 10
    if which % 3 == 0:
        return {"alertname": name, "service": f"service-{which % SERVICES}", "severity": "critical"}
    if which % 3 == 1:
        return {"alertname": name, "instance": f"database-{which % DATABASES}", "part": str(which), "severity": "critical"}
    return {"alertname": name, "node": f"node-{which % NODES}", "part": str(which), "severity": "info"}


def main() -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    call_command("migrate", verbosity=0)
    bench = Bench(float(sys.argv[1]))
    print(json.dumps([asdict(row) for row in bench.run()]))


if __name__ == "__main__":
    main()
