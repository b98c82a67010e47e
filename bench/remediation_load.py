"""The load of the remediation figures, and their measurement. Runs in a process of its own per database."""

import json
import statistics
import sys
import time
from dataclasses import asdict

from bench.cpu import Clock
from bench.remediation_calls import CALLED, POLLS
from bench.remediation_rules import measure_rules
from bench.row import Row

ALERTS, CASES, SLOW = 40, 200, 10
PATIENCE = 180.0  # seconds


class Bench:
    def __init__(self, scale: float) -> None:
        from django.db import connection

        from aiops import embedded
        from remediation import matching
        from remediation.models import AutomationRule, Provider
        from remediation.providers import base

        self.rows, self.scale = measure_rules(scale), scale
        base.PROVIDERS["measured"] = "bench.remediation_provider.Measured"
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.provider, _ = Provider.objects.get_or_create(name="quick", kind="measured")
        self.slow = Provider.objects.create(name="slow", kind="measured", config={"slow": True})
        action = {"provider": "quick", "verb": "note", "params": {}}
        guards = {"cooldown": 0, "max_per_hour": 0}
        AutomationRule.objects.create(key="bench", name="Bench", match={"alertname": "Bench"}, action=action, guards=guards)
        matching.cursor()  # rules act on what fires from now on
        self.parts = embedded.Parts()
        self.parts.start()

    def run(self) -> list[Row]:
        try:
            self._soon()
            self._many()
        finally:
            self.parts.stop()
        return self.rows

    def _row(self, name: str, value: float, unit: str, limit: float | None, note: str) -> None:
        self.rows.append(Row(name, self.database, value, unit, limit, note))

    def _soon(self) -> None:
        from monitoring.alerts.lifecycle import Observation, fingerprint, observe
        from monitoring.inventory.models import Resource

        count, walls, clock = max(5, round(ALERTS * self.scale)), [], Clock([])
        for place in range(-2, count):  # the first two warm up
            host = Resource.objects.create(kind="host", name=f"bench-{place}")
            labels = {"alertname": "Bench", "instance": host.name}
            seen = Observation(fingerprint("bench", labels), "firing", "Bench", labels=labels, source="bench", resource=host.pk)
            CALLED.clear()
            before = clock.read()
            observe([seen])
            begun = time.perf_counter()
            _until(lambda: CALLED, 0.002)
            if place >= 0:
                walls.append((next(iter(CALLED.values()))[0] - begun) * 1000)
            _until(_is_idle)
            clock.total += (clock.read() - before) * (place >= 0)
        p95 = sorted(walls)[int(len(walls) * 0.95)]
        note = f"p95 of {count}, median {statistics.median(walls):.0f} ms"
        self._row("an alert fires to its action's start", p95, "ms", 1000, note)
        self._row(
            "the whole of such a case",
            clock.total / count * 1000,
            "ms CPU",
            None,
            "match, guard, policy, run, audit; worker and beat with it",
        )

    def _many(self) -> None:
        from remediation import execute
        from remediation.models import Execution
        from remediation.plan import Action, Plan, PlanStep

        count, slow = round(CASES * self.scale), max(1, round(SLOW * self.scale))
        cases = []
        for place in range(count):
            name = "slow" if place < slow else "quick"
            step = PlanStep(id="job", title="Job", kind="action", action=Action(provider=name, verb="job"))
            plan = Plan(title=f"Case {place}", target=f"case-{place}", steps=(step, step))
            named = {"title": plan.title, "target": plan.target, "target_key": plan.target}
            # With a preview, what looks after lost proposals leaves them alone until they are approved.
            cases.append(Execution.objects.create(plan=plan.to_json(), preview={"sentence": "measured"}, **named))
        CALLED.clear()
        clock = Clock([])
        before, begun = clock.read(), time.perf_counter()
        for one in cases:
            execute.approve(one, None, "bench")
        quick = {one.pk for one in cases[slow:]}
        _until(lambda: not _open(quick))
        done = time.perf_counter() - begun
        still = _open({one.pk for one in cases[:slow]})
        _until(lambda: not _open({one.pk for one in cases}))
        whole, cpu = time.perf_counter() - begun, clock.read() - before
        starts = sorted(CALLED[one.target][0] - begun for one in cases)
        note = f"{count - slow} cases of two jobs, each polled twice; {still} of {slow} at the slow one go on, over after {whole:.1f} s"
        self._row("200 cases at once: those at a quick provider are over", done, "s", 60, note)
        self._row("200 cases at once: the last has begun", starts[-1], "s", None, f"median {statistics.median(starts):.1f} s")
        self._row(
            "one of 200 cases, all its states", cpu / count * 1000, "ms CPU", 150, f"{len(CALLED)} targets; without PostgreSQL's backends"
        )
        twice = [name for name, calls in CALLED.items() if len(calls) != 2 * (POLLS + 1)]
        if twice:
            raise SystemExit(f"{len(twice)} cases asked their provider too often or not often enough")


def _open(ids) -> int:
    from remediation.models import Execution

    return Execution.objects.filter(state__in=Execution.OPEN, pk__in=ids).count()


def _is_idle() -> bool:
    from remediation.crew import crew
    from remediation.models import Execution

    return not crew.busy and not Execution.objects.filter(state__in=Execution.OPEN).exists()


def _until(true, pause: float = 0.05) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise SystemExit("it took too long")
        time.sleep(pause)


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    bench = Bench(float(sys.argv[1]))
    print(json.dumps([asdict(row) for row in bench.run()]))


if __name__ == "__main__":
    main()
