"""Microsoft Teams: an adaptive card posted to a Workflow. Cards from outside have no callbacks, so their buttons open pages."""

from typing import Any
from urllib.parse import urlsplit

import orjson
from django import forms

from aiops.plugin_forms import ConfigForm
from monitoring.notifications.channels.base import Transport, checked_address
from monitoring.notifications.notice import RESOLVED, Answer, Brief, Notice

CARD = "application/vnd.microsoft.card.adaptive"
MOST_BYTES = 26_000  # Teams takes about 28 KB
SHOWN = 10  # alerts
COLORS = {"critical": "Attention", "high": "Warning", "medium": "Warning", "low": "Accent"}


class TeamsForm(ConfigForm):
    url = forms.CharField(
        label="Workflow address",
        max_length=2000,
        help_text="Of the workflow “Post to a channel when a webhook request is received”. It is a secret and is not shown again.",
    )

    def clean_url(self) -> str:
        return checked_address(self.cleaned_data["url"]) if self.cleaned_data["url"] else ""


class Teams(Transport):
    label = "Microsoft Teams"
    icon = "user"
    about = "A card in a channel, through a Workflow."
    Config = TeamsForm
    secret_fields = ("url",)

    @property
    def destination(self) -> str:
        return urlsplit(self.secrets.get("url", "")).hostname or ""

    def send(self, notice: Notice) -> Answer:
        answer = self.post(self.secrets.get("url", ""), self._body(notice))
        return self.answer(answer.status_code, answer.text)

    def _body(self, notice: Notice) -> bytes:
        """As many alerts as fit."""
        for shown in (SHOWN, 3, 0):
            attachment = {"contentType": CARD, "contentUrl": None, "content": card(notice, shown)}
            body = orjson.dumps({"type": "message", "attachments": [attachment]})
            if len(body) <= MOST_BYTES:
                break
        return body


def card(notice: Notice, shown: int = SHOWN) -> dict[str, Any]:
    color = "Good" if notice.kind == RESOLVED else COLORS.get(notice.severity, "Default")
    facts = [{"title": name[:100], "value": value[:300]} for name, value in list(notice.group_labels.items())[:10]]
    body: list[dict[str, Any]] = [_text(notice.title[:500], size="Medium", weight="Bolder", color=color)]
    if notice.text:
        body.append(_text(notice.text[:2000]))
    if facts:
        body.append({"type": "FactSet", "facts": facts})
    body += [_text(_line(one), spacing="Small") for one in notice.alerts[:shown]]
    more = notice.firing + notice.resolved - min(shown, len(notice.alerts))
    if more > 0 and notice.alerts:
        body.append(_text(f"and {more:,} more", isSubtle=True, spacing="Small"))
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": _actions(notice),
    }


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}


def _line(brief: Brief) -> str:
    mark = "resolved" if brief.state == "resolved" else brief.severity
    return f"**{brief.name}** ({mark}) {brief.summary}"[:500]


def _actions(notice: Notice) -> list[dict[str, str]]:
    runbooks = dict.fromkeys(one.runbook for one in notice.alerts if one.runbook)
    offered = [("Open", notice.url), *((one.label, one.url) for one in notice.links), *(("Runbook", url) for url in list(runbooks)[:1])]
    found = {url: label for label, url in reversed(offered) if url.startswith(("http://", "https://"))}
    return [{"type": "Action.OpenUrl", "title": label[:50], "url": url} for url, label in list(reversed(found.items()))[:5]]
