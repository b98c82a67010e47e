"""PagerDuty, Events API v2: an event per group of alerts, opened, acknowledged and resolved by its dedup key."""

from typing import Any, ClassVar

import httpx
import orjson
from django import forms

from aiops.plugin_forms import ConfigForm
from monitoring.notifications.channels.base import HEARD_WITH_OWNERSHIP, Transport, checked_address
from monitoring.notifications.notice import ACKNOWLEDGED, RESOLVED, TEST, Answer, Notice

US, EU = "https://events.pagerduty.com", "https://events.eu.pagerduty.com"
SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
ACTIONS = {ACKNOWLEDGED: "acknowledge", RESOLVED: "resolve"}
LONGEST_SUMMARY = 1024


class PagerDutyForm(ConfigForm):
    routing_key = forms.CharField(
        label="Integration key", min_length=32, max_length=32, help_text="Of an Events API v2 integration: 32 characters."
    )
    address = forms.CharField(label="Address", max_length=300, initial=US, required=False, help_text=f"In the EU service region {EU}.")

    def clean_address(self) -> str:
        return checked_address(self.cleaned_data["address"] or US).rstrip("/")


class PagerDuty(Transport):
    label = "PagerDuty"
    icon = "incidents"
    about = "Opens, acknowledges and resolves incidents of a PagerDuty service."
    Config = PagerDutyForm
    secret_fields = ("routing_key",)
    hears: ClassVar[frozenset[str]] = HEARD_WITH_OWNERSHIP

    @property
    def destination(self) -> str:
        return f"integration …{self.secrets['routing_key'][-4:]}" if self.secrets.get("routing_key") else ""

    def send(self, notice: Notice) -> Answer:
        event = self._event(notice)
        answer = self._enqueue(event)
        if notice.kind == TEST:  # nobody is left with it
            self._enqueue({name: event[name] for name in ("routing_key", "dedup_key")} | {"event_action": "resolve"})
        said = _said(answer.content)
        return self.answer(answer.status_code, str(said.get("message") or answer.text), str(said.get("dedup_key") or notice.thread))

    def _enqueue(self, event: dict[str, Any]) -> httpx.Response:
        return self.post(f"{self.config.get('address') or US}/v2/enqueue", orjson.dumps(event))

    def _event(self, notice: Notice) -> dict[str, Any]:
        action = ACTIONS.get(notice.kind, "trigger")
        event: dict[str, Any] = {
            "routing_key": self.secrets.get("routing_key", ""),
            "event_action": action,
            "dedup_key": (notice.thread or notice.key)[:255],
        }
        if action != "trigger":
            return event
        links = [{"href": one.url, "text": one.label} for one in notice.links if one.url.startswith("http")]
        return {
            **event,
            "client": "AIOps",
            **({"client_url": notice.url} if notice.url.startswith("http") else {}),
            "payload": _payload(notice),
            "links": links,
        }


def _payload(notice: Notice) -> dict[str, Any]:
    labels = notice.group_labels
    first = notice.alerts[0] if notice.alerts else None
    source = (
        labels.get("instance") or labels.get("host") or (first and (first.labels.get("instance") or first.labels.get("host"))) or "aiops"
    )
    return {
        "summary": " ".join(notice.title.split())[:LONGEST_SUMMARY],
        "source": source[:255],
        "severity": SEVERITIES.get(notice.severity, "warning"),
        "timestamp": notice.at.isoformat(),
        "component": str(labels.get("job") or labels.get("service") or ""),
        "group": notice.route,
        "class": first.name if first else "",
        "custom_details": {
            "text": notice.text,
            "firing": notice.firing,
            "labels": dict(labels),
            "alerts": [{"name": one.name, "severity": one.severity, "summary": one.summary, "url": one.url} for one in notice.alerts[:20]],
        },
    }


def _said(content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
