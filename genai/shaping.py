"""Answers that are to be JSON of a stated shape: what a model is told of it, and whether what it wrote fits."""

from collections.abc import Mapping
from typing import Any

import orjson

from genai.providers.base import Message

LONGEST_TOLD = 400


class Misfit(Exception):
    """One sentence: what does not fit, and where."""


def instruction(schema: Mapping[str, Any]) -> Message:
    """Systems that can be held to a schema are; this tells all of them."""
    shape = orjson.dumps(dict(schema)).decode()
    return Message("system", f"Answer with one JSON object and nothing around it. It has to fit this JSON schema:\n{shape}")


def once_more(text: str, misfit: Misfit) -> list[Message]:
    """What is said when an answer did not fit."""
    return [
        Message("assistant", text[:20_000]),
        Message("user", f"That does not fit the schema: {misfit} Write the whole JSON object again, and nothing around it."),
    ]


def read(text: str, schema: Mapping[str, Any]) -> Any:
    """What fits the schema. Raises Misfit."""
    try:
        found = orjson.loads(_bare(text))
    except orjson.JSONDecodeError as fault:
        raise Misfit(f"it is not JSON ({str(fault)[:120]}).") from None
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(dict(schema)).iter_errors(found))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the whole"
        raise Misfit(f"{where}: {error.message[:LONGEST_TOLD]}.")
    return found


def _bare(text: str) -> str:
    """Without the fence and the words that models like to put around it."""
    begin, end = text.find("{"), text.rfind("}")
    return text[begin : end + 1] if 0 <= begin < end else text.strip()
