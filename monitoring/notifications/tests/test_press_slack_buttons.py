"""Buttons in Slack: signed, fresh, once; by somebody known; done in their name."""

import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import pytest
from django.core import signing

from accounts.models import AuditEntry
from monitoring.alerts.lifecycle import observe
from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.tests.conftest import seen
from monitoring.notifications import slack_acting, slack_actions
from monitoring.notifications.channels.slack import ACKNOWLEDGE, SALT, SILENCE
from monitoring.notifications.models import Channel, GroupAlert, NotificationGroup

pytestmark = pytest.mark.django_db
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
ADDRESS, FORM = "/webhooks/slack/actions", "application/x-www-form-urlencoded"


@pytest.fixture
def channel(db):
    return Channel.objects.create(
        name="ops", kind="slack", config={"people": "U0MARA = operator@example.org\nU0EYES = viewer@example.org"},
        secrets={"webhook_url": "https://hooks.slack.com/services/x", "signing_secret": SECRET},
    )  # fmt: skip


@pytest.fixture
def group(db):
    observe([seen("Down", labels={"instance": str(number), "site": "fra"}) for number in range(3)])
    made = NotificationGroup.objects.create(key="k", labels={"site": "fra", "team": "", "kind": "real"})
    for alert in Alert.objects.all():
        GroupAlert.objects.create(group=made, alert=alert)
    return made


@pytest.fixture
def given(monkeypatch):
    """What the door hands to the task."""
    found = []
    monkeypatch.setattr(slack_acting.act_on_slack, "delay", lambda *args: found.append(args))
    return found


@pytest.fixture
def answers(peer, settings):
    """Where Slack takes changes of the message."""
    settings.SLACK_HOOKS = ["hooks.slack.com", peer.address]
    return peer


def ticket(group, **more):
    return signing.dumps({"thread": group.thread, "at": 1, **more}, salt=SALT, compress=True)


def payload(group, action=ACKNOWLEDGE, member="U0MARA", url="https://hooks.slack.com/actions/x", **more):
    pages = {"type": "button", "action_id": "open", "url": "https://aiops.example.org/"}
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "Down"}},
        {"type": "actions", "elements": [{"action_id": action}, pages]},
    ]
    return {
        "type": "block_actions", "user": {"id": member}, "team": {"id": "T0"}, "actions": [{"action_id": action, "value": ticket(group)}],
        "response_url": url, "message": {"blocks": blocks}, **more,
    }  # fmt: skip


def signed(body, at=None, secret=SECRET):
    stamp = str(int(time.time()) if at is None else at)
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def press(client, told, headers=None):
    body = urlencode({"payload": json.dumps(told)}).encode()
    return client.post(ADDRESS, body, content_type=FORM, headers=signed(body) if headers is None else headers)


def done(channel, told):
    """As the task does it."""
    return slack_acting.act_on_slack(channel.pk, slack_actions._pressed(told))


# -- the door ------------------------------------------------------------------------------------------------------------
def test_what_slack_signed_is_taken_at_once(client, channel, group, given):
    assert press(client, payload(group)).status_code == 200
    ((number, pressed),) = given
    assert number == channel.pk
    assert (pressed["action"], pressed["member"]) == (ACKNOWLEDGE, "U0MARA")


def test_the_signature_of_slacks_own_example_is_right(channel):
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
        b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F39770067"
        b"7992%2Fp6dXfEEU7AO9oWCpJ7Nv2nhe&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    Channel.objects.filter(pk=channel.pk).delete()
    one = Channel.objects.create(name="example", kind="slack", secrets={"signing_secret": "8f742231b10e8888abcd99yyyzzz85a5"})
    assert slack_actions.verified(body, "1531420618", signed(body, 1531420618)["X-Slack-Signature"], now=1531420620) == one


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_what_is_too_old_or_from_the_future_is_refused(client, channel, group, given, seconds):
    body = urlencode({"payload": json.dumps(payload(group))}).encode()
    answer = press(client, payload(group), signed(body, int(time.time()) - seconds))
    assert answer.status_code == 401
    assert given == []


def test_the_same_request_counts_once(client, channel, group, given):
    told = payload(group)
    body = urlencode({"payload": json.dumps(told)}).encode()
    headers = signed(body)
    assert [press(client, told, headers).status_code for _ in range(2)] == [200, 401]
    assert len(given) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"X-Slack-Signature": "v0=00"}, {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "9" * 400, "X-Slack-Signature": "v0=00"},
    ],
)  # fmt: skip
def test_what_is_not_signed_is_refused_and_noted(client, channel, group, given, headers):
    answer = press(client, payload(group), headers)
    assert answer.status_code == 401
    assert answer.json()["error"]
    assert given == []
    assert AuditEntry.objects.filter(action="slack.refused").count() == 1


def test_a_changed_body_or_another_secret_is_refused(client, channel, group, given):
    body = urlencode({"payload": json.dumps(payload(group))}).encode()
    assert press(client, payload(group, member="U0EVIL"), signed(body)).status_code == 401
    assert press(client, payload(group), signed(body, secret="another")).status_code == 401
    assert press(client, payload(group), signed(body, secret="")).status_code == 401
    assert given == []


def test_a_channel_without_a_secret_or_switched_off_lets_nobody_in(client, channel, group, given):
    Channel.objects.update(secrets={"webhook_url": "https://hooks.slack.com/x"})
    body = urlencode({"payload": json.dumps(payload(group))}).encode()
    assert press(client, payload(group), signed(body, secret="")).status_code == 401
    Channel.objects.update(secrets={"signing_secret": SECRET}, enabled=False)
    assert press(client, payload(group)).status_code == 401
    assert given == []


def test_each_apps_secret_leads_to_its_own_channel(client, channel, group, given):
    other = Channel.objects.create(name="other", kind="slack", secrets={"signing_secret": "another"})
    body = urlencode({"payload": json.dumps(payload(group))}).encode()
    assert press(client, payload(group), signed(body, secret="another")).status_code == 200
    assert given[0][0] == other.pk


@pytest.mark.parametrize(
    "body",
    [
        b"", b"payload=", b"payload={", b"payload=[]", b"\xff\xfe", b"other=1", b"payload=%7B%22type%22%3A%22view_submission%22%7D",
        b"payload=" + b"[" * 100_000, b"payload=%7B%22type%22%3A%22block_actions%22%7D", b"&" * 5000,
        b'payload={"type": "block_actions", "actions": [{"action_id": "acknowledge", "value": 7}], "user": {"id": "U"}}',
        b'payload={"type": "block_actions", "actions": "x", "user": "y"}',
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence_and_no_fault_of_ours(client, channel, given, body):
    answer = client.post(ADDRESS, body, content_type=FORM, headers=signed(body))
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert given == []


def test_more_than_slack_sends_and_other_methods_are_refused(client, channel):
    assert client.post(ADDRESS, b"x" * (512 * 1024 + 1), content_type="text/plain").status_code == 413
    assert client.get(ADDRESS).status_code == 405


def test_a_button_that_opens_a_page_does_nothing(client, channel, group, given):
    assert press(client, payload(group, action="open")).status_code == 200
    assert given == []


def test_without_a_broker_slack_is_told_to_try_again(client, channel, group, monkeypatch):
    import kombu.exceptions

    def broken(*args):
        raise kombu.exceptions.OperationalError("gone")

    monkeypatch.setattr(slack_acting.act_on_slack, "delay", broken)
    answer = press(client, payload(group))
    assert answer.status_code == 503
    assert answer["Retry-After"]


# -- what is done --------------------------------------------------------------------------------------------------------
def test_acknowledging_is_done_in_the_persons_name_and_the_message_says_so(channel, group, operator, answers):
    assert done(channel, payload(group, url=f"{answers.address}/actions/1"))
    assert set(Alert.objects.values_list("ownership", flat=True)) == {"acknowledged"}
    entry = AuditEntry.objects.get(action="alerts.acknowledged")
    assert (entry.user_id, entry.actor, entry.after["count"]) == (operator.pk, "operator", 3)
    (said,) = answers.bodies
    assert said["replace_original"] is True
    assert said["blocks"][-2]["elements"][0]["text"] == ":eyes: Acknowledged by operator"
    assert [one["action_id"] for one in said["blocks"][-1]["elements"]] == ["open"]


def test_doing_it_twice_does_nothing_more(channel, group, operator, answers):
    told = payload(group, SILENCE, url=f"{answers.address}/actions/1")
    assert done(channel, told)
    assert done(channel, told)
    assert Silence.objects.count() == 1


def test_a_silence_covers_what_the_group_has_in_common_for_an_hour(channel, group, operator, answers):
    assert done(channel, payload(group, SILENCE, url=f"{answers.address}/actions/1"))
    silence = Silence.objects.get()
    assert silence.matchers == [{"name": "site", "op": "=", "value": "fra"}]
    assert (silence.ends_at - silence.starts_at).total_seconds() == 3600
    assert silence.created_by == operator
    assert Alert.objects.filter(suppressed=True).count() == 3
    assert AuditEntry.objects.get(action="silence.created").user_id == operator.pk
    assert "Silenced until" in answers.bodies[0]["text"]


def test_a_group_without_anything_in_common_is_silenced_by_name(channel, group, operator, answers):
    NotificationGroup.objects.update(labels={})
    assert done(channel, payload(group, SILENCE))
    assert Silence.objects.get().matchers == [{"name": "alertname", "op": "=~", "value": "Down"}]


@pytest.mark.parametrize(("member", "word"), [("U0NOBODY", "not known"), ("U0EYES", "role viewer")])
def test_who_is_nobody_here_or_may_not_changes_nothing(channel, group, operator, viewer, answers, member, word):
    assert not done(channel, payload(group, member=member, url=f"{answers.address}/actions/1"))
    assert set(Alert.objects.values_list("ownership", flat=True)) == {"new"}
    (said,) = answers.bodies
    assert said["response_type"] == "ephemeral"
    assert said["replace_original"] is False
    assert word in said["text"]
    assert AuditEntry.objects.filter(action="slack.refused").count() == 1


def test_who_may_not_sign_in_any_more_changes_nothing(channel, group, operator):
    operator.is_active = False
    operator.save()
    assert not done(channel, payload(group))
    assert set(Alert.objects.values_list("ownership", flat=True)) == {"new"}


def member(**more):
    user = {"id": "U0NEW", "team_id": "T0", "profile": {"email": "Operator@example.org"}, **more}
    return 200, json.dumps({"ok": True, "user": user})


def asks_slack(channel, peer):
    channel.config = {"api_url": f"{peer.address}/api", "channel": "#ops"}
    channel.secrets = {"bot_token": "xoxb-1", "signing_secret": SECRET}
    channel.save()


def test_who_is_not_in_the_list_is_found_by_the_address_slack_has(channel, group, operator, answers):
    asks_slack(channel, answers)
    answers.answers = [member(), (200, "ok")]
    assert done(channel, payload(group, member="U0NEW", url=f"{answers.address}/actions/1"))
    asked = answers.asked[0]
    assert (asked["path"], asked["body"]) == ("/api/users.info", b"user=U0NEW")
    assert asked["headers"]["Authorization"] == "Bearer xoxb-1"
    assert AuditEntry.objects.get(action="alerts.acknowledged").user_id == operator.pk


@pytest.mark.parametrize(
    "user",
    [
        {"deleted": True}, {"is_bot": True}, {"is_stranger": True}, {"is_restricted": True}, {"is_email_confirmed": False},
        {"team_id": "T9"}, {"id": "U0OTHER"}, {"profile": {}}, {"profile": {"email": "somebody@else.example"}},
    ],
)  # fmt: skip
def test_guests_bots_and_unproven_addresses_do_not_count(channel, group, operator, answers, user):
    asks_slack(channel, answers)
    answers.answers = [member(**user), (200, "ok")]
    assert not done(channel, payload(group, member="U0NEW"))
    assert set(Alert.objects.values_list("ownership", flat=True)) == {"new"}


def test_when_slack_does_not_say_who_it_is_nothing_happens(channel, group, operator, answers):
    asks_slack(channel, answers)
    answers.answers = [(500, "")]
    assert not done(channel, payload(group, member="U0NEW"))


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("made up", "not one of AIOps"),
        (signing.dumps({"thread": "aiops-1"}, salt="another"), "not one of AIOps"),
        (signing.dumps({"thread": "aiops-99999999"}, salt=SALT), "not kept"),
        (signing.dumps({"thread": "x"}, salt=SALT), "not kept"),
        (signing.dumps([1], salt=SALT), "not one of AIOps"),
    ],
    ids=["made up", "of another", "of a group that is gone", "of no group", "of no thread"],  # a signature has the time in it
)
def test_a_button_somebody_made_up_does_nothing(channel, group, operator, answers, value, word):
    told = payload(group, url=f"{answers.address}/actions/1")
    told["actions"][0]["value"] = value
    assert not done(channel, told)
    assert word in answers.bodies[0]["text"]


def test_a_button_is_too_old_after_a_week(channel, group, operator, answers, monkeypatch):
    told = payload(group, url=f"{answers.address}/actions/1")
    later = time.time() + 8 * 86_400
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert not done(channel, told)
    assert "too old" in answers.bodies[0]["text"]


def test_alerts_that_are_over_are_left_alone(channel, group, operator, answers):
    Alert.objects.update(state="resolved")
    assert not done(channel, payload(group, url=f"{answers.address}/actions/1"))
    assert "over already" in answers.bodies[0]["text"]


@pytest.mark.parametrize(
    "url",
    ["http://hooks.slack.com/x", "https://hooks.slack.com.evil.example/x", "https://evil.example/?hooks.slack.com", "http://127.0.0.1:9/",
     "https://user@hooks.slack.com/x", "https://hooks.slack.com:8443/x", "", "https://[x"],
)  # fmt: skip
def test_answers_go_to_slack_only(url, channel, group, operator, peer):
    assert not slack_acting.is_slacks(url)
    assert done(channel, payload(group, url=url))
    assert peer.asked == []


def test_slacks_own_address_is_allowed():
    assert slack_acting.is_slacks("https://hooks.slack.com/actions/T0/1/x")
