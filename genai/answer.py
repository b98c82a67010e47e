"""What the one door gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from genai.providers.base import ToolCall


@dataclass(frozen=True)
class Answer:
    """`outcome` is one of Completion.Outcome; texts are unmasked again. Whoever asked looks at `whole` first: what is not whole is shown
    as half an answer, with `reason`, or not at all."""

    outcome: str
    text: str = ""
    data: Any = None  # of a call with a schema: what fits it
    tool_calls: tuple[ToolCall, ...] = ()
    reason: str = ""  # one sentence for people: why there is none, or only half
    completion_id: int | None = None
    provider: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = Decimal(0)
    latency_ms: int = 0
    masked: Mapping[str, int] = field(default_factory=dict)  # {kind: how many} of what was hidden on the way out

    @property
    def whole(self) -> bool:
        return self.outcome in ("ok", "cached")
