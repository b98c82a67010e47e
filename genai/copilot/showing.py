"""What of a turn somebody may see, and what it took: for pages, shared links and the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.permissions import PERMISSIONS, can
from genai.copilot import blocks
from genai.copilot.models import Turn

WITHHELD = "This answer rests on things that your role may not see."


@dataclass(frozen=True)
class Figures:
    """`masked`: {kind: how many} of what was hidden from the model."""

    steps: int
    seconds: float | None
    tokens: int
    cost: Decimal
    masked: Mapping[str, int]


def visible(turn: Turn, actor: Any) -> bool:
    """Whether the actor has every permission that its tools took, and those of the turns before: an answer may say again what they found.
    The asker had them all."""
    return all(name in PERMISSIONS and can(actor, name) for name in _needed(turn))


def _needed(turn: Turn) -> frozenset[str]:
    """Looked up once for each turn that is shown."""
    kept: frozenset[str] | None = turn.__dict__.get("needed_permissions")
    if kept is None:
        before = Turn.objects.filter(conversation=turn.conversation_id, number__lt=turn.number).values_list("steps", flat=True)
        kept = frozenset(step["permission"] for steps in (turn.steps, *before) for step in steps if step.get("permission"))
        turn.__dict__["needed_permissions"] = kept
    return kept


def answer_for(turn: Turn, actor: Any) -> str:
    return turn.answer if visible(turn, actor) else WITHHELD


def blocks_for(turn: Turn, actor: Any) -> list[blocks.Block]:
    return blocks.visible(turn.blocks, actor) if visible(turn, actor) else []


def figures(turn: Turn) -> Figures:
    """Two queries."""
    masked: dict[str, int] = {}
    for counts in turn.run.completions.values_list("masked", flat=True) if turn.run else ():
        for kind, many in counts.items():
            masked[kind] = max(masked.get(kind, 0), many)  # each call carries the whole conversation: they are the same ones again
    seconds = (turn.ended_at - turn.asked_at).total_seconds() if turn.ended_at else None
    tokens = turn.run.tokens_in + turn.run.tokens_out if turn.run else 0
    return Figures(len(turn.steps), seconds, tokens, turn.run.cost if turn.run else Decimal(0), masked)
