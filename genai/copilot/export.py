"""A conversation as Markdown, to be taken along: questions, answers, tables, and the sources with their addresses."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse

from genai.copilot import blocks, showing
from genai.copilot.models import Conversation, Turn
from genai.evidence import claims, render
from genai.evidence.models import Evidence

GUESS = "(guess)"


def markdown(conversation: Conversation, actor: Any, base: str = "") -> str:
    """What the actor may see of it. `base`: where the platform is, for links; its configured address where none is given."""
    base = base or settings.PUBLIC_URL
    turns = conversation.turns.select_related("conversation").order_by("number")
    parts = [f"# {_line(conversation.title or 'Conversation')}", *(part for turn in turns for part in _turn(turn, actor, base))]
    return "\n\n".join(parts) + "\n"


def _turn(turn: Turn, actor: Any, base: str) -> Iterator[str]:
    yield f"## {_line(turn.question)}"
    yield f"Asked {turn.asked_at:%Y-%m-%d %H:%M} UTC{f', answered by {turn.model}' if turn.model else ', answered without a model'}"
    text = showing.answer_for(turn, actor)
    sources = render.sources(text, actor)
    numbers = {one.evidence.pk: one.number for one in sources}
    if text:
        yield _numbered(text, numbers)
    if turn.half or not turn.is_over:
        yield f"*{turn.get_state_display()}: this is not the whole answer. {turn.reason}*".replace(" *", "*")
    for block in showing.blocks_for(turn, actor):
        yield from _block(block)
    if sources:
        yield "\n".join(_source(one.number, one.evidence, base) for one in sources)


def _numbered(text: str, numbers: dict[int, int]) -> str:
    """[E12] as the number of the source below; what the reader may not see goes."""

    def cite(found: Any) -> str:
        known = [numbers[one] for one in claims.cited(found[0]) if one in numbers]
        return " " + "".join(f"[{one}]" for one in known) if known else ""

    return claims.GUESS.sub(f" {GUESS}", claims.CITED.sub(cite, text))


def _source(number: int, evidence: Evidence, base: str) -> str:
    shows = f": {_line(evidence.found_text)}" if evidence.found_text else ""
    address = urljoin(base, reverse("evidence", args=[evidence.pk])) if base else reverse("evidence", args=[evidence.pk])
    return f"{number}. {_line(evidence.title)}{shows} <{address}>"


def _block(block: blocks.Block) -> Iterator[str]:
    if block["type"] == "table" and block.get("rows"):
        head = "| " + " | ".join(_cell(name) for name in block["columns"]) + " |"
        rows = ["| " + " | ".join(_cell(cell["text"]) for cell in row) + " |" for row in block["rows"]]
        yield "\n".join([f"**{_line(block.get('title', ''))}**\n", head, "|---" * len(block["columns"]) + "|", *rows])
    elif block["type"] == "rule_draft":
        rule = block.get("rule", {})
        yield f"**Draft of the rule {_line(rule.get('name', ''))}**\n\n```promql\n{rule.get('expr', '')}\n```"
    elif block["type"] == "proposal":
        yield f"**Proposed**: {_line(block.get('title', ''))} ({_line(block.get('state', ''))})"


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: Any) -> str:
    """A text from outside on one line, without what would begin something else."""
    return " ".join(str(text).split()).replace("<", "&lt;")
