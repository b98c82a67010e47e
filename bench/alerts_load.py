"""The load of the alert figures, and their measurement. Runs in a process of its own per database."""

import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import numpy as np

from bench.cpu import Clock, backend_pids
from bench.row import Row

STEP = 15_000  # ms
RULES, PER_RULE = 1000, 20
STORED, FIRING, ACKNOWLEDGED = 100_000, 10_000, 1000
TICKS = 5


class Bench:
    def __init__(self, scale: float) -> None:
        from django.db import connection

        self.scale, self.connection, self.rows = scale, connection, []
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.clock = Clock(backend_pids())

    def run(self) -> list[Row]:
        self._evaluate()
        self._arrive()
        self._fill()
        self._change()
        self._receive()
        return self.rows

    # -- rules ---------------------------------------------------------------------------------------------------------
    def _evaluate(self) -> None:
        from monitoring.alerts import running
        from monitoring.alerts.models import AlertRule, RuleGroup
        from monitoring.store import series
        from monitoring.store.batch import SeriesKey
        from monitoring.store.chunkstore import ChunkStore
        from monitoring.store.windows import floor, now_ms

        rules = round(RULES * self.scale)
        keys = [
            SeriesKey.of(f"metric_{rule // 10}", {"host": f"h{n}", "part": str(rule % 10)})
            for rule in range(rules)
            for n in range(PER_RULE)
        ]
        sids = series.ids(keys).astype(np.int32)
        end = floor(now_ms(), STEP)
        chance, store = np.random.default_rng(7), ChunkStore()
        for t in range(end - 15 * 60_000, end + (TICKS + 2) * STEP, STEP):
            store.write(sids, np.full(len(sids), t), np.round(chance.uniform(0, 100, len(sids)), 1))
        group = RuleGroup.objects.create(name="bench", interval=15)
        AlertRule.objects.bulk_create(
            AlertRule(
                group=group,
                name=f"R{n}",
                key=f"R{n}",
                position=n,
                expr=_expr(n),
                annotations={"summary": "{{ $labels.host }}: {{ $value | humanize }}"},
            )
            for n in range(rules)
        )
        found = running.rules_of([group])
        spent = []
        for tick in range(TICKS + 1):
            at = datetime.fromtimestamp((end + tick * STEP) / 1000, UTC)
            begun = time.perf_counter()
            cpu = self.clock.measure(lambda at=at: running.evaluate(found, at))
            spent.append((cpu * 1000, time.perf_counter() - begun))
        cpu, wall = np.median([one[0] for one in spent[1:]]), np.median([one[1] for one in spent[1:]])
        share = cpu / 15_000 * 100
        self.rows.append(
            Row(
                "1,000 rules over 20,000 series each 15 s",
                self.database,
                share,
                "% of one core",
                30,
                f"{cpu:,.0f} ms CPU, wall {wall * 1000:,.0f} ms, at most {max(one[0] for one in spent):,.0f} ms CPU",
            )
        )

    def _arrive(self) -> None:
        """From the call that stores a sample to the signal that its alert fires, among the series of the rules."""
        import threading

        from django.utils import timezone

        from monitoring.alerts.models import AlertRule, RuleGroup
        from monitoring.alerts.signals import alert_changed
        from monitoring.store import writer
        from monitoring.store.batch import Batch
        from monitoring.store.models import Series

        Series.objects.update(seen=timezone.now() - timedelta(hours=2))  # as in a settled installation: the index has nothing to catch up
        group = RuleGroup.objects.create(name="arrival", interval=3600)
        AlertRule.objects.create(group=group, name="Now", key="Now", expr="arriving > 50", immediate=True, for_seconds=0)
        heard = threading.Event()
        hear = lambda **_: heard.set()  # noqa: E731
        alert_changed.connect(hear)
        walls, before = [], self.clock.read()
        for n in range(30):
            heard.clear()
            begun = time.perf_counter()
            now = round(timezone.now().timestamp() * 1000)
            writer.write(Batch.of([("arriving", {"host": f"h{host}"}, now, 90.0 if n % 2 == 0 else 10.0) for host in range(20)]))
            heard.wait(5)
            walls.append((time.perf_counter() - begun) * 1000)
            time.sleep(1.1)  # alone: group commit waits for company in a busy process
        alert_changed.disconnect(hear)
        p95 = sorted(walls)[int(len(walls) * 0.95)]
        cpu = (self.clock.read() - before) / len(walls) * 1000
        note = f"p95 of 30, median {np.median(walls):.0f} ms, best {min(walls):.0f} ms, {cpu:.0f} ms CPU; 20 series at once"
        self.rows.append(Row("sample stored to alert, immediate rule", self.database, p95, "ms", 80, note))

    # -- alerts --------------------------------------------------------------------------------------------------------
    def _fill(self) -> None:
        from django.utils import timezone

        from monitoring.alerts.lifecycle import observe
        from monitoring.alerts.models import Alert

        Alert.objects.all().delete()
        now = timezone.now()
        stored, firing = round(STORED * self.scale), round(FIRING * self.scale)
        for place in range(0, stored - firing, 10_000):
            Alert.objects.bulk_create(
                (
                    Alert(
                        fingerprint=f"old{place + n}",
                        name=f"Old{n % 50}",
                        state="resolved",
                        fired_at=now - timedelta(minutes=place + n),
                        resolved_at=now,
                        source="rule",
                    )
                    for n in range(min(10_000, stored - firing - place))
                ),
                batch_size=500,
            )
        begun = time.perf_counter()
        cpu = self.clock.measure(lambda: observe(map(_seen, range(firing)), now))
        self.rows.append(
            Row(
                f"{firing:,} alerts fire at once",
                self.database,
                time.perf_counter() - begun,
                "s",
                None,
                f"stored in one go, {cpu:.1f} s CPU",
            )
        )
        if self.database == "PostgreSQL":
            with self.connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")

    def _change(self) -> None:
        from django.utils import timezone

        from accounts.models import User
        from monitoring.alerts import lifecycle
        from monitoring.alerts.models import Alert, Silence
        from monitoring.alerts.silencing import create

        person = User.objects.create_user("bench@example.org", name="bench", role="operator")
        ids = list(Alert.objects.filter(state="firing").values_list("pk", flat=True))
        several = round(ACKNOWLEDGED * self.scale)
        self._wall("one status change", 50, [lambda pk=pk: lifecycle.acknowledge([pk], person) for pk in ids[:20]])
        self._wall(
            f"bulk acknowledge of {several:,}", 1500, [lambda: lifecycle.acknowledge(ids[100 : 100 + several], person, "all of them")]
        )
        now = timezone.now()
        silence = Silence(
            matchers=[{"name": "host", "op": "=~", "value": "h1.*"}], reason="bench", starts_at=now, ends_at=now + timedelta(hours=1)
        )
        self._wall("a silence over a tenth of the firing alerts is made", None, [lambda: create(silence, person)])

    def _receive(self) -> None:
        """The whole door, but for the socket."""
        from django.test import Client

        from accounts import tokens
        from accounts.models import User
        from monitoring.alerts.models import Alert

        many, at_once = round(FIRING * self.scale), 500
        token = tokens.issue(User.objects.get(name="bench"), "bench", ["metrics:write"])[1]
        client = Client(headers={"Authorization": f"Bearer {token}", "Host": "localhost"})
        bodies = [_group(range(place, min(place + at_once, many))) for place in range(0, many, at_once)]
        begun = time.perf_counter()
        cpu = self.clock.measure(lambda: [client.post("/webhooks/alertmanager", one, "application/json") for one in bodies])
        wall = time.perf_counter() - begun
        stored = Alert.objects.filter(source="alertmanager", state="firing").count()
        note = f"{stored:,} stored, {cpu:.1f} s CPU; in bodies of {at_once}, beside those that fire already"
        self.rows.append(Row(f"{many:,} alerts from Alertmanager", self.database, wall, "s", 60, note))

    def _wall(self, name: str, limit: float | None, works: list) -> None:
        walls = []
        for work in works:
            begun = time.perf_counter()
            work()
            walls.append((time.perf_counter() - begun) * 1000)
        self.rows.append(Row(name, self.database, float(np.median(walls)), "ms", limit, f"wall, worst {max(walls):.0f} ms"))


def _expr(n: int) -> str:
    selector = f'metric_{n // 10}{{part="{n % 10}"}}'
    return f"abs(deriv({selector}[5m])) > 100" if n % 5 == 0 else f"{selector} > 99"


def _seen(n: int):
    from monitoring.alerts.lifecycle import Observation, fingerprint

    labels = {"alertname": f"Alert{n % 40}", "host": f"h{n}", "severity": "high", "team": f"t{n % 5}"}
    return Observation(
        fingerprint("bench", labels),
        "firing",
        name=labels["alertname"],
        labels=labels,
        severity="high",
        value=float(n),
        source="bench",
        annotations={"summary": "a sentence about it"},
    )


def _group(numbers: range) -> str:
    members = [
        {
            "status": "firing",
            "labels": {"alertname": f"Alert{n % 40}", "instance": f"node{n}", "severity": "warning"},
            "annotations": {"summary": f"something is wrong with node{n}"},
            "startsAt": "2026-11-20T12:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
        }
        for n in numbers
    ]
    return json.dumps({"version": "4", "receiver": "aiops", "status": "firing", "alerts": members})


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    bench = Bench(float(sys.argv[1]))
    print(json.dumps([asdict(row) for row in bench.run()]))


if __name__ == "__main__":
    main()
