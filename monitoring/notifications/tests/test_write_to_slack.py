import json

import pytest
from django.core import signing

from monitoring.incidents import lifecycle
from monitoring.incidents.correlate import correlate
from monitoring.incidents.models import Incident
from monitoring.notifications.channels.slack import API, SALT, Slack, SlackForm
from monitoring.notifications.models import Channel
from monitoring.notifications.notice import NotSent
from monitoring.notifications.tests.notices import brief, notice, recipient

OK = (200, json.dumps({"ok": True, "channel": "C0OPS", "ts": "1700000000.000100"}))


def hook(peer, **secrets):
    return Slack({}, {"webhook_url": f"{peer.address}/services/T0/B0/hush-hush", **secrets})


def bot(peer, **secrets):
    peer.answers = [OK]
    return Slack(
        {"channel": "#ops", "api_url": f"{peer.address}/api"}, {"bot_token": "xoxb-hush-hush", "signing_secret": "s" * 32, **secrets}
    )


def faulty(channel, **more):
    with pytest.raises(NotSent) as fault:
        channel.send(notice(**more))
    return fault.value


def buttons(body):
    return [one for block in body["blocks"] if block["type"] == "actions" for one in block["elements"]]


def test_an_incoming_webhook_gets_blocks_and_the_text_that_stands_for_them(peer):
    answer = hook(peer).send(notice(title="Disk <full> & more"))
    (body,) = peer.bodies
    assert body["text"] == "Disk &lt;full&gt; &amp; more"
    assert ":red_circle:" in body["blocks"][0]["text"]["text"]
    assert [one["text"]["text"] for one in buttons(body)] == ["Open", "Runbook"]
    assert (answer.status, answer.detail) == (200, "ok")


@pytest.mark.parametrize(
    ("status", "said", "permanent"),
    [(400, "invalid_blocks", True), (404, "no_service", True), (410, "channel_is_archived", True), (429, "slow", False), (500, "", False)],
)
def test_what_an_incoming_webhook_answers(peer, status, said, permanent):
    peer.answers = [(status, said, {"Retry-After": "30"} if status == 429 else {})]
    fault = faulty(hook(peer))
    assert fault.permanent is permanent
    assert "hush-hush" not in fault.message
    assert fault.retry_after == (30.0 if status == 429 else None)


def test_a_bot_writes_once_and_then_changes_its_message(peer):
    one = bot(peer)
    first = one.send(notice())
    assert first.external_id == "C0OPS:1700000000.000100"
    assert peer.asked[0]["headers"]["Authorization"] == "Bearer xoxb-hush-hush"
    again = bot(peer)
    again.earlier = first.external_id
    assert again.send(notice(kind="resolved", title="Resolved: Disk full")).external_id == first.external_id
    assert [asked["path"] for asked in peer.asked] == ["/api/chat.postMessage", "/api/chat.update", "/api/chat.postMessage"]
    update, reply = peer.bodies[1:]
    assert (update["channel"], update["ts"]) == ("C0OPS", "1700000000.000100")
    assert (reply["channel"], reply["thread_ts"], reply["text"]) == ("C0OPS", "1700000000.000100", "Resolved: Disk full")
    assert [one["action_id"] for one in buttons(update)] == ["open", "runbook"]


@pytest.fixture
def workspace(peer):
    """Slack as far as messages go: what it holds, by time stamp; a thread's replies beside."""

    class Workspace:
        messages: dict = {}
        replies: list = []

    def api(server):
        asked = server.server.asked[-1]
        said, method = json.loads(asked["body"]), asked["path"].rpartition("/")[2]
        if method == "chat.postMessage" and "thread_ts" in said:
            found.replies.append((said["thread_ts"], said["text"]))
            return json.dumps({"ok": True, "channel": "C0OPS", "ts": "9.9"})
        if method == "chat.update" and said["ts"] not in found.messages:
            return json.dumps({"ok": False, "error": "message_not_found"})
        stamp = said.get("ts") or f"{len(peer.asked)}.1"
        found.messages[stamp] = said
        return json.dumps({"ok": True, "channel": "C0OPS", "ts": stamp})

    found = Workspace()
    found.messages, found.replies = {}, []
    peer.answers = [(200, api)]
    return found


@pytest.fixture
def told(engine, peer, workspace):
    """Two alerts of one incident, told by a bot."""
    config = {"channel": "#ops", "api_url": f"{peer.address}/api"}
    engine.route(engine.channel(kind="slack", secrets={"bot_token": "xoxb-hush", "signing_secret": "s" * 32}))
    Channel.objects.update(config=config)
    alerts = engine.see("Disk full", "Disk slow", severity="critical", labels={"host": "db-1"})
    engine.wait(10)
    return alerts


def heading(said):
    return said["blocks"][0]["text"]["text"]


@pytest.mark.django_db
def test_an_alert_that_is_over_changes_its_message_and_is_said_below_it(told, engine, workspace):
    ((stamp, first),) = workspace.messages.items()
    assert {one["action_id"] for one in buttons(first)} == {"acknowledge", "silence_1h"}
    engine.over("Disk full", labels={"host": "db-1"})
    engine.wait(60)
    assert {one["action_id"] for one in buttons(workspace.messages[stamp])} == {"acknowledge", "silence_1h"}  # one goes on
    engine.over("Disk slow", labels={"host": "db-1"})
    engine.wait(60)
    assert list(workspace.messages) == [stamp]
    last = workspace.messages[stamp]
    assert heading(last).startswith(":white_check_mark: *Resolved: ")
    assert buttons(last) == []
    assert [(thread, text.partition(":")[0]) for thread, text in workspace.replies][-1] == (stamp, "Resolved")


@pytest.mark.django_db
def test_an_incident_that_is_resolved_with_its_alerts_resolves_its_message(told, engine, workspace, operator):
    correlate(now=engine.now)
    incident = Incident.objects.get(members__alert=told[0])
    assert lifecycle.move([incident.pk], "resolve", operator, with_alerts=True) == [incident.pk]
    engine.wait(60)
    (last,) = workspace.messages.values()
    assert heading(last).startswith(":white_check_mark: *Resolved: ")
    assert workspace.replies[-1][1].startswith("Resolved: ")


@pytest.mark.django_db
def test_a_message_that_somebody_took_away_is_written_anew(told, engine, workspace):
    workspace.messages.clear()
    engine.over("Disk full", labels={"host": "db-1"})
    engine.wait(60)
    ((stamp, _),) = workspace.messages.items()
    engine.over("Disk slow", labels={"host": "db-1"})
    engine.wait(60)
    assert list(workspace.messages) == [stamp]
    assert heading(workspace.messages[stamp]).startswith(":white_check_mark:")
    assert Channel.objects.get().status == "ok"


def test_an_acknowledgement_changes_the_message_and_says_nothing_more(peer):
    one = bot(peer)
    one.earlier = "C0OPS:1700000000.000100"
    one.send(notice(kind="acknowledged"))
    assert [asked["path"] for asked in peer.asked] == ["/api/chat.update"]


def test_a_webhook_has_nothing_to_change_so_an_acknowledgement_is_left_out(peer):
    assert hook(peer).send(notice(kind="acknowledged")).detail.startswith("left out")
    assert peer.asked == []


def test_buttons_carry_what_was_signed_here(peer):
    bot(peer).send(notice())
    acknowledge, silence, *_ = buttons(peer.bodies[0])
    assert (acknowledge["action_id"], silence["action_id"]) == ("acknowledge", "silence_1h")
    assert "confirm" in silence
    assert signing.loads(acknowledge["value"], salt=SALT)["thread"] == "aiops-1"
    assert len(acknowledge["value"]) < 2000


def test_without_a_signing_secret_there_are_no_buttons_that_do_something(peer):
    bot(peer, signing_secret="").send(notice())
    assert [one["action_id"] for one in buttons(peer.bodies[0])] == ["open", "runbook"]


def test_a_person_is_written_to_directly(peer):
    bot(peer).send(notice(recipients=(recipient(address="U0MARA"),)))
    assert peer.bodies[0]["channel"] == "U0MARA"


def test_a_person_without_a_member_id_is_found_by_the_e_mail_address(peer):
    one = bot(peer)
    peer.answers = [(200, json.dumps({"ok": True, "user": {"id": "U0MARA"}})), OK]
    one.send(notice(recipients=(recipient(address="mara@example.org"),)))
    assert (peer.asked[0]["path"], peer.asked[0]["body"]) == ("/api/users.lookupByEmail", b"email=mara%40example.org")
    assert json.loads(peer.asked[1]["body"])["channel"] == "U0MARA"
    nobody = bot(peer)
    peer.answers = [(200, json.dumps({"ok": False, "error": "users_not_found"}))]
    with pytest.raises(NotSent, match="users_not_found") as fault:
        nobody.send(notice(recipients=(recipient(address="who@example.org"),)))
    assert fault.value.permanent


@pytest.mark.parametrize(
    ("error", "permanent"),
    [("channel_not_found", True), ("invalid_auth", True), ("not_in_channel", True), ("ratelimited", False), ("internal_error", False)],
)
def test_the_web_api_refuses_with_200(peer, error, permanent):
    one = bot(peer)
    peer.answers = [(200, json.dumps({"ok": False, "error": error}))]
    fault = faulty(one)
    assert fault.permanent is permanent
    assert error in fault.message


@pytest.mark.parametrize("said", ["<html>", "[]", "null", "{}"])
def test_an_answer_that_is_none_of_slacks_is_a_fault(peer, said):
    one = bot(peer)
    peer.answers = [(200, said)]
    faulty(one)


def test_a_group_of_thousands_stays_within_what_slack_takes(peer):
    many = tuple(brief(id=n, name="n" * 150, summary="s" * 3000) for n in range(50))
    bot(peer).send(notice(alerts=many, firing=4000, text="t" * 9000, title="t" * 900))
    blocks = peer.bodies[0]["blocks"]
    assert len(blocks) <= 50
    assert all(len(block["text"]["text"]) <= 3000 for block in blocks if block["type"] == "section")
    assert blocks[2]["text"]["text"].endswith(" more")


def checked(stored=(), **given):
    form = SlackForm(given)
    form.stored = frozenset(stored)
    return form


def test_either_a_webhook_or_a_bot_with_a_channel_is_needed():
    assert checked(webhook_url="https://hooks.slack.com/services/x").is_valid()
    assert checked(stored=["webhook_url"]).is_valid()
    form = checked(stored=["bot_token"], channel="#ops")
    assert form.is_valid()
    assert form.cleaned_data["api_url"] == API
    assert "webhook_url" in checked().errors
    assert "channel" in checked(bot_token="xoxb-1").errors
    assert "webhook_url" in checked(webhook_url="ftp://x").errors
    assert "people" in checked(stored=["webhook_url"], people="U1 mara@example.org").errors
