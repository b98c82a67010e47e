"""What others see of a conversation through its link: what their role may see, and nothing that rests on more."""

from typing import Any

import pytest

from genai.copilot import conversations, export, showing
from genai.copilot.conversations import Refused
from genai.copilot.models import Conversation, Turn

pytestmark = pytest.mark.django_db
CHART = {"type": "series", "evidence": 1, "title": "t"}


@pytest.fixture
def talk(admin: Any) -> Conversation:
    return conversations.start(admin)


def turn(talk: Conversation, permission: str, answer: str) -> Turn:
    step = {"n": 1, "name": "audit", "detail": "", "state": "ok", "ms": 3, "permission": permission}
    return Turn.objects.create(
        conversation=talk, number=talk.turns.count() + 1, question="who?", answer=answer, state="done", steps=[step],
        blocks=[CHART | {"permission": permission}],
    )  # fmt: skip


def test_a_link_leads_to_it_until_it_is_taken_back(talk: Conversation) -> None:
    token = conversations.share(talk)
    assert conversations.shared(token) == talk
    conversations.unshare(talk)
    assert conversations.shared(token) is None
    assert conversations.share(talk) != token


@pytest.mark.parametrize("token", ["", "x" * 41, "a\0b", "é", "nothing"])
def test_other_links_lead_nowhere(talk: Conversation, token: str) -> None:
    assert conversations.shared(token) is None


def test_an_answer_shows_only_with_all_that_it_took(talk: Conversation, admin: Any, operator: Any, viewer: Any) -> None:
    plain, secret = turn(talk, "monitoring:read", "All is well."), turn(talk, "audit:read", "Mara deleted it.")
    assert [showing.answer_for(plain, who) for who in (admin, operator, viewer)] == ["All is well."] * 3
    assert showing.answer_for(secret, admin) == "Mara deleted it."
    assert [showing.answer_for(secret, who) for who in (operator, viewer)] == [showing.WITHHELD] * 2
    assert [len(showing.blocks_for(secret, who)) for who in (admin, operator)] == [1, 0]


def test_what_was_said_before_is_not_let_out_by_a_later_answer(talk: Conversation, admin: Any, operator: Any) -> None:
    turn(talk, "audit:read", "Mara deleted it.")
    later = turn(talk, "monitoring:read", "As I said, Mara did.")
    assert showing.answer_for(later, admin) == "As I said, Mara did."
    assert showing.answer_for(later, operator) == showing.WITHHELD


def test_a_permission_there_is_no_more_is_nobodys(talk: Conversation, admin: Any) -> None:
    assert showing.answer_for(turn(talk, "gone:read", "x"), admin) == showing.WITHHELD


def test_an_export_holds_what_its_reader_may_see(talk: Conversation, operator: Any) -> None:
    turn(talk, "audit:read", "Mara deleted it.")
    assert "Mara" not in export.markdown(talk, operator)
    assert showing.WITHHELD in export.markdown(talk, operator)


def test_a_conversation_is_found_by_all_of_its_words(talk: Conversation, admin: Any, operator: Any) -> None:
    turn(talk, "monitoring:read", "The disk of db-1 is full.")
    assert list(conversations.of(admin, "DB-1 disk who")) == [talk]
    assert list(conversations.of(admin, "db-1 memory")) == []
    assert list(conversations.of(operator, "disk")) == []


def test_a_context_keeps_what_is_known_of_a_page(admin: Any) -> None:
    given = {"path": "/alerts/", "query": 7, "title": "A\0", "evil": "x", "range": "r" * 9999}
    assert conversations.start(admin, context=given).context == {"path": "/alerts/", "title": "A", "range": "r" * 4000}
    assert set(conversations.known_context("no").values()) == {""}


def test_a_name_is_needed(talk: Conversation) -> None:
    with pytest.raises(Refused, match="Write a title"):
        conversations.rename(talk, " \0 ")
