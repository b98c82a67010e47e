"""The assistant's own figures as samples, each minute: what the shipped rules of monitoring/alerts/packs/assistant.yml look at."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from django.db.models import Avg, Count, Q, Sum
from django.utils import timezone

from genai import budgets
from genai.agentops import figures
from genai.models import Completion
from genai.tracing.models import AgentRun, Evaluation, SecurityFinding
from monitoring.store import writer
from monitoring.store.batch import Batch

BACK = timedelta(minutes=15)  # what the figures are of, unless they say otherwise
FEWEST = 5  # of fewer, a share says nothing
SCORED = timedelta(hours=24)
_Outcome = Completion.Outcome
BAD = (_Outcome.FAILED, _Outcome.CUT, _Outcome.INVALID)
MADE = (*BAD, _Outcome.OK, _Outcome.STOPPED)
Figure = tuple[str, dict[str, str], float]


def measure() -> int:
    """Writes one sample of each figure; returns how many."""
    now = round(time.time() * 1000)
    samples = [(name, {"job": "aiops", **labels}, now, value) for name, labels, value in _figures()]
    writer.write(Batch.of(samples))
    return len(samples)


def _figures() -> Iterator[Figure]:
    yield from _calls()
    yield from _runs()
    yield from _findings()
    for one in budgets.standings():
        yield "aiops_genai_budget_ratio", {"scope": one.budget.scope}, one.share


def _calls() -> Iterator[Figure]:
    rows = Completion.objects.filter(started_at__gte=timezone.now() - BACK)
    found = rows.aggregate(
        made=Count("pk", filter=Q(outcome__in=MADE)), bad=Count("pk", filter=Q(outcome__in=BAD)),
        over=Count("pk", filter=Q(outcome=_Outcome.BUDGET)), cached=Count("pk", filter=Q(outcome=_Outcome.CACHED)),
        read=Sum("tokens_in"), written=Sum("tokens_out"), cost=Sum("cost"),
    )  # fmt: skip
    yield "aiops_genai_calls", {}, found["made"]
    yield "aiops_genai_calls_cached", {}, found["cached"]
    yield "aiops_genai_calls_over_budget", {}, found["over"]
    yield "aiops_genai_tokens", {}, (found["read"] or 0) + (found["written"] or 0)
    yield "aiops_genai_cost_dollars", {}, float(found["cost"] or Decimal(0))
    if found["made"] >= FEWEST:
        yield "aiops_genai_calls_failed_ratio", {}, found["bad"] / found["made"]


def _runs() -> Iterator[Figure]:
    rows = AgentRun.objects.filter(started_at__gte=timezone.now() - BACK)
    counted = Counter[tuple[str, str]]()
    for agent, state, count in rows.order_by().values_list("agent__key", "state").annotate(n=Count("pk")):
        counted[agent, state] += count
    for agent in sorted({agent for agent, _ in counted}):
        over = sum(counted[agent, state] for state in figures.OVER)
        yield "aiops_genai_executions", {"agent": agent}, sum(count for (of, _), count in counted.items() if of == agent)
        if over >= FEWEST:
            yield "aiops_genai_executions_failed_ratio", {"agent": agent}, sum(counted[agent, state] for state in figures.BAD) / over
    since = timezone.now() - SCORED
    for agent, mean in Evaluation.objects.filter(time__gte=since).order_by().values_list("run__agent__key").annotate(mean=Avg("score")):
        yield "aiops_genai_score", {"agent": agent}, mean


def _findings() -> Iterator[Figure]:
    """Each kind also when there are none, so that a rule sees them begin."""
    rows = SecurityFinding.objects.filter(time__gte=timezone.now() - BACK)
    new = dict(rows.order_by().values_list("kind").annotate(n=Count("pk")))
    still = dict(SecurityFinding.objects.filter(state="open").order_by().values_list("kind").annotate(n=Count("pk")))
    for kind in SecurityFinding.Kind.values:
        yield "aiops_genai_findings", {"kind": kind}, new.get(kind, 0)
        yield "aiops_genai_findings_open", {"kind": kind}, still.get(kind, 0)
