"""What the providers' protocols have in common below the words: addresses, requests, lines of a stream, refusals."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from django import forms
from django.core.exceptions import ValidationError

from aiops import http
from aiops.plugin_forms import ConfigForm
from genai.providers.base import Limits, ModelError

MOST_LINE = 4 * 2**20  # bytes of one line of a stream
MOST_BODY = 64 * 1024  # bytes read of a refusal
MOST_LIST = 8 * 2**20  # bytes of a list of models
LONGEST_SAID = 300
# Words by which systems say in a 400 that the question is longer than the model reads.
TOO_LONG = ("context length", "context_length", "context window", "too many tokens", "maximum context", "exceeds the available context")


class ServerForm(ConfigForm):
    """The address is an administrator's own choice: model servers stand in private networks more often than not, so those are open to it.
    Link-local addresses, where clouds keep their metadata, are not; redirects are not followed."""

    url = forms.CharField(label="Address", max_length=1000)
    verify_tls = forms.BooleanField(label="Check its certificate", initial=True, required=False)
    context_tokens = forms.IntegerField(
        label="Longest question, tokens", min_value=500, max_value=10_000_000, required=False,
        help_text="What the model reads at once. Longer ones are shortened in the middle of their longest texts. Empty: not known.",
    )  # fmt: skip
    idle_seconds = forms.FloatField(
        label="Longest silence, seconds", min_value=1, max_value=600, required=False,
        help_text="A model that is loaded first needs more. Empty: as AIOPS_LLM_IDLE_SECONDS says.",
    )  # fmt: skip

    def clean_url(self) -> str:
        return checked_address(str(self.cleaned_data["url"]))


def checked_address(text: str) -> str:
    """Without a slash at its end. Raises ValidationError."""
    try:
        parts = urlsplit(text.strip())
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound or any(char.isspace() or not char.isprintable() for char in text.strip()):
        raise ValidationError("Write an address that begins with http:// or https://.")
    if parts.username or parts.password:
        raise ValidationError("Write the key into its own field, not into the address.")
    if parts.query or parts.fragment:
        raise ValidationError("Write the address without ? and #.")
    return text.strip().rstrip("/")


@contextmanager
def answers(
    address: str, body: Mapping[str, Any], headers: Mapping[str, str], limits: Limits, verify: bool = True
) -> Iterator[httpx.Response]:
    """The answer to a POST while it comes. Raises ModelError, whatever goes wrong while it is read."""
    with errors(limits):
        sent = http.stream(
            "POST", address, headers=headers, json=body, connect=limits.connect, idle=limits.idle, deadline=limits.total,
            allow_private=True, verify=verify,
        )  # fmt: skip
        with sent as response:
            if response.status_code != 200:
                raise refusal(response.status_code, response.headers, _beginning(response))
            yield response


@contextmanager
def errors(limits: Limits) -> Iterator[None]:
    """The transport's errors as the family's."""
    try:
        yield
    except http.Refused as fault:
        raise ModelError(_sentence(str(fault)), "unreachable", permanent=True) from fault
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL, http.Unreachable) as fault:
        raise ModelError(f"It cannot be reached: {str(fault)[:200] or 'no answer'}.", "unreachable") from fault
    except httpx.TimeoutException as fault:
        raise ModelError(f"Nothing came for {limits.idle:g} seconds.", "stalled") from fault
    except (httpx.TransportError, httpx.DecodingError, httpx.StreamError) as fault:
        raise ModelError("The connection broke in the middle of the answer.", "cut") from fault


def _beginning(response: httpx.Response) -> bytes:
    found = b""
    for part in response.iter_bytes(16384):
        found += part
        if len(found) > MOST_BODY:
            break
    return found[:MOST_BODY]


def lines(response: httpx.Response) -> Iterator[bytes]:
    """Without their ends; each as soon as it is there. Raises ModelError for one without an end."""
    held = b""
    for part in response.iter_bytes():
        *whole, held = (held + part).split(b"\n")
        yield from (line.rstrip(b"\r") for line in whole)
        if len(held) > MOST_LINE:
            raise ModelError("It answers with a line that has no end.", "unreadable")
    if held:
        yield held.rstrip(b"\r")


def ask_for(address: str, headers: Mapping[str, str], limits: Limits, verify: bool = True) -> Any:
    """What a GET answers, as JSON. Raises ModelError."""
    with errors(limits):
        try:
            answer = http.request(
                "GET", address, headers=headers, timeout=limits.connect, retries=0, allow_private=True, verify=verify, deadline=15.0,
                most_bytes=MOST_LIST,
            )  # fmt: skip
        except http.TooLarge as fault:
            raise ModelError(_sentence(str(fault)), "unreadable") from fault
    if answer.status_code != 200:
        raise refusal(answer.status_code, answer.headers, answer.content)
    return parsed(answer.content)


def parsed(text: bytes | str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ModelError("It answers, but not in the protocol that was chosen.", "unreadable") from None


# -- refusals --------------------------------------------------------------------------------------------------------------
def refusal(status: int, headers: Mapping[str, str], body: bytes) -> ModelError:
    said = _said(body)
    more = f": {said}" if said else ""
    pause = http.retry_after(headers.get("retry-after", ""))
    if status in (401, 403):
        return ModelError(f"It does not let us in ({status}){more}.", "unauthorised", permanent=True)
    if status == 429:
        return ModelError(f"It takes no more questions for now (429){more}.", "limited", retry_after=pause)
    if status == 404:
        return ModelError(f"It has no such model or address (404){more}.", "missing", permanent=True)
    if status == 413 or (status in (400, 422) and any(words in said.lower() for words in TOO_LONG)):
        return ModelError(f"The question is longer than the model reads{more}.", "too_long", permanent=True)
    if status >= 500:
        return ModelError(f"It has a fault of its own ({status}){more}.", "unavailable", retry_after=pause)
    return ModelError(f"It refuses what it was asked ({status}){more}.", "refused", permanent=True)


def _said(body: bytes) -> str:
    """The sentence of {"error": {"message": …}} or {"error": …}, of anything else its beginning."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _plain(body[:LONGEST_SAID].decode(errors="replace")) if not body.lstrip().startswith(b"<") else ""
    error = found.get("error", found.get("detail", "")) if isinstance(found, dict) else ""
    return _plain(str(error.get("message", "")) if isinstance(error, dict) else str(error or ""))


def _plain(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:LONGEST_SAID].rstrip(".")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
