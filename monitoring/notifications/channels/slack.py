"""Slack: an incoming webhook, or a bot that keeps one message per group up to date and has buttons."""

import time
from typing import Any, ClassVar
from urllib.parse import urlencode

import orjson
from django import forms
from django.core import signing

from aiops.plugin_forms import ConfigForm
from monitoring.notifications.channels.base import HEARD_WITH_OWNERSHIP, Transport, checked_address
from monitoring.notifications.notice import ACKNOWLEDGED, ESCALATION, FIRING, RESOLVED, TEST, Answer, Brief, Button, Notice, NotSent

API = "https://slack.com/api"
SHOWN = 10  # alerts
LONGEST = 2900  # characters of a block, which may have 3000
MARKS = {"critical": ":red_circle:", "high": ":large_orange_circle:", "medium": ":large_yellow_circle:", "low": ":white_circle:"}
# Errors of the Web API that may go away by themselves; all others stay until somebody changes something.
PASSING = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}  # the message is not there to be changed any more
SALT = "monitoring.notifications.slack"
ACKNOWLEDGE, SILENCE = "acknowledge", "silence_1h"


class SlackForm(ConfigForm):
    webhook_url = forms.CharField(
        label="Incoming webhook",
        max_length=2000,
        required=False,
        help_text="https://hooks.slack.com/services/… Or use a bot, below.",
    )
    bot_token = forms.CharField(
        label="Bot token", max_length=500, required=False, help_text="xoxb-… with the scopes chat:write and users:read.email."
    )
    channel = forms.CharField(
        label="Channel of the bot", max_length=100, required=False, help_text="Its id (C0123ABCD) or its name (#ops); invite the bot."
    )
    signing_secret = forms.CharField(
        label="Signing secret",
        max_length=200,
        required=False,
        help_text="Of the Slack app, for the buttons. Its interactivity address is /webhooks/slack/actions here.",
    )
    people = forms.CharField(
        label="Who is who",
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=20_000,
        help_text="One per line: member id = e-mail address here. Others are found by the e-mail address Slack has, when there is a bot.",
    )
    api_url = forms.CharField(label="Web API", max_length=300, initial=API, required=False)

    def clean_webhook_url(self) -> str:
        given: str = self.cleaned_data["webhook_url"]
        return checked_address(given) if given else ""

    def clean_api_url(self) -> str:
        return checked_address(self.cleaned_data["api_url"] or API).rstrip("/")

    def clean_people(self) -> str:
        for line in filter(None, map(str.strip, self.cleaned_data["people"].splitlines())):
            member, equals, email = (part.strip() for part in line.partition("="))
            if not (member and equals and "@" in email):
                raise forms.ValidationError(f"{line[:60]}: write a member id, = and an e-mail address.")
        return str(self.cleaned_data["people"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.has("webhook_url") and not self.has("bot_token"):
            self.add_error("webhook_url", "Give an incoming webhook or a bot token.")
        if self.has("bot_token") and not given.get("channel"):
            self.add_error("channel", "Say where the bot writes.")
        return given


class Slack(Transport):
    label = "Slack"
    icon = "note"
    about = "A channel, with buttons to acknowledge and to silence."
    Config = SlackForm
    secret_fields = ("webhook_url", "bot_token", "signing_secret")
    hears: ClassVar[frozenset[str]] = HEARD_WITH_OWNERSHIP
    threads = True

    @property
    def destination(self) -> str:
        return str(self.config.get("channel", "")) if self.secrets.get("bot_token") else "incoming webhook"

    def send(self, notice: Notice) -> Answer:
        body = {**message(notice, bool(self.secrets.get("signing_secret"))), "unfurl_links": False}
        if self.secrets.get("bot_token"):
            return self._by_bot(notice, body)
        if notice.kind == ACKNOWLEDGED:
            return self.answer(0, "left out: a webhook cannot change the message it wrote")
        answer = self.post(self.secrets.get("webhook_url", ""), orjson.dumps(body))
        return self.answer(answer.status_code, answer.text)

    def _by_bot(self, notice: Notice, body: dict[str, Any]) -> Answer:
        """The first notice of a thread is a message; later ones change it and, where something new happened, answer below it. Where
        somebody took it away, the next is a message of its own."""
        room, _, first = self.earlier.partition(":")
        if not first:
            people = [one.address for one in notice.recipients if one.address]
            said = self.call("chat.postMessage", {**body, "channel": self._member(people[0]) if people else self.config.get("channel", "")})
            return self.answer(200, "ok", f"{said.get('channel', '')}:{said.get('ts', '')}")
        try:
            self.call("chat.update", {**body, "channel": room, "ts": first})
        except NotSent as fault:
            if fault.message.rpartition(": ")[2] not in GONE:
                raise
            said = self.call("chat.postMessage", {**body, "channel": room})
            return self.answer(200, "ok, written anew: the message is gone", f"{room}:{said.get('ts', '')}")
        if notice.kind != ACKNOWLEDGED:
            self.call("chat.postMessage", {"channel": room, "thread_ts": first, "text": escaped(notice.title), "unfurl_links": False})
        return self.answer(200, "ok, message updated", self.earlier)

    def _member(self, address: str) -> str:
        """A member id as it is; for an e-mail address, whose it is."""
        if "@" not in address:
            return address
        return str((self.call("users.lookupByEmail", {"email": address}, form=True).get("user") or {}).get("id", ""))

    def call(self, method: str, arguments: dict[str, Any], form: bool = False) -> dict[str, Any]:
        """One call of the Web API, which answers 200 to everything and says in the body whether it worked. What reads takes a form."""
        kind = "application/x-www-form-urlencoded" if form else "application/json; charset=utf-8"
        headers = {"Authorization": f"Bearer {self.secrets.get('bot_token', '')}", "Content-Type": kind}
        content = urlencode(arguments).encode() if form else orjson.dumps(arguments)
        answer = self.post(f"{self.config.get('api_url') or API}/{method}", content, headers)
        try:
            said = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            raise self.failed(f"{method} does not answer in JSON", status=answer.status_code) from None
        if not isinstance(said, dict) or not said.get("ok"):
            error = str(said.get("error", "no reason given")) if isinstance(said, dict) else "no reason given"
            raise self.failed(f"Slack refuses {method}: {error}", error not in PASSING, status=answer.status_code)
        return said


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def ticket(notice: Notice) -> str:
    """What a button brings back: which group it stood under, signed, so that nobody can make one up."""
    return signing.dumps({"thread": notice.thread, "at": int(time.time())}, salt=SALT, compress=True)


def message(notice: Notice, buttons: bool = False) -> dict[str, Any]:
    """Blocks, and the text that stands for them in a notification on a phone."""
    blocks: list[dict[str, Any]] = [_section(f"{_mark(notice)} *{escaped(notice.title)[:250]}*")]
    if notice.text:
        blocks.append(_section(escaped(notice.text[:1500])[:LONGEST]))
    if notice.firing + notice.resolved > 1:
        blocks.append(_section(_listed(notice)))
    if notice.group_labels:
        labels = "  ".join(f"`{escaped(name)}={escaped(value)}`" for name, value in list(notice.group_labels.items())[:10])
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": labels[:2000]}]})
    actions = _actions(notice, buttons)
    if actions:
        blocks.append({"type": "actions", "elements": actions})
    return {"text": escaped(notice.title)[:500], "blocks": blocks}


def _listed(notice: Notice) -> str:
    """As many as fit, and how many there are besides."""
    lines = [_line(one) for one in notice.alerts[:SHOWN]]
    while sum(map(len, lines)) > LONGEST - 100:
        lines.pop()
    more = notice.firing + notice.resolved - len(lines)
    return "\n".join([*lines, *([f"and {more:,} more"] if more > 0 else [])])


def _mark(notice: Notice) -> str:
    if notice.kind == RESOLVED:
        return ":white_check_mark:"
    return ":eyes:" if notice.kind == ACKNOWLEDGED else MARKS.get(notice.severity, "")


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _line(brief: Brief) -> str:
    mark = ":white_check_mark:" if brief.state == "resolved" else MARKS.get(brief.severity, "")
    name = escaped(brief.name[:80])
    linked = f"<{brief.url}|{name}>" if brief.url.startswith("http") else name
    return f"{mark} {linked} {escaped(brief.summary[:150])}"


def _actions(notice: Notice, buttons: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if buttons and notice.kind in (FIRING, ESCALATION):
        signed = ticket(notice)
        found.append(_button("Acknowledge", ACKNOWLEDGE, value=signed, style="primary"))
        found.append(_button("Silence 1 h", SILENCE, value=signed, confirm=_SURE))
    if buttons and notice.kind == ACKNOWLEDGED:
        found.append(_button("Silence 1 h", SILENCE, value=ticket(notice), confirm=_SURE))
    if buttons:
        found += [_answer_button(one) for one in notice.buttons]
    if notice.url.startswith("http"):
        found.append(_button("Open", "open", url=notice.url))
    runbook = next((one.runbook for one in notice.alerts if one.runbook.startswith("http")), "")
    return [*found, _button("Runbook", "runbook", url=runbook)] if runbook and notice.kind != TEST else found


def _button(text: str, action: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": text}, "action_id": action, **more}


def _answer_button(one: Button) -> dict[str, Any]:
    more: dict[str, Any] = {"style": one.style} if one.style else {}
    if one.sure:
        more["confirm"] = {
            "title": {"type": "plain_text", "text": f"{one.label}?"[:100]}, "text": {"type": "plain_text", "text": one.sure[:300]},
            "confirm": {"type": "plain_text", "text": one.label[:30]}, "deny": {"type": "plain_text", "text": "Cancel"},
        }  # fmt: skip
    return _button(one.label, one.action, value=one.value, **more)


_SURE = {
    "title": {"type": "plain_text", "text": "Silence for 1 hour?"},
    "text": {"type": "plain_text", "text": "Nobody is told about these alerts until it ends."},
    "confirm": {"type": "plain_text", "text": "Silence"},
    "deny": {"type": "plain_text", "text": "Cancel"},
}
