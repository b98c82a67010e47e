"""What a tool is: one question to the platform, asked with the rights of a person, that answers in words, figures and evidence.

A tool is a plain function and a description of its arguments; `call.call` is its only caller. It reads, and never acts: the one that
writes files a proposal, which policy and people then judge (`writes`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from genai.evidence.models import Evidence
from genai.tracing.models import AgentRun

Json = dict[str, Any]


class ToolError(Exception):
    """`sentence` is for whoever asked, model or person: what was wrong, and what to write instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Refused(ToolError):
    """Whoever asks may not, or not like this."""


@dataclass(frozen=True)
class Context:
    """Who asks (a person, or a token's bearer), for which execution, about what ("incident:7") and which time, if a page said so."""

    actor: Any
    run: AgentRun | None = None
    subject: str = ""
    start: datetime | None = None
    end: datetime | None = None
    now: datetime = field(default_factory=timezone.now)

    @property
    def person(self) -> User:
        """Whose name a state change carries."""
        found = getattr(self.actor, "user", self.actor)
        assert isinstance(found, User)
        return found


@dataclass
class Result:
    """`text` is what a model is told: data, quoted as such. `plain` is the same before it was quoted, for people. `data` is what code
    goes on with, `blocks` what stands beside the words in a conversation: see docs/assistant-tools.md."""

    text: str
    data: Any = None
    evidence: list[Evidence] = field(default_factory=list)
    blocks: list[Json] = field(default_factory=list)
    plain: str = ""


Run = Callable[[Json, Context], Result]


@dataclass(frozen=True)
class Tool:
    """`parameters`: JSON schema of an object; what it does not name is refused."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    permission: str
    run: Run
    writes: bool = False


def takes(required: Sequence[str] = (), **properties: Mapping[str, Any]) -> Json:
    """The schema of a tool's arguments."""
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False}


def text(description: str, longest: int = 300, **more: Any) -> Json:
    return {"type": "string", "description": description, "maxLength": longest, **more}


def number(description: str, least: int, most: int) -> Json:
    return {"type": "integer", "description": description, "minimum": least, "maximum": most}


def one_of(description: str, *choices: str) -> Json:
    return {"type": "string", "description": description, "enum": list(choices)}


def yes_or_no(description: str) -> Json:
    return {"type": "boolean", "description": description}


LIMIT = number("how many rows at most", 1, 100)
START = text("beginning of the time: an ISO time, or how long ago (30m, 6h, 2d, 'yesterday 14:00'); default: an hour ago", 60)
END = text("end of the time, in the same ways; default: now", 60)
