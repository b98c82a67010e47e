"""The generic webhook, PagerDuty and Teams: what goes out, what answers mean, what is never told."""

import hashlib
import hmac
import json
import logging
import time
import uuid

import pytest

from aiops import http
from monitoring.notifications.channels import pagerduty, teams
from monitoring.notifications.channels.base import CHANNELS, channel_class, known_kinds
from monitoring.notifications.channels.pagerduty import PagerDuty, PagerDutyForm
from monitoring.notifications.channels.teams import Teams
from monitoring.notifications.channels.webhook import Webhook, WebhookForm
from monitoring.notifications.notice import NotSent
from monitoring.notifications.tests.notices import brief, notice

KEY = "r0ut1ngk3y" + "0" * 22


def webhook(peer, **secrets):
    return Webhook({}, {"url": f"{peer.address}/hook?token=hush-hush", "secret": "signing-secret", **secrets})


def faulty(channel, **more):
    with pytest.raises(NotSent) as fault:
        channel.send(notice(**more))
    return fault.value


# -- webhook -------------------------------------------------------------------------------------------------------------
def test_a_receiver_can_check_who_sent_it_and_whether_it_has_seen_it(peer):
    answer = webhook(peer).send(notice())
    (asked,) = peer.asked
    stamp, body = asked["headers"]["X-Timestamp"], asked["body"]
    assert abs(time.time() - int(stamp)) < 5
    expected = hmac.new(b"signing-secret", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert asked["headers"]["X-Signature-256"] == f"sha256={expected}"
    event = asked["headers"]["X-Event-Id"]
    assert str(uuid.UUID(event)) == event == json.loads(body)["event_id"] == answer.external_id
    webhook(peer).send(notice())
    assert peer.asked[1]["headers"]["X-Event-Id"] == event
    webhook(peer).send(notice(key="other"))
    assert peer.asked[2]["headers"]["X-Event-Id"] != event
    told = json.loads(body)
    assert (told["kind"], told["severity"], told["alerts"][0]["labels"]["instance"]) == ("firing", "critical", "db-1")
    assert told["at"] == "2026-11-21T12:00:00+00:00"


def test_without_a_signing_secret_it_goes_unsigned(peer):
    Webhook({}, {"url": peer.address}).send(notice())
    assert "X-Signature-256" not in peer.asked[0]["headers"]


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (400, True),
        (401, True),
        (404, True),
        (410, True),
        (408, False),
        (425, False),
        (429, False),
        (500, False),
        (502, False),
        (503, False),
    ],
)
def test_what_a_status_means(peer, status, permanent):
    peer.answers = [(status, "because")]
    fault = faulty(webhook(peer))
    assert (fault.permanent, fault.status) == (permanent, status)
    assert fault.message == f"127.0.0.1 answers {status}: because"
    assert len(peer.asked) == 1


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("", None)])
def test_a_wait_that_the_receiver_asks_for_is_handed_on(peer, header, seconds):
    peer.answers = [(429, "slow down", {"Retry-After": header})]
    assert faulty(webhook(peer)).retry_after == seconds


def test_a_redirect_is_not_followed(peer):
    peer.answers = [(307, "", {"Location": f"{peer.address}/elsewhere"})]
    fault = faulty(webhook(peer))
    assert fault.permanent
    assert "redirects are not followed" in fault.message
    assert len(peer.asked) == 1


def test_an_answer_is_cut_to_what_is_kept_and_tells_no_secret(peer):
    peer.answers = [(200, "signing-secret and more " * 100)]
    answer = webhook(peer).send(notice())
    assert len(answer.detail) == 500
    assert "signing-secret" not in answer.detail
    peer.answers = [(400, lambda handler: f"no such path {peer.address}{handler.path} {'x' * 900}")]
    fault = faulty(webhook(peer))
    assert "hush-hush" not in fault.message
    assert len(fault.message) <= 500


def test_no_secret_is_logged(peer, caplog):
    caplog.set_level(logging.WARNING)
    peer.answers = [(500, "no")]
    faulty(webhook(peer))
    faulty(Webhook({}, {"url": "http://127.0.0.1:1/hush-hush"}))
    assert "hush-hush" not in caplog.text


def test_an_answer_without_end_is_not_read_to_the_end(peer):
    peer.answers = [(200, "x" * 200_000)]
    assert not faulty(webhook(peer)).permanent


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/", "http://localhost:9/", "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:9/", "http://[::ffff:10.0.0.1]/", "http://0.0.0.0:9/", "http://2130706433:9/", "http://0x7f.1:9/",
    ],
)  # fmt: skip
def test_private_networks_are_refused(url, settings):
    http._breakers.clear()
    settings.ALLOWED_PRIVATE_NETWORKS = []
    fault = faulty(Webhook({}, {"url": url}))
    assert fault.permanent
    assert "private address" in fault.message


def test_a_name_that_leads_into_a_private_network_is_refused(monkeypatch, settings):
    settings.ALLOWED_PRIVATE_NETWORKS = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("10.1.2.3", 443))])
    fault = faulty(Webhook({}, {"url": "https://innocent.example.org/"}))
    assert fault.permanent
    assert "10.1.2.3" in fault.message


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "file:///etc/passwd", "https://", "gopher://x", "https://[broken", "https://x:0/", "https://x:y/"]
)
def test_addresses_that_cannot_be_are_refused(url):
    assert not WebhookForm({"url": url}).is_valid()


@pytest.mark.parametrize("url", ["", "ftp://example.org/", "http://x:y:z/"])
def test_a_stored_address_that_cannot_be_is_a_permanent_fault(url):
    assert faulty(Webhook({}, {"url": url})).permanent


def test_a_host_that_fails_again_and_again_is_left_alone_for_a_while(peer):
    peer.answers = [(503, "")]
    for _ in range(5):
        faulty(webhook(peer))
    fault = faulty(webhook(peer))
    assert not fault.permanent
    assert "left alone" in fault.message
    assert len(peer.asked) == 5


# -- PagerDuty -----------------------------------------------------------------------------------------------------------
def pager(peer):
    return PagerDuty({"address": peer.address}, {"routing_key": KEY})


ACCEPTED = (202, json.dumps({"status": "success", "message": "Event processed", "dedup_key": "aiops-1"}))


def test_an_event_opens_acknowledges_and_resolves_by_one_key(peer):
    peer.answers = [ACCEPTED]
    for kind in ("firing", "escalation", "acknowledged", "resolved"):
        answer = pager(peer).send(notice(kind=kind))
    assert [one["event_action"] for one in peer.bodies] == ["trigger", "trigger", "acknowledge", "resolve"]
    assert {one["dedup_key"] for one in peer.bodies} == {"aiops-1"}
    assert {one["path"] for one in peer.asked} == {"/v2/enqueue"}
    assert (answer.status, answer.detail, answer.external_id) == (202, "Event processed", "aiops-1")
    payload = peer.bodies[0]["payload"]
    assert (payload["severity"], payload["source"], payload["class"]) == ("critical", "db-1", "Disk full")
    assert "payload" not in peer.bodies[3]


@pytest.mark.parametrize(("ours", "theirs"), [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info")])
def test_severities_are_theirs(ours, theirs, peer):
    peer.answers = [ACCEPTED]
    pager(peer).send(notice(severity=ours, title="t" * 3000))
    assert peer.bodies[0]["payload"]["severity"] == theirs
    assert len(peer.bodies[0]["payload"]["summary"]) == 1024


def test_a_test_leaves_nobody_with_an_incident(peer):
    peer.answers = [ACCEPTED]
    pager(peer).send(notice(kind="test", alerts=()))
    assert [one["event_action"] for one in peer.bodies] == ["trigger", "resolve"]


def test_a_wrong_key_is_permanent_and_never_shown(peer):
    peer.answers = [(400, json.dumps({"status": "invalid event", "errors": [f"routing_key {KEY} is wrong"]}))]
    fault = faulty(pager(peer))
    assert fault.permanent
    assert KEY not in fault.message
    peer.answers = [(429, "slow", {"Retry-After": "3"})]
    fault = faulty(pager(peer))
    assert (fault.permanent, fault.retry_after) == (False, 3.0)


def test_the_key_has_32_characters_and_the_address_a_usual_one():
    assert not PagerDutyForm({"routing_key": "short"}).is_valid()
    form = PagerDutyForm({"routing_key": KEY})
    assert form.is_valid()
    assert form.cleaned_data["address"] == pagerduty.US


# -- Teams ---------------------------------------------------------------------------------------------------------------
def test_teams_gets_an_adaptive_card_whose_buttons_open_pages(peer):
    peer.answers = [(202, "")]
    answer = Teams({}, {"url": f"{peer.address}/workflows/hush"}).send(notice())
    (body,) = peer.bodies
    (attachment,) = body["attachments"]
    card = attachment["content"]
    assert (body["type"], attachment["contentType"], attachment["contentUrl"]) == ("message", teams.CARD, None)
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["color"] == "Attention"
    assert [one["title"] for one in card["actions"]] == ["Open", "Silence", "Runbook"]
    assert {one["type"] for one in card["actions"]} == {"Action.OpenUrl"}
    assert answer.status == 202


def test_a_card_of_many_alerts_stays_within_what_teams_takes(peer):
    many = tuple(brief(id=n, summary="s" * 3000, labels={"l": "v" * 900}) for n in range(50))
    Teams({}, {"url": peer.address}).send(notice(alerts=many, firing=4000, text="t" * 9000, title="t" * 900))
    assert len(peer.asked[0]["body"]) < 28_000
    texts = [part.get("text", "") for part in peer.bodies[0]["attachments"][0]["content"]["body"]]
    assert "and 3,990 more" in texts


def test_a_link_that_is_no_address_is_left_out(peer):
    Teams({}, {"url": peer.address}).send(notice(url="javascript:alert(1)", links=(), alerts=(brief(runbook="/local"),)))
    assert peer.bodies[0]["attachments"][0]["content"]["actions"] == []


# -- the family ----------------------------------------------------------------------------------------------------------
def test_every_kind_declares_what_its_form_needs():
    assert {kind for kind, _ in known_kinds()} == set(CHANNELS)
    for kind in CHANNELS:
        found = channel_class(kind)
        form = found.Config()
        assert set(found.secret_fields) <= set(form.fields), kind
        assert found.label
        assert found.about
        assert found({}, {}).destination is not None
