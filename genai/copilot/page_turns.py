"""Turns as pages show them: the words as HTML with their evidence, the blocks with the addresses of their charts, what it took."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.permissions import PERMISSIONS, can
from genai import complete
from genai.causes import asking
from genai.causes.models import Analysis
from genai.copilot import events, showing
from genai.copilot.models import Conversation, Turn
from genai.evidence import render
from genai.evidence.models import Evidence

MOST = 30  # turns of one page; the rest behind a link
CAUSES_SHOWN = 3
Block = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """`text`: what was written so far of an answer that is still being made, in plain words; `html`: the answer that was checked."""

    turn: Turn
    withheld: bool
    seq: int
    state: str
    text: str
    html: SafeString | str
    sources: Sequence[Any]
    steps: Sequence[dict[str, Any]]
    blocks: Sequence[Block]
    figures: showing.Figures
    own: bool  # the reader asked it: they may rate and stop it

    @property
    def over(self) -> bool:
        return self.turn.is_over

    @property
    def note(self) -> str:
        """What was said of a whole answer; not what a model would add, which stands below the field once."""
        return self.turn.reason if self.over and self.turn.reason != complete.why_not() else ""


def of_conversation(conversation: Conversation, actor: Any, everything: bool = False) -> tuple[list[Shown], int]:
    """The latest turns, oldest first, and how many earlier ones there are."""
    rows = list(conversation.turns.select_related("run").order_by("-number")[: None if everything else MOST])
    earlier = conversation.turns.count() - len(rows)
    return shown(rows[::-1], actor, conversation.user_id), max(0, earlier)


def shown(turns: Iterable[Turn], actor: Any, owner: int) -> list[Shown]:
    return [one(turn, actor, owner == actor.pk) for turn in turns]


def one(turn: Turn, actor: Any, own: bool) -> Shown:
    if not turn.is_over:
        return _growing(turn, actor, own)
    withheld = not showing.visible(turn, actor)
    answer = showing.answer_for(turn, actor)
    return Shown(
        turn, withheld, turn.seq, turn.state, "", "" if withheld else render.html(answer, actor),
        [] if withheld else render.sources(answer, actor), [] if withheld else _steps(turn.steps),
        drawn(showing.blocks_for(turn, actor), actor), showing.figures(turn), own,
    )  # fmt: skip


def _growing(turn: Turn, actor: Any, own: bool) -> Shown:
    """Only for who asked: what others may see of it is known when it is over."""
    nothing: events.Event = {"seq": 0, "text": "", "steps": [], "blocks": [], "state": turn.state}
    so_far = events.so_far(turn) if own else nothing
    return Shown(
        turn, not own, so_far["seq"], so_far["state"], so_far["text"], "", [], _steps(so_far["steps"]),
        drawn(so_far["blocks"], actor) if own else [], showing.figures(turn), own,
    )  # fmt: skip


def _steps(steps: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": step["name"].replace("_", " "), **{key: step.get(key) for key in ("n", "detail", "state", "ms")}} for step in steps]


# -- blocks ----------------------------------------------------------------------------------------------------------------
def drawn(blocks: Iterable[Block], actor: Any) -> list[Block]:
    """With what their templates need. What is gone, and what the actor may not see, is left out."""
    makers = {"series": _series, "causes": _causes}
    made = (makers.get(block["type"], _plain)(block, actor) for block in blocks)
    return [block | {"template": f"genai/copilot/_block_{block['type']}.html"} for block in made if block is not None]


def _plain(block: Block, actor: Any) -> Block | None:
    return dict(block)


def _series(block: Block, actor: Any) -> Block | None:
    found = Evidence.objects.filter(pk=block.get("evidence", 0), kind=Evidence.Kind.SERIES).first()
    if found is None or found.permission not in PERMISSIONS or not can(actor, found.permission):
        return None
    urls = {"data_url": reverse("evidence-chart", args=[found.pk]), "open_url": reverse("evidence", args=[found.pk])}
    return block | urls | {"title": block.get("title") or found.title, "sentence": f"{found.title}. {found.found_text}".strip()}


def _causes(block: Block, actor: Any) -> Block | None:
    found = Analysis.objects.filter(pk=block.get("analysis", 0), state="done").first()
    if found is None or not found.hypotheses:
        return None
    cards, url = asking.cards(found), reverse("causes", args=[found.pk])
    return block | {"cards": cards[:CAUSES_SHOWN], "left_out": max(0, len(cards) - CAUSES_SHOWN), "open_url": url}


# -- what a conversation is about ------------------------------------------------------------------------------------------
ICONS = {
    "alert": "alerts",
    "incident": "incidents",
    "resource": "host",
    "execution": "remediation",
    "forecast": "forecasts",
    "rule": "flask",
}


def subject_icon(subject: str) -> str:
    return ICONS.get(subject.partition(":")[0], "copilot")
