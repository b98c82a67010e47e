"""What providers behind a JSON API over HTTP have in common: who we are there, and what each refusal means."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import orjson
from django import forms

from aiops import http
from aiops.plugin_forms import ConfigForm
from remediation.providers.base import ActionError, ActionProvider

MOST_BYTES = 4 * 1024 * 1024  # of an answer
PASSING = {408, 425, 429}  # besides 5xx: may go away by itself
CHANGING = {"POST", "PATCH"}  # where an answer that does not come leaves it open whether it was done
LONGEST_WORDS = 400


class RestForm(ConfigForm):
    url = forms.CharField(label="Address", max_length=400)
    verify_tls = forms.BooleanField(label="Check its certificate", initial=True, required=False)

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip().rstrip("/")
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and parts.port != 0
        except ValueError:
            good = False
        if not good or "@" in parts.netloc:
            raise forms.ValidationError("Write an http or https address without password, such as https://awx.example.org.")
        return url


class Rest(ActionProvider):
    """A member says who it is (`headers`) and what its refusals say (`said`)."""

    content_type: ClassVar[str] = "application/json"

    def headers(self) -> Mapping[str, str]:
        raise NotImplementedError

    def said(self, body: Any) -> str:
        """The peer's own words out of the body of a refusal, or nothing."""
        return str(body.get("detail") or body.get("message") or "") if isinstance(body, Mapping) else ""

    def call(self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None) -> httpx.Response:
        """One request; an answer that is no 2xx becomes an ActionError. `path` begins with a slash."""
        url = f"{self.config['url']}{path}"
        sent = {"Accept": "application/json", "Content-Type": self.content_type, **self.headers()}
        content = None if body is None else orjson.dumps(body)
        try:
            answer = http.request(
                method, url, headers=sent, content=content, params=params, timeout=10.0, deadline=self.deadline, retries=0,
                allow_private=True, verify=bool(self.config.get("verify_tls", True)), most_bytes=MOST_BYTES,
            )  # fmt: skip
        except http.Resting as fault:
            raise self.failed(str(fault)) from None
        except http.Refused as fault:
            raise self.failed(str(fault), permanent=True) from None
        except (http.Unreachable, http.TooLarge) as fault:
            raise self.failed(str(fault), unclear=method in CHANGING) from None
        if not answer.is_success:
            raise self.refused(answer, method)
        return answer

    def refused(self, answer: httpx.Response, method: str = "GET") -> ActionError:
        """401 and 403: our credentials; other 4xx stay until somebody changes something; 429 and 5xx pass. A change that ended in a 5xx
        may have been made."""
        status, host = answer.status_code, answer.request.url.host
        words = " ".join((self.said(read(answer)) or ("" if answer.is_redirect else answer.text)).split())[:LONGEST_WORDS]
        sentence = f"{host} answers {status}{f': {words}' if words else ''}"
        if status in (401, 403):
            sentence = f"{host} does not let us in ({status}){f': {words}' if words else ''}"
        if answer.is_redirect:
            sentence = f"{host} answers {status}; redirects are not followed"
        passing = status >= 500 or status in PASSING
        asked = http.retry_after(answer.headers.get("Retry-After", ""))
        return self.failed(sentence, permanent=not passing, unclear=status >= 500 and method in CHANGING, retry_after=asked)

    def failed(self, words: str, permanent: bool = False, unclear: bool = False, retry_after: float | None = None) -> ActionError:
        return ActionError(self.masked(words), permanent=permanent, unclear=unclear, retry_after=retry_after)

    def get(self, path: str, **params: Any) -> Any:
        """The answer's JSON. Raises ActionError, also for an answer that is none."""
        return self.parsed(self.call("GET", path, params=params or None))

    def parsed(self, answer: httpx.Response) -> Any:
        found = read(answer)
        if found is None:
            raise self.failed(f"{answer.request.url.host} answers with something that is not JSON; is the address right?", permanent=True)
        return found


def read(answer: httpx.Response) -> Any:
    """None for what is not JSON."""
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None


def wanted(params: Mapping[str, Any], name: str) -> str:
    """Raises ActionError where it is missing."""
    value = str(params.get(name) or "").strip()
    if not value:
        raise ActionError(f"{name} is missing", permanent=True)
    return value
