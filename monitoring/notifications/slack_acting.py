"""What a button in Slack does: whoever pressed it must be somebody here who may; then it is done in their name, and the message says so."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
from celery import shared_task
from django.conf import settings
from django.core import signing
from django.utils import timezone

from accounts.models import User
from accounts.permissions import can
from accounts.refusals import record_refusal
from aiops.plugins import PluginError
from monitoring.alerts import lifecycle, silencing
from monitoring.alerts.checks import check_silence
from monitoring.alerts.models import Alert, Silence
from monitoring.notifications.channels.slack import ACKNOWLEDGE, SALT, SILENCE, Slack, escaped
from monitoring.notifications.models import Channel, GroupAlert, NotificationGroup

OLDEST = timedelta(days=7)  # of a button
NAMES = 20  # alerts whose names a silence can spell out
PERMISSION = "alerts:write"
log = logging.getLogger(__name__)


_answers: dict[str, tuple[str, Callable[[str, User], str]]] = {}  # action -> permission, what is done


def register(action: str, permission: str, answer: Callable[[str, User], str]) -> None:
    """Who takes the buttons of a question: called with a button's value and the person who pressed, returns one line, raises NotDone.
    The value has to prove where it comes from."""
    _answers[action] = (permission, answer)


def known() -> frozenset[str]:
    return frozenset({ACKNOWLEDGE, SILENCE, *_answers})


class NotDone(Exception):
    """One sentence for the person who pressed the button."""


@shared_task
def act_on_slack(channel_id: int, pressed: dict[str, Any]) -> bool:
    """Doing it twice does nothing more. False where it was not done; the person is told why."""
    channel = Channel.objects.filter(pk=channel_id, enabled=True).first()
    if channel is None:
        return False
    slack = Slack(channel.config, channel.secrets)
    try:
        permission = _answers.get(pressed["action"], (PERMISSION, None))[0]
        person = _person(slack, pressed["member"], pressed["team"], permission)
        done = _done(pressed, person)
    except NotDone as fault:
        _answer(slack, pressed["response_url"], {"response_type": "ephemeral", "replace_original": False, "text": str(fault)})
        return False
    _answer(slack, pressed["response_url"], _changed(pressed["blocks"], done))
    return True


# -- who ------------------------------------------------------------------------------------------------------------------
def _person(slack: Slack, member: str, team: str, permission: str) -> User:
    """Raises NotDone for whoever is nobody here, or may not."""
    email = people(slack.config).get(member) or _email_in_slack(slack, member, team)
    person = User.objects.filter(email__iexact=email, is_active=True).first() if email else None
    if person is None:
        record_refusal("slack.refused", f"slack:{member}", reason="nobody here", member=member[:40])
        raise NotDone("You are not known in AIOps: an administrator can add your member id to the channel, or your e-mail address here.")
    if not can(person, permission):
        record_refusal("slack.refused", f"slack:{member}", actor=person, reason=f"needs {permission}")
        raise NotDone(f"Your role {person.role} does not allow this in AIOps.")
    return person


def people(config: Mapping[str, Any]) -> dict[str, str]:
    """Member id to e-mail address, as the channel's configuration says."""
    pairs = (line.partition("=") for line in str(config.get("people", "")).splitlines())
    return {member.strip(): email.strip().lower() for member, equals, email in pairs if equals and member.strip()}


def _email_in_slack(slack: Slack, member: str, team: str) -> str:
    """Of a full member of the workspace that pressed; empty for guests of other workspaces, bots, and without a bot token."""
    if not slack.secrets.get("bot_token"):
        return ""
    try:
        said = slack.call("users.info", {"user": member}, form=True).get("user") or {}
    except PluginError as fault:
        log.warning("Slack does not say who %s is: %s", member[:40], fault)
        return ""
    foreign = (
        any(said.get(name) for name in ("deleted", "is_bot", "is_stranger", "is_restricted")) or said.get("is_email_confirmed") is False
    )
    if foreign or said.get("id") != member or (team and said.get("team_id") not in (None, team)):
        return ""
    return str((said.get("profile") or {}).get("email") or "")


# -- what -----------------------------------------------------------------------------------------------------------------
def _done(pressed: Mapping[str, Any], person: User) -> str:
    if pressed["action"] in _answers:
        return _answers[pressed["action"]][1](pressed["value"], person)
    group = _group(pressed["value"])
    rows = GroupAlert.objects.filter(group=group, alert__state=Alert.State.FIRING).select_related("alert").order_by("id")
    alerts = [row.alert for row in rows]
    if not alerts:
        raise NotDone("These alerts are over already.")
    if pressed["action"] == ACKNOWLEDGE:
        lifecycle.acknowledge([one.pk for one in alerts], person, "in Slack")
        return f":eyes: Acknowledged by {escaped(person.name)}"
    return _silenced(group, alerts, person)


def _group(value: str) -> NotificationGroup:
    try:
        thread = str(signing.loads(value, salt=SALT, max_age=OLDEST)["thread"])
    except signing.SignatureExpired:
        raise NotDone("This message is too old for its buttons.") from None
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        raise NotDone("This button is not one of AIOps.") from None
    number = thread.partition("-")[2].partition("-")[0]
    group = NotificationGroup.objects.filter(pk=int(number)).first() if number.isdigit() else None
    if group is None or group.thread != thread:
        raise NotDone("These alerts are not kept any more.")
    return group


def _silenced(group: NotificationGroup, alerts: Sequence[Alert], person: User) -> str:
    now = timezone.now()
    matchers = _matchers(group, alerts)
    until = now + timedelta(hours=1)
    silence = Silence(matchers=matchers, reason="Silenced for an hour in Slack", starts_at=now, ends_at=until)
    faults = check_silence(silence)
    if faults:
        raise NotDone("They have too little in common; silence them in AIOps.")
    going_on = Silence.objects.filter(created_by=person, ended_at=None, ends_at__gt=now, rrule="", matchers=matchers).first()
    if going_on is None:
        silencing.create(silence, person)
    ends = (going_on or silence).ends_at
    return f":no_bell: Silenced until {ends:%H:%M} UTC by {escaped(person.name)}"


def _matchers(group: NotificationGroup, alerts: Sequence[Alert]) -> list[dict[str, str]]:
    """What the group has in common; the names of its alerts where that is nothing."""
    common = {name: value for name, value in group.labels.items() if value and name != "kind"}
    if common:
        return [{"name": name, "op": "=", "value": value} for name, value in sorted(common.items())]
    names = sorted({one.name for one in alerts})
    if len(names) > NAMES:
        raise NotDone("They have too little in common; silence them in AIOps.")
    return [{"name": "alertname", "op": "=~", "value": "|".join(map(re.escape, names))}]


# -- the message ----------------------------------------------------------------------------------------------------------
def _changed(blocks: Sequence[Any], line: str) -> dict[str, Any]:
    """The same message without the buttons that are used up, and who did it."""
    kept = [one for one in blocks if isinstance(one, dict) and one.get("type") != "actions"]
    pages = [one for block in blocks if isinstance(block, dict) and block.get("type") == "actions" for one in _pages(block)]
    done = {"type": "context", "elements": [{"type": "mrkdwn", "text": line}]}
    return {"replace_original": True, "text": line, "blocks": [*kept, done, *([{"type": "actions", "elements": pages}] if pages else [])]}


def _pages(block: Mapping[str, Any]) -> list[Any]:
    return [one for one in block.get("elements") or [] if isinstance(one, dict) and one.get("url")]


def _answer(slack: Slack, url: str, body: dict[str, Any]) -> None:
    """What was done stays done when Slack does not take the answer."""
    if not is_slacks(url):
        log.warning("a response address is not Slack's and was left alone")
        return
    try:
        slack.post(url, orjson.dumps(body))
    except PluginError as fault:
        log.warning("Slack did not take the answer to a button: %s", fault)


def is_slacks(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    known = {one if "://" in one else f"https://{one}" for one in settings.SLACK_HOOKS}
    return f"{parts.scheme}://{parts.netloc}" in known
