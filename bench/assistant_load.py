"""The load of the figures of the door, and their measurement. Runs in a process of its own per database."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from bench.cpu import Clock, backend_pids
from bench.row import Row

CALLS, KINDS = 100, ("openai_compatible", "groq", "ollama")
LINE = "2026-05-23T21:33:20Z web-03 nginx: GET /api/v1/orders 500 in 4.2 s, pod checkout-api-6f7c9d8b54-k2lqz, user ada@example.org, "
PROMPT = (LINE * 60)[:6000]
LONG = (LINE * 2000)[:200_000]


@contextmanager
def stub() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.assistant_stub"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)


class Bench:
    def __init__(self, scale: float, url: str) -> None:
        from django.db import connection

        from accounts.models import User
        from genai.models import Budget
        from genai.tracing import record

        self.url, self.calls = url, max(10, round(CALLS * scale))
        self.database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        self.clock = Clock(backend_pids())
        self.user = User.objects.create_user("bench@example.org", "bench bench bench", name="bench", role="admin")
        self.agent = record.begin("copilot", "bench", user=self.user)
        for scope in ("all", "user", "purpose:bench"):
            Budget.objects.create(scope=scope, tokens=10**12, dollars=10**6)
        self.rows: list[Row] = []

    def _row(self, name: str, value: float, unit: str, limit: float | None, note: str) -> None:
        self.rows.append(Row(name, self.database, value, unit, limit, note))

    def run(self) -> list[Row]:
        for kind in KINDS:
            self._calls(kind)
        self._cached()
        self._masking()
        return self.rows

    def _use(self, kind: str) -> None:
        from genai import chain
        from genai.models import ModelProvider

        ModelProvider.objects.all().delete()
        url = f"{self.url}/v1" if kind == "openai_compatible" else self.url
        ModelProvider.objects.create(name=kind, kind=kind, model="stub-1", config={"url": url}, secrets={"api_key": "k" * 20}, price_in=1)
        chain.forget()

    def _ask(self, cache: bool = False, waits: list[float] | None = None) -> None:
        from genai.complete import complete
        from genai.providers.base import Message

        def heard(text: str) -> None:
            if waits is not None and text.startswith("T"):
                waits.append((time.time() - float(text[1:].strip())) * 1000)

        asked = [Message("system", "You explain what monitoring found."), Message("user", PROMPT)]
        answer = complete("bench", messages=asked, user=self.user, run=self.agent, cache=cache, on_text=heard)
        if not answer.whole:
            raise SystemExit(f"{answer.outcome}: {answer.reason}")

    def _calls(self, kind: str) -> None:
        self._use(kind)
        for _ in range(3):
            self._ask()
        waits: list[float] = []
        cpu = self.clock.measure(lambda: [self._ask(waits=waits) for _ in range(self.calls)])
        waits.sort()
        self._row(f"one call, {kind}", cpu / self.calls * 1000, "ms CPU", 15, f"mean of {self.calls}")
        note = f"p95 of {len(waits)}, median {waits[len(waits) // 2]:.1f}"
        self._row(f"first word, model to whoever asked, {kind}", waits[int(len(waits) * 0.95)], "ms", 50, note)

    def _cached(self) -> None:
        self._use("openai_compatible")
        self._ask(cache=True)
        cpu = self.clock.measure(lambda: [self._ask(cache=True) for _ in range(self.calls)])
        self._row("one call, answered from the cache", cpu / self.calls * 1000, "ms CPU", 15, f"mean of {self.calls}")

    def _masking(self) -> None:
        from genai.masking import Mask

        cpu = self.clock.measure(lambda: [Mask().mask(LONG) for _ in range(5)])
        self._row("masking of 200,000 characters", cpu / 5 * 1000, "ms CPU", None, "lines of a log with e-mail addresses")


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with stub() as url:
        rows = Bench(float(sys.argv[1]), url).run()
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
