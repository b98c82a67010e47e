"""Actions by signed POST: what the receiver gets, and what each of its answers comes to."""

import uuid

import orjson
import pytest

from aiops import http
from aiops.plugin_forms import config_form
from monitoring.notifications.channels.webhook import signature
from monitoring.notifications.tests.peers import serving
from remediation.providers.base import SUCCEEDED, ActionError, Ask
from remediation.providers.webhook import Webhook

pytestmark = pytest.mark.once
PATH = "/hooks/0123456789abcdef"


@pytest.fixture
def peer(settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    http._breakers.clear()
    with serving() as server:
        yield server
    http._breakers.clear()


def webhook(peer, **config):
    return Webhook({"verify_tls": True, **config}, {"url": peer.address + PATH, "secret": "open sesame"})


def ask(**params):
    given = {"action": "drain", "data": {"host": "web-1"}, **params}
    return Ask(key=str(uuid.uuid4()), verb="post", params=given, target="web-1", reason="Disk is full.", url="http://x/1", case="RUN-1")


def test_the_receiver_gets_what_is_wanted_with_a_signature_it_can_check(peer):
    asked = ask()
    answer = webhook(peer).run(asked)
    [got] = peer.asked
    assert answer.state == SUCCEEDED
    assert orjson.loads(got["body"]) == {
        "version": "1", "event_id": asked.key, "action": "drain", "data": {"host": "web-1"},
        "target": "web-1", "reason": "Disk is full.", "case": "RUN-1", "url": "http://x/1",
    }  # fmt: skip
    headers = {name.lower(): value for name, value in got["headers"].items()}
    assert headers["x-event-id"] == headers["idempotency-key"] == asked.key
    assert headers["x-signature-256"] == signature("open sesame", headers["x-timestamp"], got["body"])


def test_what_it_answers_is_kept_for_people_and_later_steps(peer):
    peer.answers = [(202, '{"job": 7}')]
    answer = webhook(peer).run(ask())
    assert answer.facts == {"status": 202, "answer": {"job": 7}}
    assert [line.text for line in answer.lines] == ['{"job": 7}']


def test_a_long_answer_is_kept_in_part(peer):
    peer.answers = [(200, "line\n" * 1000)]
    lines = webhook(peer).run(ask()).lines
    assert (len(lines), lines[-1].text) == (201, "800 more lines were left out")


def test_a_dry_run_shows_the_body_and_sends_nothing(peer):
    preview = webhook(peer).dry_run(ask())
    assert preview.sentence == "Would POST to 127.0.0.1: drain"
    assert any('"host": "web-1"' in line.text for line in preview.lines)
    assert peer.asked == []


@pytest.mark.parametrize(
    ("status", "permanent", "unclear"),
    [
        (400, True, False),
        (401, True, False),
        (403, True, False),
        (404, True, False),
        (409, True, False),
        (429, False, False),
        (503, False, True),
    ],
)
def test_each_refusal_says_whether_to_ask_again(peer, status, permanent, unclear):
    peer.answers = [(status, "no")]
    with pytest.raises(ActionError) as caught:
        webhook(peer).run(ask())
    assert (caught.value.permanent, caught.value.unclear) == (permanent, unclear)
    assert len(peer.asked) == 1


def test_one_that_asks_for_patience_gets_it(peer):
    peer.answers = [(429, "later", {"Retry-After": "7"})]
    with pytest.raises(ActionError) as caught:
        webhook(peer).run(ask())
    assert caught.value.retry_after == 7


def test_a_redirect_is_not_followed(peer):
    peer.answers = [(302, "", {"Location": "/elsewhere"})]
    with pytest.raises(ActionError, match="redirects are not followed"):
        webhook(peer).run(ask())
    assert [one["path"] for one in peer.asked] == [PATH]


def test_no_answer_leaves_it_open_whether_it_was_done(peer, monkeypatch):
    monkeypatch.setattr(Webhook, "deadline", 0.05)
    held = []
    peer.answers = [(200, lambda handler: held.append(handler.rfile.read(1)) or "")]  # waits for more than there is
    with pytest.raises(ActionError) as caught:
        webhook(peer).run(ask())
    assert caught.value.unclear


def test_a_receiver_that_acts_once_is_simply_asked_again(peer):
    peer.answers = [(503, "restarting")]
    with pytest.raises(ActionError) as caught:
        webhook(peer, once=True).run(ask())
    assert (caught.value.permanent, caught.value.unclear) == (False, False)
    assert webhook(peer, once=True).resume(ask()) is None


def test_of_any_other_nobody_can_tell_after_a_crash(peer):
    with pytest.raises(ActionError) as caught:
        webhook(peer).resume(ask())
    assert caught.value.unclear


def test_a_private_address_is_refused_unless_it_is_allowed(peer, settings):
    settings.ALLOWED_PRIVATE_NETWORKS = []
    with pytest.raises(ActionError, match="private address") as caught:
        webhook(peer).run(ask())
    assert caught.value.permanent
    assert peer.asked == []


def test_the_address_is_hidden_whoever_repeats_it(peer):
    peer.answers = [(400, f"no such thing: {PATH} for open sesame")]
    with pytest.raises(ActionError) as caught:
        webhook(peer).run(ask())
    assert "0123456789abcdef" not in str(caught.value)
    assert "open sesame" not in str(caught.value)


@pytest.mark.parametrize(("params", "fault"), [({"action": ""}, "which action"), ({"data": {"x": "y" * 300_000}}, "longer than")])
def test_what_cannot_be_sent_is_refused(peer, params, fault):
    with pytest.raises(ActionError, match=fault):
        webhook(peer).run(ask(**params))
    assert peer.asked == []


def test_the_check_asks_without_a_meaning(peer):
    peer.RequestHandlerClass.do_HEAD = peer.RequestHandlerClass.do_POST
    peer.answers = [(405, "")]
    assert webhook(peer).check() == "127.0.0.1 answers (405 to HEAD)"
    assert peer.asked[0]["body"] == b""


def test_an_address_with_nobody_there_fails_the_check(peer):
    gone = Webhook({}, {"url": "http://127.0.0.1:1/x"})
    with pytest.raises(ActionError, match="cannot be reached"):
        gone.check()


def test_the_form_wants_an_address_of_the_web():
    assert not config_form(Webhook, data={"url": "file:///etc/passwd"}).is_valid()
    assert config_form(Webhook, data={"url": "https://hooks.example.org/x"}).is_valid()
