"""Tokens and dollars: what a call may take at most before it is made, and what it took."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import orjson

from genai.models import ModelProvider
from genai.providers.base import Message, ToolSpec

BYTES_PER_TOKEN = 3.2  # of English prose 4 and more, of labels, figures and JSON less: rather too many tokens than too few
AROUND = 6  # tokens a model's template puts around each message
MILLION = Decimal(1_000_000)


def tokens_of(text: str) -> int:
    """About. Texts in other scripts take more bytes and more tokens alike."""
    return int(len(text.encode()) / BYTES_PER_TOKEN) + 1 if text else 0


def tokens_asked(messages: Iterable[Message], tools: Sequence[ToolSpec] = ()) -> int:
    told = sum(tokens_of(one.content) + sum(tokens_of(call.arguments) for call in one.tool_calls) + AROUND for one in messages)
    return told + sum(tokens_of(spec.description) + tokens_of(orjson.dumps(dict(spec.parameters)).decode()) + AROUND for spec in tools)


def price(provider: ModelProvider, tokens_in: int, tokens_out: int) -> Decimal:
    return (provider.price_in * tokens_in + provider.price_out * tokens_out) / MILLION
