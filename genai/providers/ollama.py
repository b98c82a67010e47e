"""Ollama, on a machine of one's own: /api/chat, one JSON object per line."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from django import forms

from genai.providers import chat, wire
from genai.providers.base import Ask, LanguageModel, Limits, Message, ModelError, Piece, ToolCall, Usage
from genai.providers.openai_compatible import told_of

CONTEXT = 16_384  # tokens; left to itself it reads a fraction of that and drops the beginning without a word


class OllamaForm(wire.ServerForm):
    keep_minutes = forms.IntegerField(
        label="Keep the model loaded, minutes", min_value=0, max_value=10_000, required=False, help_text="Empty: as the server is set up."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["url"].initial = "http://localhost:11434"
        self.fields["url"].help_text = "Private networks are open to it."
        self.fields["context_tokens"].initial = CONTEXT


class Ollama(LanguageModel):
    label = "Ollama"
    icon = "copilot"
    about = "Open models on a machine of your own: nothing leaves the site."
    Config = OllamaForm
    local = True

    def stream(self, ask: Ask) -> Iterator[Piece]:
        ended = False
        address = f"{self.config['url']}/api/chat"
        with wire.answers(address, self._body(ask), {}, ask.limits, bool(self.config.get("verify_tls", True))) as response:
            calls: list[ToolCall] = []
            for line in wire.lines(response):
                if line.strip():
                    told = _object(line)
                    yield from _pieces(told, calls)
                    ended = ended or bool(told.get("done"))
        if not ended:
            raise ModelError("The answer broke off in the middle.", "cut")

    def _body(self, ask: Ask) -> dict[str, Any]:
        options = {"num_predict": ask.max_tokens, "temperature": ask.temperature, "num_ctx": self.config.get("context_tokens") or CONTEXT}
        body: dict[str, Any] = {"model": ask.model, "messages": [_message(one) for one in ask.messages], "stream": True, "options": options}
        if ask.tools:
            body["tools"] = [chat.tool(spec) for spec in ask.tools]
        if ask.schema is not None and not ask.tools:
            body["format"] = dict(ask.schema)
        if (minutes := self.config.get("keep_minutes")) is not None:
            body["keep_alive"] = f"{minutes}m"
        return body

    def check(self, model: str) -> str:
        found = wire.ask_for(f"{self.config['url']}/api/tags", {}, Limits(), bool(self.config.get("verify_tls", True)))
        rows = found.get("models") if isinstance(found, Mapping) else None
        if not isinstance(rows, list):
            raise ModelError("It answers, but not in the protocol that was chosen.", "unreadable")
        names = [str(row.get("name", "")) for row in rows if isinstance(row, Mapping)]
        return told_of(model if ":" in model else f"{model}:latest", names)


def _message(one: Message) -> dict[str, Any]:
    found: dict[str, Any] = {"role": one.role, "content": one.content}
    if one.tool_calls:
        found["tool_calls"] = [{"function": {"name": call.name, "arguments": _arguments(call)}} for call in one.tool_calls]
    return found


def _arguments(call: ToolCall) -> Any:
    """An object, as it wants them back; what was no JSON stands in one."""
    try:
        found = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {"unreadable": call.arguments}


def _object(line: bytes) -> Mapping[str, Any]:
    """Raises ModelError."""
    told = wire.parsed(line)
    if not isinstance(told, Mapping):
        raise ModelError("It answers, but not in the protocol that was chosen.", "unreadable")
    if error := told.get("error"):
        raise ModelError(f"It broke off: {str(error)[:200]}", "cut")
    return told


def _pieces(told: Mapping[str, Any], calls: list[ToolCall]) -> Iterator[Piece]:
    """`calls`: those so far, handed on with the end."""
    message = told.get("message") or {}
    if text := message.get("content"):
        yield Piece(text=str(text))
    for call in message.get("tool_calls") or []:
        function = call.get("function") or {}
        given = function.get("arguments")
        text = given if isinstance(given, str) else orjson.dumps(given or {}).decode()
        calls.append(ToolCall(str(call.get("id") or f"call_{len(calls)}"), str(function.get("name") or ""), text))
    if told.get("done"):
        if calls:
            yield Piece(tool_calls=tuple(calls))
        finish = "length" if told.get("done_reason") == "length" else "tool_calls" if calls else "stop"
        yield Piece(finish=finish, usage=Usage(int(told.get("prompt_eval_count") or 0), int(told.get("eval_count") or 0)))
