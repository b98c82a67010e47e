"""What executions come to over a time: how many, how they ended, how long they took, what they cost, how good they were."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet

from genai.tracing.models import AgentRun

MOST = 20_000  # executions that are looked at, the newest
TARGET = 0.85  # what an evaluation should come to
_State = AgentRun.State
OVER = (_State.DONE, _State.FAILED, _State.STOPPED, _State.CUT)
BAD = (_State.FAILED, _State.CUT)


@dataclass(frozen=True)
class Figures:
    states: Counter[str] = field(default_factory=Counter)
    latency_median: float | None = None  # ms
    latency_p95: float | None = None
    tokens: int = 0
    cost: Decimal = Decimal(0)  # US dollars
    score: float | None = None
    scored: int = 0
    findings: int = 0

    @property
    def count(self) -> int:
        return self.states.total()

    @property
    def over(self) -> int:
        return sum(self.states[state] for state in OVER)

    @property
    def bad(self) -> int:
        return sum(self.states[state] for state in BAD)

    @property
    def stopped(self) -> int:
        return self.states[_State.STOPPED]

    @property
    def done_share(self) -> float | None:
        return self.states[_State.DONE] / self.over if self.over else None

    @property
    def below_target(self) -> bool:
        return self.score is not None and self.score < TARGET


Row = tuple[str, int | None, int, int, Decimal, float | None, int]
COLUMNS = ("state", "latency_ms", "tokens_in", "tokens_out", "cost", "score", "findings_count")


def of(runs: QuerySet[AgentRun], start: datetime, end: datetime) -> Figures:
    """Of those that began in [start, end)."""
    return summed(list(within(runs, start, end).order_by("-started_at").values_list(*COLUMNS)[:MOST]))


def by_agent(runs: QuerySet[AgentRun], start: datetime, end: datetime) -> dict[int, Figures]:
    """By the agent's id."""
    found: dict[int, list[Row]] = {}
    for agent, *row in within(runs, start, end).order_by("-started_at").values_list("agent_id", *COLUMNS)[:MOST]:
        found.setdefault(agent, []).append(tuple(row))
    return {agent: summed(rows) for agent, rows in found.items()}


def within(runs: QuerySet[AgentRun], start: datetime, end: datetime) -> QuerySet[AgentRun]:
    return runs.filter(started_at__gte=start, started_at__lt=end)


def summed(rows: Sequence[Row]) -> Figures:
    latencies = [row[1] for row in rows if row[1] is not None]
    scores = [row[5] for row in rows if row[5] is not None]
    return Figures(
        Counter(row[0] for row in rows), percentile(latencies, 0.5), percentile(latencies, 0.95), sum(row[2] + row[3] for row in rows),
        sum((row[4] for row in rows), Decimal(0)), sum(scores) / len(scores) if scores else None, len(scores), sum(row[6] for row in rows),
    )  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest rank: a value that was really measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
