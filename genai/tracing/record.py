"""The only writer of what agents did: an execution, its steps, how good it was, what looked like an attack.

Whoever works calls `begin`, then `step` around each thing it does, then `finish`. Each write is small and stands by itself: what was
done is there to be read also when the process ends in the middle of it.
"""

import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Avg, F
from django.utils import timezone

from accounts.models import User
from genai.masking import Mask
from genai.tracing.models import Agent, AgentRun, AgentStep, Evaluation, SecurityFinding

NAMES = {"causes": "Cause finder", "copilot": "Copilot", "mcp": "MCP clients", "summaries": "Summaries", "anomalies": "Anomaly check"}
BEAT = timedelta(seconds=5)  # how often a beat is written at most
KEPT_RESULT, KEPT_ARGUMENT = 4_000, 2_000  # characters
MASKED = re.compile(r"(⟦[a-z]+ \d+⟧)")
RUNNING, FAILED = AgentStep.State.RUNNING, AgentStep.State.FAILED
LIVE = (AgentRun.State.RUNNING, AgentRun.State.CUT)  # one that was thought dead may still tell how it ended


@dataclass
class StepRecord:
    """What a step has to say of itself; written when it ends."""

    row: AgentStep | None
    detail: str = ""
    result: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = Decimal(0)
    state: str = AgentStep.State.OK
    began: float = field(default_factory=time.monotonic)

    def refuse(self, reason: str) -> None:
        """It was not done: not allowed, or not possible within the limits."""
        self.state, self.detail = AgentStep.State.REFUSED, f"refused: {reason}"

    def fail(self, reason: str) -> None:
        self.state, self.detail = FAILED, " · ".join(part for part in (self.detail, reason) if part)


# -- executions --------------------------------------------------------------------------------------------------------
def begin(agent: str, title: str, *, user: User | None = None, subject: str = "") -> AgentRun:
    """`agent`: a key such as copilot. It is made when it first reports."""
    now = timezone.now()
    row, new = Agent.objects.get_or_create(key=agent, defaults={"name": NAMES.get(agent, agent), "own": True, "last_seen": now})
    if not new and row.last_seen < now - timedelta(minutes=1):
        Agent.objects.filter(pk=row.pk).update(last_seen=now)
    return AgentRun.objects.create(agent=row, title=_clean(title, 300), user=user, subject=subject[:200], started_at=now, beat_at=now)


def finish(run: AgentRun, state: str, reason: str = "") -> None:
    """Once; a second end changes nothing. `state`: one of AgentRun.State."""
    now = timezone.now()
    spent = max(0, round((now - run.started_at).total_seconds() * 1000))
    ended = AgentRun.objects.filter(pk=run.pk, state__in=LIVE).update(
        state=state, reason=_clean(reason, 500), ended_at=now, beat_at=now, latency_ms=spent
    )
    if ended:
        AgentStep.objects.filter(run=run, state=RUNNING).update(state=FAILED)
    run.refresh_from_db()


def beat(run: AgentRun) -> None:
    """It is still at work. One that says nothing for a while is taken for cut off."""
    now = timezone.now()
    if now - run.beat_at >= BEAT:
        run.beat_at = now
        AgentRun.objects.filter(pk=run.pk).update(beat_at=now)


# -- steps -------------------------------------------------------------------------------------------------------------
@contextmanager
def step(
    run: AgentRun | None,
    kind: str,
    name: str,
    detail: str = "",
    arguments: Mapping[str, Any] | None = None,
    parent: AgentStep | None = None,
) -> Iterator[StepRecord]:
    """One thing done. `kind`: model, tool or guard. What is raised inside marks it failed and goes on. Without an execution nothing is
    written, so that the same code serves both."""
    made = StepRecord(_start(run, kind, name, detail, arguments, parent) if run else None, detail)
    try:
        yield made
    except BaseException as fault:
        if made.state == AgentStep.State.OK:
            made.fail(str(fault) or type(fault).__name__)
        raise
    finally:
        if run is not None:
            _end(run, made)


def _start(run: AgentRun, kind: str, name: str, detail: str, arguments: Mapping[str, Any] | None, parent: AgentStep | None) -> AgentStep:
    now = timezone.now()
    with transaction.atomic():  # the row is held until its number is used
        one = AgentRun.objects.filter(pk=run.pk)
        one.update(steps_count=F("steps_count") + 1, tool_calls=F("tool_calls") + int(kind == AgentStep.Kind.TOOL), beat_at=now)
        number = one.values_list("steps_count", flat=True).get()
        return AgentStep.objects.create(
            run=run, parent=parent, number=number, kind=kind, name=name[:100], detail=_clean(detail, 500), started_at=now,
            arguments=_plain(arguments or {}),
        )  # fmt: skip


def _end(run: AgentRun, made: StepRecord) -> None:
    """Nothing where a fault broke the transaction around it: that rolls the step back too, and the fault is what has to be seen."""
    row = made.row
    if row is None or (connection.in_atomic_block and connection.needs_rollback):
        return
    AgentStep.objects.filter(pk=row.pk).update(
        state=made.state, detail=_clean(made.detail, 500), result=_clean(made.result, KEPT_RESULT), tokens_in=made.tokens_in,
        tokens_out=made.tokens_out, cost=made.cost, latency_ms=max(0, round((time.monotonic() - made.began) * 1000)),
    )  # fmt: skip
    AgentRun.objects.filter(pk=run.pk).update(
        tokens_in=F("tokens_in") + made.tokens_in, tokens_out=F("tokens_out") + made.tokens_out, cost=F("cost") + made.cost,
        beat_at=timezone.now(),
    )  # fmt: skip


# -- how good, and what was wrong ----------------------------------------------------------------------------------------
def evaluate(run: AgentRun, name: str, score: float, comment: str = "", judged_by: str = "system") -> Evaluation:
    """0 to 1. Said again by the same judge it replaces what was said. The run's score is the mean; the answer it ended with, and so the
    version of its prompt, is credited with evidence and rating."""
    score = min(1.0, max(0.0, score))
    with transaction.atomic():
        made, _ = Evaluation.objects.update_or_create(
            run=run, name=name[:60], judged_by=judged_by[:200],
            defaults={"score": score, "comment": _clean(comment, 500), "time": timezone.now()},
        )  # fmt: skip
        mean = Evaluation.objects.filter(run=run).aggregate(mean=Avg("score"))["mean"]
        AgentRun.objects.filter(pk=run.pk).update(score=mean)
        _credit(run, name, score)
    return made


def _credit(run: AgentRun, name: str, score: float) -> None:
    columns: dict[str, dict[str, Any]] = {"evidence": {"evidence_share": score}, "rating": {"rating": 1 if score >= 0.5 else -1}}
    told = columns.get(name)
    last = run.completions.order_by("-id").values_list("pk", flat=True).first() if told else None
    if told and last:
        run.completions.filter(pk=last).update(**told)


def finding(
    run: AgentRun | None, kind: str, where: str, excerpt: str, action: str, severity: str = "medium", step: AgentStep | None = None
) -> SecurityFinding:
    """`kind`: injection, secret, personal or misuse; `action`: what was done about it. The same thing in one execution is one finding."""
    said: dict[str, Any] = {"run": run, "kind": kind, "where": _clean(where, 300), "excerpt": _clean(excerpt, 500)}
    with transaction.atomic():
        known = SecurityFinding.objects.filter(**said).first() if run else None
        if known is not None:
            return known
        made = SecurityFinding.objects.create(**said, step=step, action=action[:300], severity=severity)
        if run is not None:
            AgentRun.objects.filter(pk=run.pk).update(findings_count=F("findings_count") + 1)
    return made


# -- texts -------------------------------------------------------------------------------------------------------------
def _clean(text: str, limit: int) -> str:
    """Masked, as long as the column takes, without the one character PostgreSQL refuses."""
    mask, parts = Mask(), MASKED.split(text[: limit * 2].replace("\0", ""))  # every second one was masked before
    text = "".join(part if at % 2 else mask.mask(part) for at, part in enumerate(parts))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _plain(value: Any, depth: int = 0) -> Any:
    """Arguments as JSON: texts masked and cut, nothing deeper than a person would read."""
    if isinstance(value, Mapping) and depth < 6:
        return {str(key)[:100]: _plain(inner, depth + 1) for key, inner in list(value.items())[:100]}
    if isinstance(value, list | tuple) and depth < 6:
        return [_plain(inner, depth + 1) for inner in value[:100]]
    number = isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if value is None or number else _clean(str(value), KEPT_ARGUMENT)
