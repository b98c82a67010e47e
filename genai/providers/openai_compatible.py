"""OpenAI, and whatever speaks its chat completions: llama.cpp's server, vLLM, LM Studio, gateways. The address ends before /chat."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from genai.providers import chat, wire
from genai.providers.base import Ask, LanguageModel, Limits, ModelError, Piece

LIMITS = (("max_tokens", "max_tokens: most systems"), ("max_completion_tokens", "max_completion_tokens: OpenAI's models that reason"))


class OpenAICompatibleForm(wire.ServerForm):
    api_key = forms.CharField(label="Key", max_length=1000, required=False, help_text="Servers of your own often need none.")
    structured = forms.ChoiceField(
        label="Answers as JSON", choices=chat.STRUCTURED, initial="json_schema", required=False,
        help_text="How the system can be held to it. Answers are checked here whatever it does.",
    )  # fmt: skip
    limit = forms.ChoiceField(label="Name of the limit", choices=LIMITS, initial="max_tokens", required=False)
    field_order = ("url", "api_key")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["url"].initial = "https://api.openai.com/v1"
        self.fields["url"].help_text = "Up to and with /v1, for example http://gpu-01:8000/v1. Private networks are open to it."


class OpenAICompatible(LanguageModel):
    label = "OpenAI-compatible"
    icon = "copilot"
    about = "OpenAI, llama.cpp, vLLM and whatever else speaks /v1/chat/completions."
    Config = OpenAICompatibleForm
    secret_fields = ("api_key",)

    def stream(self, ask: Ask) -> Iterator[Piece]:
        chunks = chat.Chunks()
        body = chat.body(ask, self.config.get("structured") or "json_schema", self.config.get("limit") or "max_tokens")
        body["stream_options"] = {"include_usage": True}
        address = f"{self.config['url']}/chat/completions"
        with wire.answers(address, body, self._headers(), ask.limits, bool(self.config.get("verify_tls", True))) as response:
            yield from chat.pieces(wire.lines(response), chunks)
        yield from chunks.end()

    def _headers(self) -> Mapping[str, str]:
        key = self.secrets.get("api_key")
        return {"Authorization": f"Bearer {key}"} if key else {}

    def check(self, model: str) -> str:
        found = wire.ask_for(f"{self.config['url']}/models", self._headers(), Limits(), bool(self.config.get("verify_tls", True)))
        return told_of(model, names_of(found))


def names_of(answer: Any) -> list[str]:
    """Of {"data": [{"id": …}]}. Raises ModelError."""
    rows = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(rows, list):
        raise ModelError("It answers, but not in the protocol that was chosen.", "unreadable")
    return [str(row.get("id", "")) for row in rows if isinstance(row, Mapping)]


def told_of(model: str, names: list[str]) -> str:
    """Whether it is among them, as a sentence. Raises ModelError."""
    if model in names:
        return f"It has {model}" + (f" and {len(names) - 1} more." if len(names) > 1 else ".")
    few = ", ".join(sorted(names)[:5]) or "none"
    raise ModelError(f"It lets us in, but has no model {model}. It has {few}{' …' if len(names) > 5 else ''}.", "missing", permanent=True)
