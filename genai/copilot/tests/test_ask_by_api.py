"""The API of the copilot: who may, asking whole and streamed on the server's loop, one's own conversations, stopping, rating, sharing."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from asgiref.sync import sync_to_async
from django.db import connections
from rest_framework.test import APIClient

from accounts.models import AuditEntry
from aiops.arrival import Arrival
from aiops.wsgi import Handler
from genai.copilot import conversations, events
from genai.copilot.following import Following
from genai.copilot.models import Conversation, Turn
from genai.copilot.tests.asking import ask, settle
from genai.evidence import collect
from genai.testing import ModelStub, configured, model_stub
from genai.tracing.models import AgentRun
from monitoring.inventory.models import Resource

__all__ = ["model_stub"]
CHAT, TURNS, TALKS = "/api/v1/genai/chat", "/api/v1/genai/turns/", "/api/v1/genai/conversations/"


@pytest.fixture(autouse=True)
def _nothing_under_way() -> Iterator[None]:
    yield
    settle()


@pytest.fixture
def api(token_of: Any) -> Callable[..., APIClient]:
    def client(user: Any, *scopes: str) -> APIClient:
        made = APIClient()
        usual = ("genai:use", "monitoring:read") if user.role != "viewer" else ("monitoring:read",)
        token = token_of(user, *(scopes or usual))
        made.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return made

    return client


def done(talk: Conversation, **fields: Any) -> Turn:
    number = talk.turns.count() + 1
    return Turn.objects.create(conversation=talk, number=number, question="Open alerts", **{"answer": "None.", "state": "done"} | fields)


# -- who may -----------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("path", [TALKS, f"{TALKS}1/", f"{TALKS}1/turns/", f"{TALKS}1/export/", f"{TURNS}1/"])
def test_viewers_and_strangers_read_nothing(viewer: Any, api: Any, path: str) -> None:
    assert APIClient().get(path).status_code == 401
    assert api(viewer).get(path).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("path", [CHAT, f"{TALKS}1/share/", f"{TURNS}1/stop/", f"{TURNS}1/feedback/"])
def test_viewers_and_strangers_ask_nothing(viewer: Any, api: Any, path: str) -> None:
    assert APIClient().post(path, {"question": "why?"}, format="json").status_code == 401
    assert api(viewer).post(path, {"question": "why?"}, format="json").status_code == 403
    assert Conversation.objects.count() == 0


@pytest.mark.django_db
def test_a_token_needs_the_scope(operator: Any, api: Any) -> None:
    assert api(operator, "monitoring:read").get(TALKS).status_code == 403


@pytest.mark.django_db
def test_nobody_reads_what_another_asked(operator: Any, admin: Any, api: Any) -> None:
    turn = done(conversations.start(operator))
    for path in (f"{TALKS}{turn.conversation_id}/", f"{TALKS}{turn.conversation_id}/export/", f"{TURNS}{turn.pk}/"):
        assert api(admin).get(path).status_code == 404
    assert api(admin).delete(f"{TALKS}{turn.conversation_id}/").status_code == 404
    assert api(admin).post(f"{TURNS}{turn.pk}/feedback/", {"rating": 1}, format="json").status_code == 404
    asked = api(admin).post(CHAT, {"question": "go on", "conversation": turn.conversation_id}, format="json")
    assert asked.status_code == 404


# -- conversations -------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_conversations_are_found_named_shared_and_removed(operator: Any, api: Any) -> None:
    talk, other = conversations.start(operator), conversations.start(operator)
    done(talk, answer="The **disk** of db-1 is full.")
    client = api(operator)
    assert [one["id"] for one in client.get(TALKS, {"search": "DISK db-1"}).json()["results"]] == [talk.pk]
    assert client.get(TALKS).json()["count"] == 2
    assert client.patch(f"{TALKS}{talk.pk}/", {"title": " Disks  of db-1 "}, format="json").json()["title"] == "Disks of db-1"
    url = client.post(f"{TALKS}{talk.pk}/share/").json()["url"]
    assert url == client.post(f"{TALKS}{talk.pk}/share/").json()["url"]
    assert client.get(f"{TALKS}{talk.pk}/").json()["shared"] is True
    assert client.delete(f"{TALKS}{talk.pk}/share/").status_code == 204
    assert client.delete(f"{TALKS}{talk.pk}/").status_code == 204
    assert list(Conversation.objects.values_list("pk", flat=True)) == [other.pk]
    actions = list(AuditEntry.objects.filter(action__startswith="conversation.").order_by("id").values_list("action", flat=True))
    assert actions == ["conversation.rename", "conversation.share", "conversation.unshare", "conversation.delete"]


@pytest.mark.django_db
@pytest.mark.parametrize("title", ["", "   ", "x" * 201, None, 7, ["a"]])
def test_a_title_that_is_none_is_refused(operator: Any, api: Any, title: Any) -> None:
    talk = conversations.start(operator)
    answer = api(operator).patch(f"{TALKS}{talk.pk}/", {"title": title}, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.django_db
def test_it_is_taken_along_as_markdown(operator: Any, api: Any) -> None:
    host = Resource.objects.create(kind="host", name="db-1")
    note = collect.of("resource", {"id": host.pk}, "host db-1", "it reports")
    table = {"type": "table", "title": "T", "columns": ["a|b"], "rows": [[{"text": "<x>"}]], "permission": "monitoring:read"}
    talk = conversations.start(operator)
    done(talk, answer=f"It is well [E{note.pk}]. Perhaps [guess].", blocks=[table], state="cut", reason="The stream broke.")
    answer = api(operator).get(f"{TALKS}{talk.pk}/export/")
    assert answer["Content-Type"].startswith("text/markdown")
    text = answer.content.decode()
    assert "It is well [1]. Perhaps (guess)." in text
    assert f"1. host db-1: it reports </evidence/{note.pk}" in text.replace("http://", "/").replace("//testserver", "")
    assert "| a\\|b |" in text
    assert "| &lt;x> |" in text
    assert "this is not the whole answer. The stream broke." in text


# -- turns ---------------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_turn_tells_its_answer_evidence_and_cost(operator: Any, api: Any, model_stub: ModelStub) -> None:
    configured(model_stub, price_in=1, price_out=1)
    model_stub.call_tool("resources").say("Nothing is wrong [guess].")
    turn = ask(operator, "how is it?")
    told = api(operator).get(f"{TURNS}{turn.pk}/").json()
    assert (told["answer"], told["state"], told["half"], told["model"]) == ("Nothing is wrong [guess].", "done", False, "stub-1")
    assert told["claims"] == [{"text": "Nothing is wrong.", "evidence": [], "holds": None, "guess": True}]
    assert told["figures"]["tokens"] == 240
    assert float(told["figures"]["cost"]) == pytest.approx(0.00024)
    assert [step["name"] for step in told["steps"]] == ["resources", "check evidence"]
    assert "permission" not in json.dumps(told["steps"])


@pytest.mark.django_db
def test_an_answer_that_is_being_made_is_told_so_far(operator: Any, api: Any) -> None:
    turn = done(conversations.start(operator), answer="", state="answering")
    progress = events.follow(turn, operator.pk)
    progress.write("The disk")
    told = api(operator).get(f"{TURNS}{turn.pk}/").json()
    assert (told["answer"], told["seq"]) == ("The disk", 1)
    assert api(operator).post(f"{TURNS}{turn.pk}/feedback/", {"rating": 1}, format="json").status_code == 409
    assert api(operator).post(f"{TURNS}{turn.pk}/stop/").status_code == 202
    assert progress.stopping.is_set()
    assert AuditEntry.objects.filter(action="conversation.stop").count() == 1


@pytest.mark.django_db
def test_what_is_over_cannot_be_stopped(operator: Any, api: Any) -> None:
    turn = done(conversations.start(operator))
    assert api(operator).post(f"{TURNS}{turn.pk}/stop/").status_code == 409


@pytest.mark.django_db
def test_a_rating_counts_for_the_execution_and_can_be_taken_back(operator: Any, api: Any) -> None:
    turn = ask(operator, "help")
    path = f"{TURNS}{turn.pk}/feedback/"
    assert api(operator).post(path, {"rating": -1, "comment": "wrong host"}, format="json").json()["rating"] == -1
    run = AgentRun.objects.get(pk=turn.run_id)
    assert run.evaluations.get(name="rating").score == 0.0
    assert api(operator).post(path, {"rating": 0}, format="json").json()["rating"] is None
    assert not run.evaluations.filter(name="rating").exists()
    assert api(operator).post(path, {"rating": 5}, format="json").status_code == 400


# -- asking --------------------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [{}, {"question": ""}, {"question": "x" * 9000}, {"question": "why?", "conversation": "x"}, {"question": "why?", "subject": "a b"},
     {"question": "why?", "context": "page"}, {"question": ["why?"]}, ["why?"]],
)  # fmt: skip
def test_what_is_no_question_is_refused_in_a_sentence(operator: Any, api: Any, body: Any) -> None:
    answer = api(operator).post(CHAT, body, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert Conversation.objects.count() == 0


@pytest.mark.django_db
def test_too_many_questions_leave_nothing_behind(operator: Any, api: Any) -> None:
    for _ in range(4):
        done(conversations.start(operator), state="waiting")
    answer = api(operator).post(CHAT, {"question": "one more"}, format="json")
    assert (answer.status_code, answer["Retry-After"]) == (429, "5")
    assert Conversation.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_asked_without_waiting_it_is_a_turn_to_come_back_for(operator: Any, api: Any) -> None:
    answer = api(operator).post(CHAT, {"question": "help", "wait": False, "subject": "page:alerts"}, format="json")
    assert answer.status_code == 202
    told = answer.json()
    assert answer["Location"] == f"{TURNS}{told['id']}/"
    _settle(told["id"])
    assert "Ask in words such as these" in api(operator).get(answer["Location"]).json()["answer"]
    assert Turn.objects.get(pk=told["id"]).context["subject"] == "page:alerts"


def _settle(turn: int) -> None:
    from genai.copilot.tests.test_follow_answers import wait_for

    wait_for(lambda: Turn.objects.get(pk=turn).is_over and events.of(turn) is None)


# -- on the loop -----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def served() -> Iterator[Any]:
    """Pages on one thread, as a server has them on a few."""
    in_threads = WSGIMiddleware(Handler(), workers=1)  # type: ignore[arg-type]
    yield Following(Arrival(in_threads, 10**6))  # type: ignore[arg-type]
    in_threads.executor.submit(connections.close_all).result(10)


async def post(app: Any, body: dict[str, Any], token: str, leave: "asyncio.Event | None" = None) -> tuple[int, dict[bytes, bytes], bytes]:
    content = json.dumps(body).encode()
    headers = [(b"host", b"testserver"), (b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    scope = {
        "type": "http", "method": "POST", "path": CHAT, "raw_path": CHAT.encode(), "query_string": b"", "http_version": "1.1",
        "scheme": "http", "headers": [*headers, (b"authorization", f"Bearer {token}".encode())], "server": ("testserver", 80),
        "client": ("127.0.0.1", 9), "asgi": {"version": "3.0"},
    }  # fmt: skip
    incoming = [{"type": "http.request", "body": content, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not incoming:
            await (leave or asyncio.Event()).wait()
            return {"type": "http.disconnect"}
        return incoming.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 60)
    start = next((one for one in sent if one["type"] == "http.response.start"), {"status": 0, "headers": []})
    return start["status"], dict(start["headers"]), b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")


def streamed(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for part in body.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in part.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


@pytest.mark.django_db(transaction=True)
async def test_it_waits_without_a_thread_and_answers_whole(served: Any, operator: Any, token_of: Any, model_stub: ModelStub) -> None:
    """Three at once through one thread for pages: each takes a second, all of them together not three."""
    await sync_to_async(configured)(model_stub)
    token = await sync_to_async(token_of)(operator, "genai:use", "monitoring:read")
    for _ in range(3):
        model_stub.say("All is well, is it?", delay=1.0)
    answers = await asyncio.gather(*(post(served, {"question": "how is it?"}, token) for _ in range(3)))
    for status, headers, body in answers:
        told = json.loads(body)
        assert (status, told["state"], told["answer"]) == (200, "done", "All is well, is it?")
        assert b"x-answered-in-turn" not in headers
    began = [turn.asked_at async for turn in Turn.objects.all()]
    ended = [turn.ended_at async for turn in Turn.objects.all()]
    assert max(began) < min(ended)


@pytest.mark.django_db(transaction=True)
async def test_it_is_streamed_and_ends_with_the_checked_answer(served: Any, operator: Any, token_of: Any, model_stub: ModelStub) -> None:
    await sync_to_async(configured)(model_stub)
    token = await sync_to_async(token_of)(operator, "genai:use", "monitoring:read")
    model_stub.call_tool("alerts").say("Nothing fires at all.", pace=0.1)
    status, headers, body = await post(served, {"question": "how is it?", "stream": True}, token)
    assert (status, headers[b"content-type"]) == (200, b"text/event-stream; charset=utf-8")
    told = streamed(body)
    assert [kind for kind, _ in told if kind == "step"]
    assert len([kind for kind, _ in told if kind == "text"]) > 2
    kind, answer = told[-1]
    assert (kind, answer["state"], answer["answer"]) == ("answer", "done", "Nothing fires at all [guess].")
    assert told[-2][1]["state"] == "done"


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_goes_away_does_not_stop_it(served: Any, operator: Any, token_of: Any, model_stub: ModelStub) -> None:
    await sync_to_async(configured)(model_stub)
    token = await sync_to_async(token_of)(operator, "genai:use", "monitoring:read")
    model_stub.say("All is well, is it?", pace=0.3)
    leave = asyncio.Event()
    asyncio.get_running_loop().call_later(0.7, leave.set)
    await post(served, {"question": "how is it?", "stream": True}, token, leave)
    turn = await Turn.objects.alatest("pk")
    await sync_to_async(_settle)(turn.pk)
    await turn.arefresh_from_db()
    assert (turn.state, turn.answer) == ("done", "All is well, is it?")


@pytest.mark.django_db(transaction=True)
async def test_a_refusal_passes_as_it_is(served: Any, operator: Any, token_of: Any) -> None:
    token = await sync_to_async(token_of)(operator, "genai:use", "monitoring:read")
    assert (await post(served, {"question": ""}, token))[0] == 400
    assert (await post(served, {"question": "why?", "stream": True}, "aio_nothing"))[0] == 401
