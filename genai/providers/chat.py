"""The chat completions of OpenAI, which Groq, vLLM, llama.cpp and many others speak: what is sent, and the chunks that come back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genai.providers import wire
from genai.providers.base import Ask, Message, ModelError, Piece, ToolCall, ToolSpec, Usage

MARK, DONE = b"data:", b"[DONE]"
STRUCTURED = (("json_schema", "JSON schema"), ("json_object", "Any JSON"), ("none", "Not at all"))


def body(ask: Ask, structured: str = "json_schema", limit: str = "max_tokens") -> dict[str, Any]:
    """`structured`: how the system can be held to JSON; `limit`: its name for the longest answer. Those that call it
    max_completion_tokens choose their temperature themselves."""
    found: dict[str, Any] = {"model": ask.model, "messages": messages(ask.messages), "stream": True, limit: ask.max_tokens}
    if limit == "max_tokens":
        found["temperature"] = ask.temperature
    if ask.tools:
        found["tools"] = [tool(spec) for spec in ask.tools]
    if ask.schema is not None and not ask.tools and structured != "none":
        found["response_format"] = _format(ask.schema, structured)
    return found


def messages(given: Sequence[Message]) -> list[dict[str, Any]]:
    return [_message(one) for one in given]


def _message(one: Message) -> dict[str, Any]:
    if one.role == "tool":
        return {"role": "tool", "tool_call_id": one.tool_call_id, "content": one.content}
    if one.tool_calls:
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in one.tool_calls
        ]
        return {"role": one.role, "content": one.content or None, "tool_calls": calls}
    return {"role": one.role, "content": one.content}


def tool(spec: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}}


def _format(schema: Mapping[str, Any], structured: str) -> dict[str, Any]:
    if structured == "json_object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": False}}


class Chunks:
    """Chunks in, pieces out. Tool calls come in fragments and are handed on whole, at the end."""

    def __init__(self) -> None:
        self._calls: dict[int, list[str]] = {}  # index: id, name, arguments
        self._finish = ""

    def feed(self, chunk: Any) -> Iterator[Piece]:
        """Raises ModelError for what is no chunk, and for an error that is told in the middle of a stream."""
        if not isinstance(chunk, Mapping):
            raise ModelError("It answers, but not in the protocol that was chosen.", "unreadable")
        if error := chunk.get("error"):
            said = error.get("message") if isinstance(error, Mapping) else error
            raise ModelError(f"It broke off: {str(said)[:200]}", "cut")
        for choice in (chunk.get("choices") or [])[:1]:
            yield from self._choice(choice)
        if usage := _usage(chunk):
            yield Piece(usage=usage)

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Piece]:
        delta = choice.get("delta") or choice.get("message") or {}
        if text := delta.get("content"):
            yield Piece(text=str(text))
        for place, call in enumerate(delta.get("tool_calls") or []):
            self._gather(place, call)
        if finish := choice.get("finish_reason"):
            self._finish = str(finish)

    def _gather(self, place: int, call: Mapping[str, Any]) -> None:
        index = call.get("index")
        held = self._calls.setdefault(place if index is None else int(index), ["", "", ""])
        function = call.get("function") or {}
        held[0] = held[0] or str(call.get("id") or "")
        held[1] = held[1] or str(function.get("name") or "")
        held[2] += str(function.get("arguments") or "")

    def end(self) -> Iterator[Piece]:
        """Raises ModelError where the stream ended before the answer did."""
        if not self._finish:
            raise ModelError("The answer broke off in the middle.", "cut")
        if self._calls:
            calls = (ToolCall(held[0] or f"call_{index}", held[1], held[2] or "{}") for index, held in sorted(self._calls.items()))
            yield Piece(tool_calls=tuple(calls))
        yield Piece(finish="tool_calls" if self._calls and self._finish != "length" else self._finish)


def pieces(lines: Iterator[bytes], chunks: Chunks) -> Iterator[Piece]:
    """Of server-sent events, until they say that they are done."""
    for line in lines:
        if line.startswith(MARK):
            data = line[len(MARK) :].strip()
            if data == DONE:
                return
            yield from chunks.feed(wire.parsed(data))
        elif line.startswith(b"{"):  # not a stream: the whole answer, or an error, in one object
            yield from chunks.feed(wire.parsed(line))


def _usage(chunk: Mapping[str, Any]) -> Usage | None:
    """OpenAI's in the last chunk, Groq's under x_groq."""
    found = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
    if not isinstance(found, Mapping):
        return None
    return Usage(int(found.get("prompt_tokens") or 0), int(found.get("completion_tokens") or 0))
