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
    """Whether the actor has every permission that its tools took. The asker had them all."""
    needed = {step["permission"] for step in turn.steps if step.get("permission")}
    return all(name in PERMISSIONS and can(actor, name) for name in needed)


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
