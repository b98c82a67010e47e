"""The steps of one execution as bars on its time scale, each below the one it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiops.templatetags.ui import NBSP
from genai.agentops.words import KINDS
from genai.tracing.models import AgentRun, AgentStep, SecurityFinding

DEEPEST = 2  # levels that are drawn; what lies deeper stands on the last
TICKS = 4  # parts of the scale
THINNEST = 0.004  # of the scale: a bar nobody could see is no bar


@dataclass(frozen=True)
class Bar:
    step: AgentStep
    level: int
    tone: str  # model, tool, guard, warn, bad
    icon: str
    begin: float  # in the units of the drawing, 1000 wide
    width: float
    finding: bool

    @property
    def tokens(self) -> int:
        return self.step.tokens_in + self.step.tokens_out


@dataclass(frozen=True)
class Waterfall:
    bars: list[Bar]
    whole_ms: float

    @property
    def scale(self) -> list[str]:
        """Where the parts of the scale begin, and its end."""
        return ["0", *(_tick(self.whole_ms * part / TICKS, self.whole_ms) for part in range(1, TICKS + 1))]


def _tick(ms: float, whole_ms: float) -> str:
    """All of a scale in one unit."""
    if whole_ms < 1000:
        return f"{ms:.0f}{NBSP}ms"
    return f"{ms / 1000:.1f}{NBSP}s" if whole_ms < 100_000 else f"{ms / 60_000:.1f}{NBSP}min"


def of(run: AgentRun, steps: Sequence[AgentStep], findings: Sequence[SecurityFinding]) -> Waterfall:
    whole = _whole(run, steps)
    guilty = {one.step_id for one in findings if one.step_id}
    parents = {step.pk: step.parent_id for step in steps}
    return Waterfall([_bar(run, step, _level(step, parents), whole, step.pk in guilty) for step in steps], whole)


def _whole(run: AgentRun, steps: Sequence[AgentStep]) -> float:
    """Milliseconds from the beginning to the end of the last thing; of one that still runs, to its last sign of life."""
    last = max((_offset(run, step) + (step.latency_ms or 0) for step in steps), default=0.0)
    told = run.latency_ms if run.latency_ms is not None else (run.beat_at - run.started_at).total_seconds() * 1000
    return max(float(told), last, 1.0)


def _offset(run: AgentRun, step: AgentStep) -> float:
    return max(0.0, (step.started_at - run.started_at).total_seconds() * 1000)


def _bar(run: AgentRun, step: AgentStep, level: int, whole: float, finding: bool) -> Bar:
    begin = _offset(run, step)
    spent = step.latency_ms if step.latency_ms is not None else whole - begin  # it is still at work
    kind = KINDS[step.kind]
    bad = step.state in (AgentStep.State.FAILED, AgentStep.State.REFUSED)
    tone = "bad" if bad else "warn" if finding else kind.tone
    width = max(THINNEST, spent / whole)
    return Bar(step, level, tone, kind.icon, round(min(begin / whole, 1 - width) * 1000, 1), round(width * 1000, 1), finding)


def _level(step: AgentStep, parents: dict[int, int | None]) -> int:
    level, above = 1, step.parent_id
    while above is not None and level < DEEPEST:
        level, above = level + 1, parents.get(above)
    return level


# -- as text -------------------------------------------------------------------------------------------------------------
def as_text(run: AgentRun, drawn: Waterfall) -> str:
    """For a ticket: what was done, line by line."""
    lines = [f"{run.title} ({run.agent.name}, {run.get_state_display()}{f': {run.reason}' if run.reason else ''})"]
    lines += [_line(bar.step, bar.level) for bar in drawn.bars]
    lines.append(f"{run.steps_count} steps, {run.tool_calls} tool calls, {run.tokens_in + run.tokens_out:,} tokens, ${run.cost:.4f}")
    return "\n".join(lines) + "\n"


def _line(step: AgentStep, level: int) -> str:
    spent = f"{step.latency_ms / 1000:.2f} s" if step.latency_ms is not None else "running"
    said = f" – {step.detail}" if step.detail else ""
    return f"{'  ' * level}{step.number}. {step.get_kind_display()} {step.name} [{step.get_state_display()}, {spent}]{said}"


def arguments_of(step: AgentStep) -> list[tuple[str, str]]:
    """What it was asked with, as a person reads it: no JSON."""
    found: Any = step.arguments if isinstance(step.arguments, dict) else {}
    return [(str(name), _said(value)) for name, value in found.items()]


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(one)}" for name, one in value.items()) or "–"
    return "–" if value is None or value == "" else "yes" if value is True else "no" if value is False else str(value)
