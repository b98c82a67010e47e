"""Any program that acts for us: signed JSON by POST, described in docs/providers.md."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import orjson
from django import forms

from aiops import http
from aiops.plugin_forms import ConfigForm
from monitoring.notifications.channels.base import checked_address
from monitoring.notifications.channels.webhook import signature
from remediation.providers.base import HIDDEN, SUCCEEDED, ActionError, Answer, Ask, Line, Parameter, Preview, Verb
from remediation.providers.rest import MOST_BYTES, Rest, read

MOST_SENT = 256 * 1024  # bytes of a body
MOST_LINES_KEPT = 200
MOST_FACTS = 16 * 1024  # bytes of an answer that later steps may read


class WebhookForm(ConfigForm):
    url = forms.CharField(
        label="Address", max_length=2000, help_text="Where to POST. It is not shown again. Private networks only where allowed."
    )
    secret = forms.CharField(
        label="Signing secret", max_length=1000, required=False, help_text="The receiver checks X-Signature-256 with it."
    )
    once = forms.BooleanField(
        label="Acts once for each X-Event-Id",
        required=False,
        help_text="Then it is asked again after a crash or a time-out. Without it such an action is left to people.",
    )
    verify_tls = forms.BooleanField(label="Check its certificate", initial=True, required=False)

    def clean_url(self) -> str:
        return checked_address(self.cleaned_data["url"]) if self.cleaned_data["url"] else ""


class Webhook(Rest):
    label = "Webhook"
    icon = "link"
    about = "Signed JSON to a program of your own."
    Config = WebhookForm
    secret_fields = ("url", "secret")
    verbs: ClassVar[Mapping[str, Verb]] = {
        "post": Verb(
            "post",
            "Send a request",
            (
                Parameter("action", required=True, about="What is wanted, in the receiver's words."),
                Parameter("data", "object", "Data", about="Handed on as it is."),
            ),
            icon="link",
        )
    }

    def check(self) -> str:
        """Only that somebody listens: a request without a meaning could be taken for one."""
        answer = self._request("HEAD", b"", {})
        if answer.status_code >= 500 or answer.status_code in (401, 403, 407):
            raise self.refused(answer)
        return f"{urlsplit(self.secrets['url']).hostname} answers ({answer.status_code} to HEAD)"

    def dry_run(self, ask: Ask) -> Preview:
        """The body; nothing is sent."""
        text = orjson.dumps(orjson.loads(self._body(ask)), option=orjson.OPT_INDENT_2).decode()
        host = urlsplit(self.secrets.get("url", "")).hostname
        return Preview(f"Would POST to {host}: {ask.params['action']}", [Line(self.masked(line)) for line in text.splitlines()])

    def run(self, ask: Ask) -> Answer:
        body, timestamp = self._body(ask), str(int(time.time()))
        headers = {"X-Event-Id": ask.key, "X-Timestamp": timestamp, "Idempotency-Key": ask.key}
        if self.secrets.get("secret"):
            headers["X-Signature-256"] = signature(self.secrets["secret"], timestamp, body)
        answer = self._request("POST", body, headers)
        if not answer.is_success:
            raise self._sure(self.refused(answer, "POST"))
        return self._answer(ask, answer)

    def resume(self, ask: Ask) -> Answer | None:
        """None where the receiver takes the same id twice and acts once: then it is asked again."""
        return None if self.config.get("once") else super().resume(ask)

    def _request(self, method: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        sent = {"Content-Type": "application/json", **headers}
        try:
            return http.request(
                method, self.secrets.get("url", ""), headers=sent, content=body, timeout=10.0, deadline=self.deadline, retries=0,
                verify=bool(self.config.get("verify_tls", True)), most_bytes=MOST_BYTES,
            )  # fmt: skip
        except http.Resting as fault:
            raise self.failed(str(fault)) from None
        except http.Refused as fault:
            raise self.failed(str(fault), permanent=True) from None
        except (http.Unreachable, http.TooLarge) as fault:
            raise self._sure(self.failed(str(fault), unclear=method == "POST")) from None

    def _sure(self, fault: ActionError) -> ActionError:
        """A receiver that acts once can simply be asked again."""
        fault.unclear = fault.unclear and not self.config.get("once")
        return fault

    def _body(self, ask: Ask) -> bytes:
        """Raises ActionError."""
        if ask.verb not in self.verbs or not ask.params.get("action"):
            raise ActionError("say which action the receiver is asked for", permanent=True)
        words = {"version": "1", "event_id": ask.key, "action": ask.params["action"], "data": ask.params.get("data") or {}}
        try:
            body = orjson.dumps({**words, "target": ask.target, "reason": ask.reason, "case": ask.case, "url": ask.url})
        except orjson.JSONEncodeError as fault:
            raise ActionError(f"the data cannot be written as JSON: {fault}", permanent=True) from None
        if len(body) > MOST_SENT:
            raise ActionError(f"the data is longer than {MOST_SENT:,} bytes", permanent=True)
        return body

    def _answer(self, ask: Ask, answer: httpx.Response) -> Answer:
        found = read(answer)
        lines = [line for line in answer.text.splitlines() if line.strip()]
        kept = [Line(line) for line in lines[:MOST_LINES_KEPT]]
        if len(lines) > MOST_LINES_KEPT:
            kept.append(Line(f"{len(lines) - MOST_LINES_KEPT:,} more lines were left out", "warning"))
        facts: dict[str, Any] = {"status": answer.status_code}
        if isinstance(found, Mapping) and len(answer.content) <= MOST_FACTS:
            facts["answer"] = found
        return Answer(SUCCEEDED, f"The receiver took it ({answer.status_code}).", handle=ask.key, lines=kept, facts=facts)

    def masked(self, text: str) -> str:
        """The address is a secret in the part after the host."""
        parts = urlsplit(str(self.secrets.get("url") or ""))
        for part in (parts.path.strip("/"), parts.query):
            if len(part) > 7:
                text = text.replace(part, HIDDEN)
        return super().masked(text)
