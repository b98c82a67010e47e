"""Any program: signed JSON by POST. What it gets is described in docs/notifications.md."""

import hashlib
import hmac
import time
import uuid
from typing import ClassVar
from urllib.parse import urlsplit

import orjson
from django import forms

from aiops.plugin_forms import ConfigForm
from monitoring.notifications.channels.base import HEARD_WITH_OWNERSHIP, Transport, checked_address
from monitoring.notifications.notice import Answer, Notice, to_json

EVENTS = uuid.UUID("5d6f2a3e-2f0b-4b0e-9a53-6f1f7a0b6c11")  # namespace of event ids


class WebhookForm(ConfigForm):
    url = forms.CharField(
        label="Address",
        max_length=2000,
        help_text="Where to POST. It is not shown again. Private networks only where allowed.",
    )
    secret = forms.CharField(
        label="Signing secret", max_length=1000, required=False, help_text="The receiver checks X-Signature-256 with it."
    )

    def clean_url(self) -> str:
        return checked_address(self.cleaned_data["url"]) if self.cleaned_data["url"] else ""


def event_id(key: str) -> str:
    """The same for the same notice, however often it is sent."""
    return str(uuid.uuid5(EVENTS, key))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook(Transport):
    label = "Webhook"
    icon = "link"
    about = "Signed JSON to a program of your own."
    Config = WebhookForm
    secret_fields = ("url", "secret")
    hears: ClassVar[frozenset[str]] = HEARD_WITH_OWNERSHIP

    @property
    def destination(self) -> str:
        return urlsplit(self.secrets.get("url", "")).hostname or ""

    def send(self, notice: Notice) -> Answer:
        event = event_id(notice.key)
        body = orjson.dumps({"version": "1", "event_id": event, **to_json(notice)})
        timestamp = str(int(time.time()))
        headers = {"X-Event-Id": event, "X-Timestamp": timestamp}
        if self.secrets.get("secret"):
            headers["X-Signature-256"] = signature(self.secrets["secret"], timestamp, body)
        answer = self.post(self.secrets.get("url", ""), body, headers)
        return self.answer(answer.status_code, answer.text, event)
