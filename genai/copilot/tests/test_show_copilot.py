"""The copilot's pages: who may open them, what they show of questions and answers, what people do with a conversation."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from genai.copilot import conversations, events, page_turns, palette_entry
from genai.copilot.models import Conversation, Turn
from genai.evidence import collect
from genai.evidence.models import Evidence
from genai.models import Analysis
from monitoring.dashboards import palette
from monitoring.inventory.models import Resource

pytestmark = pytest.mark.django_db
JSON = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture(autouse=True)
def _nothing_under_way() -> Iterator[None]:
    yield
    for progress in events.here():
        events.leave(progress.turn)


@pytest.fixture
def talk(operator: Any) -> Conversation:
    return conversations.start(operator, subject="page:alerts", context={"path": "/alerts/", "title": "Alerts"})


def answered(conversation: Conversation, answer: str = "All is well.", **fields: Any) -> Turn:
    now = timezone.now()
    number = conversation.turns.count() + 1
    made = {"question": "Open alerts", "state": "done", "asked_at": now - timedelta(seconds=3), "ended_at": now, "seq": 4} | fields
    return Turn.objects.create(conversation=conversation, number=number, answer=answer, **made)


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


# -- who may ---------------------------------------------------------------------------------------------------------------
def pages(conversation: Conversation, turn: Turn) -> dict[str, str]:
    own = ("copilot-conversation", "copilot-export")
    return {
        **{name: reverse(name) for name in ("copilot", "copilot-history", "copilot-panel")},
        **{name: reverse(name, args=[conversation.pk]) for name in own}, "copilot-turn": reverse("copilot-turn", args=[turn.pk]),
    }  # fmt: skip


def test_operators_open_every_page_of_their_own(operator: Any, client_of: Any, talk: Conversation) -> None:
    client = client_of(operator)
    for name, url in pages(talk, answered(talk)).items():
        assert client.get(url).status_code == 200, name


def test_admins_and_approvers_have_conversations_of_their_own(admin: Any, approver: Any, client_of: Any, talk: Conversation) -> None:
    for person in (admin, approver):
        assert client_of(person).get(reverse("copilot")).status_code == 200
        assert client_of(person).get(reverse("copilot-panel")).status_code == 200
        assert "Alerts" not in text(client_of(person).get(reverse("copilot-history")))


def test_viewers_are_refused_and_strangers_sent_to_sign_in(viewer: Any, stranger: Any, client_of: Any, talk: Conversation) -> None:
    found = pages(talk, answered(talk))
    for url in found.values():
        assert client_of(viewer).get(url).status_code == 403
        assert reverse("account_login") in client_of(stranger).get(url)["Location"]
    for name in ("copilot-stop", "copilot-rate"):
        assert client_of(viewer).post(reverse(name, args=[1])).status_code == 403
    assert client_of(viewer).post(reverse("copilot-ask"), {"question": "Open alerts"}).status_code == 403


def test_nobody_opens_anothers_not_even_an_admin(admin: Any, client_of: Any, talk: Conversation) -> None:
    turn = answered(talk)
    client = client_of(admin)
    for name in ("copilot-conversation", "copilot-export"):
        assert client.get(reverse(name, args=[talk.pk])).status_code == 404
    for name in ("copilot-rename", "copilot-share", "copilot-delete"):
        assert client.post(reverse(name, args=[talk.pk]), {"title": "x", "on": "1"}).status_code == 404
    assert client.get(reverse("copilot-turn", args=[turn.pk])).status_code == 404
    assert client.post(reverse("copilot-rate", args=[turn.pk]), {"rating": "1"}).status_code == 404
    assert client.post(reverse("copilot-ask"), {"question": "Open alerts", "conversation": talk.pk}).status_code == 404
    assert talk.turns.count() == 1


def test_the_panel_stands_beside_pages_of_those_who_may_ask(operator: Any, viewer: Any, client_of: Any) -> None:
    shown = text(client_of(operator).get(reverse("overview")))
    assert 'id="copilot"' in shown
    assert "copilot.js" in shown
    assert 'aria-keyshortcuts="Control+I"' in shown
    assert "Copilot, about this page" in shown
    hidden = text(client_of(viewer).get(reverse("overview")))
    assert 'id="copilot"' not in hidden
    assert "copilot.js" not in hidden


def test_no_panel_stands_beside_the_copilot_itself(operator: Any, client_of: Any) -> None:
    shown = text(client_of(operator).get(reverse("copilot")))
    assert 'id="copilot"' not in shown
    assert "copilot.js" in shown


# -- asking ----------------------------------------------------------------------------------------------------------------
def test_a_question_begins_a_conversation_that_knows_its_page(operator: Any, client_of: Any) -> None:
    host = Resource.objects.create(kind="host", name="web-03")
    sent = {
        "question": "Why is it slow?", "path": reverse("resource", args=[host.pk]), "query": "range=now-3h&tab=charts", "title": "web-03",
        "range": "",
    }  # fmt: skip
    answer = client_of(operator).post(reverse("copilot-ask"), sent, **JSON)
    assert answer.status_code == 200
    made = Conversation.objects.get()
    assert answer.json()["conversation"] == made.pk
    assert made.subject == f"resource:{host.pk}"
    assert made.context["range"] == "range=now-3h"
    turn = made.turns.get()
    assert turn.question == "Why is it slow?"
    assert turn.context["subject"] == f"resource:{host.pk}"
    assert f'data-turn="{turn.pk}"' in answer.json()["html"]
    assert 'aria-busy="true"' in answer.json()["html"]


def test_the_next_question_goes_on_and_may_come_from_another_page(operator: Any, client_of: Any, talk: Conversation) -> None:
    answered(talk)
    sent = {"question": "And why?", "conversation": talk.pk, "path": reverse("alerts"), "query": "severity=critical"}
    assert client_of(operator).post(reverse("copilot-ask"), sent, **JSON).json()["conversation"] == talk.pk
    assert talk.turns.last().context["query"] == "severity=critical"


@pytest.mark.parametrize("question", ["", "   ", "x" * 8001])
def test_what_cannot_be_asked_is_refused_and_leaves_no_conversation(operator: Any, client_of: Any, question: str) -> None:
    answer = client_of(operator).post(reverse("copilot-ask"), {"question": question}, **JSON)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
    assert not Conversation.objects.exists()


def test_a_second_question_waits_for_the_first(operator: Any, client_of: Any, talk: Conversation) -> None:
    client, sent = client_of(operator), {"question": "Open alerts", "conversation": talk.pk}
    assert client.post(reverse("copilot-ask"), sent, **JSON).status_code == 200
    again = client.post(reverse("copilot-ask"), sent, **JSON)
    assert again.status_code == 409
    assert "still being answered" in again.json()["error"]


def test_a_form_without_scripts_leads_to_the_conversation(operator: Any, client_of: Any) -> None:
    answer = client_of(operator).post(reverse("copilot-ask"), {"question": "Open alerts"}, HTTP_ACCEPT="text/html")
    assert answer["Location"] == reverse("copilot-conversation", args=[Conversation.objects.get().pk])


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "²"])
def test_a_conversation_that_is_no_number_is_a_bad_request(operator: Any, client_of: Any, number: str) -> None:
    answer = client_of(operator).post(reverse("copilot-ask"), {"question": "Open alerts", "conversation": number}, **JSON)
    assert answer.status_code == 400
    assert client_of(operator).get(reverse("copilot-panel"), {"conversation": number}).status_code == 200  # a browser's memory may be old


# -- what is shown ---------------------------------------------------------------------------------------------------------
def test_what_is_written_so_far_is_shown_with_how_far_it_goes(operator: Any, client_of: Any, talk: Conversation) -> None:
    turn = answered(talk, "", state="answering", ended_at=None)
    progress = events.follow(turn, operator.pk)
    progress.begin()
    n = progress.step("query_metrics", "cpu of web-03")
    progress.step_ended(n, "ok", "12 series", 40)
    progress.replace("CPU rose to 97 % [E1")
    shown = text(client_of(operator).get(reverse("copilot-turn", args=[turn.pk])))
    assert f'data-seq="{progress.seq}"' in shown
    assert 'data-state="answering"' in shown
    assert "CPU rose to 97 %" in shown
    assert "<code>query metrics</code> <span>12 series</span>" in shown
    assert "data-rate=" not in shown


def test_an_answer_cites_its_evidence_and_says_what_it_took(operator: Any, client_of: Any, talk: Conversation) -> None:
    host = Resource.objects.create(kind="host", name="web-03")
    source = collect.of("resource", {"id": host.pk}, "web-03", "host")
    answered(talk, f"It is **web-03** [E{source.pk}]. It will pass [guess].", reason="A model would put it in words.", rating=1)
    shown = text(client_of(operator).get(reverse("copilot-conversation", args=[talk.pk])))
    cited = next(one for one in shown.split("<a ") if 'class="cite"' in one)
    assert reverse("evidence", args=[source.pk]) in cited
    assert "<strong>web-03</strong>" in shown
    assert "Not supported by evidence" in shown
    assert "A model would put it in words." in shown
    assert "no model" in shown
    assert 'data-rate="1" aria-pressed="true"' in shown


def test_half_an_answer_says_so(operator: Any, client_of: Any, talk: Conversation) -> None:
    answered(talk, "The disk of", state="cut", reason="The model broke off.")
    shown = text(client_of(operator).get(reverse("copilot-conversation", args=[talk.pk])))
    assert "Half an answer: The model broke off." in shown


def test_texts_from_outside_are_text(operator: Any, client_of: Any, talk: Conversation) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script> [out](https://evil.example/?d=1) ![x](https://evil.example/i.png)"
    cell = {"text": "<b>bold</b>", "url": ""}
    table = {"type": "table", "title": evil, "columns": [evil], "rows": [[cell]], "permission": "monitoring:read"}
    answered(talk, evil, question=evil, blocks=[table], steps=[{"n": 1, "name": evil, "detail": evil, "state": "ok", "ms": 1}])
    talk.title = evil
    talk.save()
    shown = text(client_of(operator).get(reverse("copilot-conversation", args=[talk.pk])))
    assert "<img" not in shown
    assert "<script>alert" not in shown
    assert 'href="https://evil' not in shown
    assert "&lt;b&gt;bold" in shown


def test_blocks_are_charts_tables_rules_proposals_and_causes(operator: Any, client_of: Any, talk: Conversation) -> None:
    asked = {"query": "up", "start": 0, "end": 60_000, "step": 15_000}
    series = Evidence.objects.create(kind="series", digest="1" * 64, title="CPU of web-03", reference=asked)
    hypothesis = {
        "title": "Deploy of checkout", "score": 0.78, "why": "Four minutes before.", "component": "checkout", "resource": None,
        "metric": "", "origin": "change", "statements": [], "facts": {},
    }  # fmt: skip
    now = timezone.now()
    analysis = Analysis.objects.create(subject="window:1", start=now, end=now, state="done", hypotheses=[hypothesis])
    rule = {"name": "SlowCheckout", "expr": "p95 > 0.4", "for": "5m", "severity": "high", "summary": ""}
    past = {"days": 7, "series": 3, "firings": 12, "per_day": 1.71, "at_night": 4, "median_seconds": 420, "caught": ["INC-1"], "missed": []}
    blocks = [
        {"type": "series", "evidence": series.pk, "title": "CPU"}, {"type": "causes", "analysis": analysis.pk},
        {"type": "table", "title": "Disks", "columns": ["Disk"], "rows": [[{"text": "sda", "url": "/resources/1/"}]], "left_out": 3},
        {"type": "rule_draft", "rule": rule, "backtest": past, "url": "/rules/new/?name=SlowCheckout"},
        {"type": "proposal", "execution": 12, "title": "Restart checkout", "state": "proposed", "url": "/remediation/cases/12/"},
    ]  # fmt: skip
    answered(talk, blocks=[one | {"permission": "monitoring:read"} for one in blocks])
    shown = text(client_of(operator).get(reverse("copilot-conversation", args=[talk.pk])))
    assert f'data-chat-chart="{reverse("evidence-chart", args=[series.pk])}"' in shown
    assert "Deploy of checkout" in shown
    assert "78&nbsp;%" in shown
    assert '<a href="/resources/1/">sda</a>' in shown
    assert "3 more rows left out" in shown
    assert "/rules/new/?name=SlowCheckout" in shown
    assert "RUN-12" in shown


def test_a_block_whose_evidence_is_gone_is_left_out(operator: Any, talk: Conversation) -> None:
    gone = [{"type": "series", "evidence": 99}, {"type": "causes", "analysis": 99}]
    assert page_turns.drawn([one | {"permission": "monitoring:read"} for one in gone], operator) == []


def test_an_empty_conversation_offers_questions_that_fit_the_page(operator: Any, client_of: Any) -> None:
    host = Resource.objects.create(kind="host", name="web-03")
    asked = {"path": reverse("resource", args=[host.pk]), "title": "web-03"}
    shown = text(client_of(operator).get(reverse("copilot-panel"), asked))
    assert "Why is web-03 slow?" in shown
    assert "Ask about web-03" in shown


def test_history_is_searched_and_pages(operator: Any, client_of: Any, talk: Conversation) -> None:
    answered(talk, "The disk sda fills.", question="Which disks fill?")
    conversations.rename(talk, "Disks of March")
    for n in range(25):
        other = conversations.start(operator)
        conversations.rename(other, f"Other {n}")
    client, url = client_of(operator), reverse("copilot-history")
    assert "2 of 2" in text(client.get(url, {"page": 2}))
    found = text(client.get(url, {"q": "sda march"}))
    assert "Disks of March" in found
    assert "Other 3" not in found
    assert "No conversation has all of these words" in text(client.get(url, {"q": "zzzz"}))
    assert "in=panel" in text(client.get(url, {"in": "panel"}))


# -- what people do --------------------------------------------------------------------------------------------------------
def test_stopping_marks_the_turn(operator: Any, client_of: Any, talk: Conversation) -> None:
    turn = answered(talk, "", state="answering", ended_at=None)
    assert client_of(operator).post(reverse("copilot-stop", args=[turn.pk])).status_code == 200
    turn.refresh_from_db()
    assert turn.stop_asked


def test_rating_is_kept_and_can_be_taken_back(operator: Any, client_of: Any, talk: Conversation) -> None:
    turn, client = answered(talk), client_of(operator)
    url = reverse("copilot-rate", args=[turn.pk])
    assert client.post(url, {"rating": "-1", "comment": "Wrong disk"}).json() == {"rating": -1}
    turn.refresh_from_db()
    assert turn.rating_comment == "Wrong disk"
    assert client.post(url, {"rating": "0"}).json() == {"rating": 0}
    assert client.post(url, {"rating": "7"}, **JSON).status_code == 400


def test_what_others_may_see_of_a_shared_one(operator: Any, viewer: Any, admin: Any, client_of: Any, talk: Conversation) -> None:
    answered(talk, "Seen by everybody.")
    secret = {"n": 1, "name": "audit", "detail": "who signed in", "state": "ok", "ms": 1, "permission": "audit:read"}
    answered(
        talk,
        "Mara signed in at night.",
        steps=[secret],
        blocks=[{"type": "table", "title": "T", "columns": [], "rows": [], "permission": "audit:read"}],
    )
    client = client_of(operator)
    client.post(reverse("copilot-share", args=[talk.pk]), {"on": "1"})
    talk.refresh_from_db()
    url = reverse("copilot-shared", args=[talk.share])
    assert url in text(client.get(reverse("copilot-conversation", args=[talk.pk])))
    shown = text(client_of(viewer).get(url))
    assert "Seen by everybody." in shown
    assert "Mara signed in" not in shown
    assert "who signed in" not in shown
    assert "your role may not see" in shown
    assert "data-ask" not in shown
    assert "data-rate" not in shown
    assert "Mara signed in" in text(client_of(admin).get(url))
    client.post(reverse("copilot-share", args=[talk.pk]), {"on": "0"})
    assert client_of(viewer).get(url).status_code == 404
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"conversation.share", "conversation.unshare"} <= actions


def test_strangers_sign_in_before_they_see_a_shared_one(stranger: Any, client_of: Any, talk: Conversation) -> None:
    url = reverse("copilot-shared", args=[conversations.share(talk)])
    assert reverse("account_login") in client_of(stranger).get(url)["Location"]
    assert client_of(talk.user).get(reverse("copilot-shared", args=["nothing"])).status_code == 404


def test_renaming_and_deleting_are_audited(operator: Any, client_of: Any, talk: Conversation) -> None:
    client = client_of(operator)
    answer = client.post(reverse("copilot-rename", args=[talk.pk]), {"title": "  Night of the disks "})
    assert answer["Location"] == reverse("copilot-conversation", args=[talk.pk])
    talk.refresh_from_db()
    assert talk.title == "Night of the disks"
    assert client.post(reverse("copilot-rename", args=[talk.pk]), {"title": " "}).status_code == 400
    assert client.post(reverse("copilot-delete", args=[talk.pk]))["Location"] == reverse("copilot")
    assert not Conversation.objects.exists()
    assert {"conversation.rename", "conversation.delete"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_it_can_be_taken_along_as_markdown(operator: Any, client_of: Any, talk: Conversation) -> None:
    answered(talk, "The disk **sda** fills.", question="Which disks fill?")
    conversations.rename(talk, "Disks of March")
    answer = client_of(operator).get(reverse("copilot-export", args=[talk.pk]))
    assert answer["Content-Type"].startswith("text/markdown")
    assert 'filename="disks-of-march.md"' in answer["Content-Disposition"]
    assert "Which disks fill?" in answer.content.decode()


# -- the palette -----------------------------------------------------------------------------------------------------------
def test_the_palettes_last_entry_asks_what_was_typed(operator: Any, viewer: Any) -> None:
    last = palette.search(operator, "why is db slow", False)[-1]["items"][-1]
    assert last == {"label": "Ask copilot about “why is db slow”", "icon": "copilot", "do": "ask-copilot", "hint": "Ctrl I"}
    assert palette_entry.entry(viewer, "why") is None
    assert palette.search(viewer, "zzzz", False) == []
    assert len(palette_entry.entry(operator, "x" * 200)["label"]) < 100
