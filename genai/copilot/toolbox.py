"""How an answer uses tools, whoever chose them, a model or a person's words: each use is a step that the asker sees, what it found is
what the answer may cite, and what stands beside the words is kept."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection

from genai.copilot import blocks
from genai.copilot.events import Progress
from genai.copilot.models import Turn
from genai.masking import Mask
from genai.tools import call, catalogue
from genai.tools.base import Context, Refused, Result, ToolError
from genai.tracing.models import AgentRun

CITED = re.compile(r"\s*\[E\d+\]\s*")
LONGEST_DETAIL = 160


@dataclass
class Question:
    """One turn on its way. `start` and `end`: the time that the page showed."""

    turn: Turn
    actor: Any
    progress: Progress
    run: AgentRun
    start: datetime | None = None
    end: datetime | None = None
    alone: bool = False  # in a thread of its own

    @property
    def text(self) -> str:
        return self.turn.question

    @property
    def subject(self) -> str:
        return str(self.turn.context.get("subject", ""))

    @cached_property
    def context(self) -> Context:
        return Context(self.actor, self.run, self.subject, self.start, self.end)

    def stopped(self) -> bool:
        """Asked every moment while a model is waited for. A thread of its own gives its connection back meanwhile: PostgreSQL has only so
        many, and answers wait most of their time."""
        if self.alone and connection.vendor == "postgresql" and not connection.in_atomic_block:
            connection.close()
        return self.progress.stopping.is_set()


@dataclass
class Toolbox:
    question: Question
    allowed: set[int] = field(default_factory=set)  # evidence that was found
    used: int = 0

    def use(self, name: str, arguments: Mapping[str, Any] | str) -> Result:
        """Raises ToolError."""
        progress, asked = self.question.progress, described(arguments)
        n, began = progress.step(name, asked), time.monotonic()
        self.used += 1
        try:
            result = call.call(name, arguments, self.question.context)
        except ToolError as fault:
            state = "refused" if isinstance(fault, Refused) else "failed"
            progress.step_ended(n, state, joined(asked, fault.sentence), elapsed(began))
            raise
        tool = catalogue.known(name)
        self.allowed.update(one.pk for one in result.evidence)
        progress.step_ended(n, "ok", joined(asked, found(result.plain)), elapsed(began), tool.permission if tool else "")
        progress.add(blocks.kept(map(hidden, result.blocks), tool.permission if tool else "", progress.blocks))
        return result


def described(arguments: Mapping[str, Any] | str) -> str:
    """What was asked for, on one line."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            return "with arguments that are not JSON"
    if not isinstance(arguments, Mapping):
        return ""
    told = ", ".join(str(value) for name, value in arguments.items() if name != "limit" and value not in (None, "", [], {}))
    return cut(shown(told))


def found(plain: str) -> str:
    """The first line of what a tool answered, without citations."""
    return cut(shown(CITED.sub(" ", plain.strip().partition("\n")[0]).strip()))


def joined(asked: str, came: str) -> str:
    return f"{asked} → {came}" if asked and came else asked or came


def cut(text: str, most: int = LONGEST_DETAIL) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def elapsed(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def shown(text: str) -> str:
    """As people may see it: secrets hidden, whatever they stand in."""
    mask = Mask()
    return mask.shown(mask.mask(text))


def hidden(value: Any) -> Any:
    """The same for all texts of a block."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {key: hidden(inner) for key, inner in value.items()}
    return [hidden(inner) for inner in value] if isinstance(value, list | tuple) else value
