"""What every system that runs language models has in common: it is asked with messages and answers in pieces.

One verb, `stream`. What it yields is put together by `complete.py`, which is the only caller. A provider retries nothing by itself,
keeps the time-outs it is given, and turns whatever its SDK raises into ModelError.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms

from aiops.plugin_forms import ConfigForm
from aiops.plugins import Plugin, PluginError, member

PROVIDERS: dict[str, str] = {
    "groq": "genai.providers.groq.Groq",
    "ollama": "genai.providers.ollama.Ollama",
    "openai_compatible": "genai.providers.openai_compatible.OpenAICompatible",
}


class ModelError(PluginError):
    """The family's one error. `fault`: unauthorised, limited (429), unavailable (5xx), missing (no such model), too_long, refused (400),
    unreachable, stalled (nothing came for `idle` seconds), late (over `total`), cut (the stream broke), unreadable (not the protocol).
    `retry_after`: seconds, as the system asked. What was yielded before stands."""

    def __init__(self, message: str, fault: str, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message, permanent)
        self.fault = fault
        self.retry_after = retry_after


@dataclass(frozen=True)
class ToolCall:
    """`arguments` is what the model wrote: JSON text that may be invalid."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """role: system, user, assistant or tool (the answer to `tool_call_id`)."""

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True)
class ToolSpec:
    """A tool a model may call. `parameters`: JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Limits:
    """Seconds."""

    connect: float = 5.0
    idle: float = 20.0  # between two pieces
    total: float = 120.0


@dataclass(frozen=True)
class Ask:
    """One call. `schema`: the answer is to be JSON that fits it, where the system can see to that."""

    model: str
    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 1024
    temperature: float = 0.0
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Usage:
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True)
class Piece:
    """A part of an answer: text, or whole tool calls, or how it ended (`finish`: stop, length, tool_calls) and what it took."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    usage: Usage | None = None


class LanguageModel(Plugin):
    """One kind of system, made for one call."""

    do_not_call_in_templates: ClassVar[bool] = True
    Config: ClassVar[type[forms.Form]] = ConfigForm
    about: ClassVar[str] = ""
    icon: ClassVar[str] = "copilot"
    local: ClassVar[bool] = False  # what it is told need not leave the site

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        self.config, self.secrets = config, secrets

    def stream(self, ask: Ask) -> Iterator[Piece]:
        """Raises ModelError, also after pieces were yielded. Closing the iterator ends the request."""
        raise NotImplementedError

    def check(self, model: str) -> str:
        """Whether it can be reached, lets us in and has the model: a sentence. Costs nothing where the system can say so without a call
        to the model. Raises ModelError."""
        raise NotImplementedError


def provider_class(kind: str) -> type[LanguageModel]:
    """Raises PluginError for a kind that does not exist."""
    found: type[LanguageModel] = member(PROVIDERS, kind)
    return found


def known_kinds() -> list[tuple[str, type[LanguageModel]]]:
    """Every kind by its label."""
    return sorted(((kind, provider_class(kind)) for kind in PROVIDERS), key=lambda one: one[1].label)
