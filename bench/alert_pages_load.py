"""The load of the figures of alert pages, and their measurement. Runs in a process of its own per database."""

import gzip
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from bench.cpu import Clock, backend_pids, per_call
from bench.row import Row

STORED, FIRING, FEW, ACKNOWLEDGED, PORTION = 100_000, 10_000, 100, 1000, 500
RESOURCES, DAYS = 1000, 30
SEVERITIES, SITES, TEAMS = ("critical", "high", "medium", "low"), ("fra", "ams", "iad", "hq"), ("storage", "web", "ml", "network", "db")


def resources() -> list[int]:
    from monitoring.inventory.facts import ResourceReport, report

    kinds = ("host", "vm", "node", "database", "service")
    return [row.pk for row in report([ResourceReport(kinds[n % 5], f"h{n}", {"site": SITES[n % 4]}) for n in range(RESOURCES)], None)]


def ended(many: int, owners: list[int]) -> None:
    """Over the last weeks, evenly."""
    from django.utils import timezone

    from monitoring.alerts.models import Alert

    now, apart = timezone.now(), timedelta(days=DAYS) / many
    for place in range(0, many, 10_000):
        Alert.objects.bulk_create(
            (
                Alert(
                    fingerprint=f"old{n}", name=f"Alert{n % 40}", severity=SEVERITIES[n % 4], state="resolved", source="rule",
                    labels=_labels(n), annotations={"summary": "a sentence about it"}, resource_id=owners[n % len(owners)],
                    evidence=_evidence(n), started_at=now - apart * n - timedelta(minutes=20),
                    fired_at=now - apart * n - timedelta(minutes=15), resolved_at=now - apart * n, resolution="recovered",
                )
                for n in range(place, min(place + 10_000, many))
            ),
            batch_size=500,
        )  # fmt: skip


def fire(first: int, last: int, owners: list[int]) -> None:
    from monitoring.alerts.lifecycle import observe

    observe(_seen(n, owners) for n in range(first, last))


def _labels(n: int) -> dict[str, str]:
    return {
        "alertname": f"Alert{n % 40}", "instance": f"h{n}", "severity": SEVERITIES[n % 4], "team": TEAMS[n % 5], "site": SITES[n // 5 % 4],
    }  # fmt: skip


def _evidence(n: int) -> dict[str, Any]:
    samples = [[minute * 60_000, minute * 1.0] for minute in range(30)]
    return {"expr": "metric > 1", "query": "metric", "op": ">", "threshold": 1.0, "value": float(n), "samples": samples}


def _seen(n: int, owners: list[int]) -> Any:
    from monitoring.alerts.lifecycle import Observation, fingerprint

    labels, said = _labels(n), {"summary": "a sentence about it", "description": "what it means and what to do about it " * 3}
    return Observation(
        fingerprint("bench", labels), "firing", name=labels["alertname"], labels=labels, severity=labels["severity"], value=float(n),
        source="bench", annotations=said, evidence=_evidence(n), resource=owners[n % len(owners)],
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
        from django.db import connection

        stored, firing, owners = round(STORED * self.scale), round(FIRING * self.scale), resources()
        ended(stored - firing, owners)
        fire(0, FEW, owners)
        few = self._queries()
        fire(FEW, firing, owners)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")
        self._pages(few, f"{stored:,} stored, {firing:,} fire")
        self._facets()
        self._changes(round(ACKNOWLEDGED * self.scale))
        return self.rows

    def page(self, query: str = "") -> bytes:
        answer = self.client.get(f"/alerts/{query}")
        assert answer.status_code == 200, answer.content[:500]
        return answer.content

    def _queries(self) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        self.page()
        with CaptureQueriesContext(connection) as captured:
            self.page()
        return len(captured)

    def _row(self, name: str, value: float, unit: str, limit: float | None, note: str = "") -> None:
        self.rows.append(Row(name, self.database, value, unit, limit, note))

    def _timed(self, name: str, work: Callable[[], object], limit: float | None, note: str, times: int = 15) -> None:
        cpu, wall = per_call(self.clock, work, times)
        self._row(name, wall, "ms", limit, f"{note}, median of {times}, CPU {cpu:.0f} ms")

    def _pages(self, few: int, about: str) -> None:
        from monitoring.alerts import standing

        def cold() -> bytes:
            standing.forget()
            return self.page()

        self._timed("list page", self.page, 150, about)
        self._timed("list page, searched and filtered", lambda: self.page("?q=team:web+h7&severity=critical&severity=high"), 150, about)
        self._timed("list page, grouped by resource", lambda: self.page("?group=resource"), None, about)
        self._timed("list page, cold", cold, None, "everything is read", 5)
        self._timed("list page, what ended within a week", lambda: self.page("?state=resolved&range=now-7d"), None, about, 5)
        html = self.page()
        self._row("HTML, gzipped", len(gzip.compress(html, 6)) / 1000, "KB", None, f"{len(html) / 1000:.0f} KB before")
        self._row("queries", self._queries(), "queries", few, f"as many as with {FEW} that fire")

    def _facets(self) -> None:
        from django.http import QueryDict

        from aiops import timerange
        from monitoring.alerts.board import Board

        def counted(query: str) -> list[Any]:
            now = timerange.now_ms()
            return Board(QueryDict(query), timerange.TimeRange(now - 86_400_000, now, "", "now-24h", True)).facets()

        self._timed("facet counts", lambda: counted(""), 100, "all facets of the default list")
        self._timed("facet counts, filtered", lambda: counted("severity=high&label=team:web&q=h1"), 100, "with words, severity and label")

    def _changes(self, many: int) -> None:
        ids = self.client.get("/alerts/ids.json").json()["ids"]
        walls = []
        for pk in ids[:20]:
            begun = time.perf_counter()
            self._act([pk])
            walls.append((time.perf_counter() - begun) * 1000)
        self._row("one status change", sorted(walls)[10], "ms", 50, f"POST to answer, median of 20, worst {max(walls):.0f} ms")
        begun = time.perf_counter()
        for place in range(100, 100 + many, PORTION):
            self._act(ids[place : min(place + PORTION, 100 + many)])
        self._row(
            f"bulk acknowledge of {many:,}", (time.perf_counter() - begun) * 1000, "ms", 1500, f"in portions of {PORTION}, as the page"
        )
        begun = time.perf_counter()
        self.page()
        self._row("list page after it", (time.perf_counter() - begun) * 1000, "ms", None, f"{many:,} alerts are read again")

    def _act(self, ids: list[int]) -> None:
        answer = self.client.post("/alerts/act/", json.dumps({"action": "acknowledge", "alerts": ids}), "application/json")
        assert answer.json() == {"changed": len(ids), "asked": len(ids)}, answer.content


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.RULE_PACKS = False
    call_command("migrate", verbosity=0)
    from accounts.models import User

    User.objects.create_user("bench@example.org", None, name="bench", role="operator")
    print(json.dumps([asdict(row) for row in Bench(float(sys.argv[1])).run()]))


if __name__ == "__main__":
    main()
