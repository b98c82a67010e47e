"""What is sent to /webhooks/ takes the short way: its own threads, the middleware that applies, the whole body at once."""

import asyncio
import threading

import pytest
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from aiops.direct import Direct

seen = {}


def view(request):
    seen.update(
        body=request.read(),
        thread=threading.current_thread().name,
        headers=dict(request.headers),
        query=request.GET.dict(),
        path=request.path,
        address=request.META["REMOTE_ADDR"],
    )
    if "bad" in request.GET:
        raise BadRequest("This is not understood.")
    if "fault" in request.GET:
        raise RuntimeError("ours")
    return HttpResponse(b"taken", status=202, headers={"X-Told": "yes"})


urlpatterns = [path("webhooks/x", csrf_exempt(view))]


@pytest.fixture(autouse=True)
def _here(settings):
    settings.ROOT_URLCONF = __name__
    seen.clear()


async def ask(query=b"", body=b"", headers=(), path="/webhooks/x"):
    """(status, headers, content)"""
    sent = []
    given = [(b"content-length", str(len(body)).encode())] if body else []
    scope = {
        **{"type": "http", "method": "POST", "path": path, "query_string": query, "http_version": "1.1"},
        **{"headers": [*given, *headers], "client": ("192.0.2.7", 5), "server": ("localhost", 80), "scheme": "http"},
    }

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await Direct()(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def test_body_headers_and_query_arrive():
    status, headers, content = await ask(b"a=1&b=%20", b"cpu v=1", [(b"x-api-key", b"k"), (b"x-twice", b"1"), (b"x-twice", b"2")])
    assert (status, headers[b"x-told"], headers[b"content-length"], content) == (202, b"yes", b"5", b"taken")
    assert (seen["body"], seen["query"], seen["address"]) == (b"cpu v=1", {"a": "1", "b": " "}, "192.0.2.7")
    assert (seen["headers"]["X-Api-Key"], seen["headers"]["X-Twice"]) == ("k", "1,2")
    assert seen["thread"].startswith("direct")


async def test_an_answer_has_a_request_id_and_cannot_be_taken_for_a_page():
    _, headers, _ = await ask()
    assert len(headers[b"x-request-id"]) == 32
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"set-cookie" not in headers


async def test_faults_are_answered_as_everywhere(caplog):
    assert (await ask(b"bad=1", headers=[(b"accept", b"application/json")]))[0] == 400
    assert (await ask(b"fault=1", headers=[(b"accept", b"application/json")]))[0] == 500
    assert (await ask(path="/webhooks/nowhere"))[0] == 404
    assert (await ask(b"a=%00"))[0] == 400


async def test_requests_run_beside_each_other():
    answers = await asyncio.gather(*(ask() for _ in range(20)))
    assert [status for status, _, _ in answers] == [202] * 20
