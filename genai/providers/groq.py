"""Groq's cloud, through its SDK."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from django import forms

from aiops import http
from genai.providers import chat, wire
from genai.providers.base import Ask, LanguageModel, Limits, ModelError, Piece
from genai.providers.openai_compatible import told_of

ADDRESS = "https://api.groq.com"


class GroqForm(wire.ServerForm):
    api_key = forms.CharField(label="Key", max_length=1000, help_text="From console.groq.com; it begins with gsk_.")
    structured = forms.ChoiceField(
        label="Answers as JSON", choices=chat.STRUCTURED, initial="json_object", required=False,
        help_text="Only some of its models take a schema. Answers are checked here whatever it does.",
    )  # fmt: skip
    field_order = ("api_key", "url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["url"].required, self.fields["url"].initial = False, ADDRESS

    def clean_url(self) -> str:
        return wire.checked_address(str(self.cleaned_data["url"] or ADDRESS))


class Groq(LanguageModel):
    label = "Groq"
    icon = "copilot"
    about = "Fast open models in Groq's cloud."
    Config = GroqForm
    secret_fields = ("api_key",)

    def stream(self, ask: Ask) -> Iterator[Piece]:
        chunks = chat.Chunks()
        body = chat.body(ask, self.config.get("structured") or "json_object")
        with self._errors(ask.limits):
            asked = self._client(ask.limits).chat.completions.with_streaming_response.create(**body)
            with asked as answer:  # its lines are read here: objects of the SDK for each word would cost more than all else
                yield from chat.pieces(wire.lines(answer.http_response), chunks)
        yield from chunks.end()

    def check(self, model: str) -> str:
        with self._errors(Limits()):
            found = self._client(Limits()).models.list()
        return told_of(model, [one.id for one in found.data])

    def _client(self, limits: Limits) -> Any:
        """It retries nothing: whether to try again is decided for all providers in one place."""
        from groq import Groq as Client

        verify = bool(self.config.get("verify_tls", True))
        return Client(
            api_key=self.secrets.get("api_key") or "none", base_url=self.config.get("url") or ADDRESS, max_retries=0,
            timeout=httpx.Timeout(limits.idle, connect=limits.connect), http_client=http.client(allow_private=True, verify=verify),
        )  # fmt: skip

    @contextmanager
    def _errors(self, limits: Limits) -> Iterator[None]:
        """The SDK's errors as the family's. It lets the transport's own through when a stream breaks."""
        import groq

        try:
            with wire.errors(limits):
                yield
        except groq.APIStatusError as fault:
            raise wire.refusal(fault.status_code, fault.response.headers, _body(fault)) from fault
        except groq.APITimeoutError as fault:
            raise ModelError(f"Nothing came for {limits.idle:g} seconds.", "stalled") from fault
        except groq.APIConnectionError as fault:
            raise ModelError(f"It cannot be reached: {str(fault.__cause__ or fault)[:200]}.", "unreachable") from fault
        except groq.APIError as fault:  # told in the middle of a stream
            raise ModelError(f"It broke off: {fault.message[:200]}", "cut") from fault


def _body(fault: Any) -> bytes:
    try:
        return bytes(fault.response.content)
    except httpx.HTTPError:
        return b""
