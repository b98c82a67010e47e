"""What every channel has in common: one verb, `send`, which answers what the receiver said or raises NotSent."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
from django import forms

from aiops import http
from aiops.plugin_forms import ConfigForm
from aiops.plugins import Plugin, member
from monitoring.notifications.notice import ACKNOWLEDGED, HEARD, LONGEST_DETAIL, Answer, Notice, NotSent

CHANNELS = {
    "email": "monitoring.notifications.channels.email.Email",
    "in_app": "monitoring.notifications.channels.in_app.InApp",
    "pagerduty": "monitoring.notifications.channels.pagerduty.PagerDuty",
    "slack": "monitoring.notifications.channels.slack.Slack",
    "teams": "monitoring.notifications.channels.teams.Teams",
    "webhook": "monitoring.notifications.channels.webhook.Webhook",
}
HEARD_WITH_OWNERSHIP = HEARD | {ACKNOWLEDGED}
PASSING = {408, 425, 429}  # besides 5xx: may go away by itself
MOST_BYTES = 64 * 1024  # of an answer
HIDDEN = "[hidden]"


class Transport(Plugin):
    """One kind of channel, made for a few deliveries in a row. `send` runs in a worker and takes at most `deadline` seconds."""

    do_not_call_in_templates: ClassVar[bool] = True
    Config: ClassVar[type[forms.Form]] = ConfigForm
    icon: ClassVar[str] = "send"
    about: ClassVar[str] = ""  # one sentence for who chooses a kind
    hears: ClassVar[frozenset[str]] = HEARD  # kinds of notices it is given
    threads: ClassVar[bool] = False  # it has to know what the thread is called there: `earlier`
    timeout: ClassVar[float] = 10.0  # seconds for one read
    deadline: ClassVar[float] = 20.0  # for the whole of an attempt

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        self.config, self.secrets = config, secrets
        self.earlier = ""  # external_id of the latest notice of the thread that this channel took

    def send(self, notice: Notice) -> Answer:
        raise NotImplementedError

    def close(self) -> None:
        """After the last `send`: ends what was kept open."""

    @property
    def destination(self) -> str:
        """Where it goes, in few words and without a secret."""
        return ""

    def post(self, url: str, content: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """One POST of JSON; an answer that is no 2xx becomes a NotSent. Whoever sends counts attempts, so there is one only here."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        try:
            answer = http.request(
                "POST", url, content=content, headers=sent, timeout=self.timeout, deadline=self.deadline, retries=0, most_bytes=MOST_BYTES
            )
        except http.Resting as fault:
            raise self.failed(str(fault)) from None
        except http.Refused as fault:
            raise self.failed(str(fault), permanent=True) from None
        except (http.Unreachable, http.TooLarge) as fault:
            raise self.failed(str(fault)) from None
        except (httpx.InvalidURL, ValueError):
            raise NotSent("the address cannot be read", permanent=True) from None
        if not answer.is_success:
            raise self.refused(answer)
        return answer

    def refused(self, answer: httpx.Response, permanent: bool | None = None) -> NotSent:
        """What a status means: 5xx, 408, 425 and 429 pass, other refusals and redirects stay until somebody changes something."""
        status = answer.status_code
        said = " ".join(answer.text.split())
        stays = status < 500 and status not in PASSING if permanent is None else permanent
        words = f"{answer.request.url.host} answers {status}{f': {said}' if said else ''}"
        if answer.is_redirect:
            words = f"{answer.request.url.host} answers {status}; redirects are not followed"
        return self.failed(words, stays, http.retry_after(answer.headers.get("Retry-After", "")), status)

    def failed(self, words: str, permanent: bool = False, retry_after: float | None = None, status: int = 0) -> NotSent:
        return NotSent(self.masked(words)[:LONGEST_DETAIL], permanent, retry_after, status)

    def masked(self, text: str) -> str:
        """Without our secrets, whoever repeats them."""
        for name in self.secret_fields:
            secret = str(self.secrets.get(name) or "")
            if len(secret) > 3:
                text = text.replace(secret, HIDDEN)
        return text

    def answer(self, status: int, detail: str = "", external_id: str = "") -> Answer:
        return Answer(status, self.masked(" ".join(detail.split())), external_id)


def checked_address(value: str) -> str:
    """For fields that take a web address; raises ValidationError, which does not repeat it."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise forms.ValidationError("This is not a web address; write for example https://hooks.example.org/aiops.")
    return value


def channel_class(kind: str) -> type[Transport]:
    """Raises PluginError for a kind that does not exist (a plugin that was removed)."""
    found: type[Transport] = member(CHANNELS, kind)
    return found


def known_kinds() -> list[tuple[str, type[Transport]]]:
    """Every kind by its label."""
    return sorted(((kind, channel_class(kind)) for kind in CHANNELS), key=lambda one: one[1].label)
