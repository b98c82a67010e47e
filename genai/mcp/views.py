"""POST /mcp: the Model Context Protocol over streamable HTTP, for other assistants. Without sessions and streams: each request is
answered by itself, as JSON."""

import time
from collections.abc import Callable, Mapping
from functools import wraps
from threading import BoundedSemaphore
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication import CHALLENGE, Bearer, TokenRefused, bearer_for
from accounts.limits import bump
from aiops.errors import OUTAGE_MESSAGE, is_outage, retry_after
from genai.mcp import modern, protocol, server
from genai.mcp.protocol import Json, RpcError

PERMISSION = "genai:use"
LARGEST = 256 * 1024  # bytes of a request
A_MINUTE = 120  # requests of one token
AT_ONCE, PATIENCE = 3, 10.0  # tools that work at the same time in this process, so that pages have threads left; seconds to wait
_places = BoundedSemaphore(AT_ONCE)
View = Callable[[HttpRequest], HttpResponse]


class Turned(Exception):
    """The request as a whole is refused."""

    def __init__(self, status: int, sentence: str, code: int = protocol.INVALID_REQUEST, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.code, self.headers = status, sentence, code, headers or {}


def guarded(view: View) -> View:
    """Every refusal is a JSON-RPC error with a fitting status."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except RpcError as fault:
            return _json(protocol.failed(fault.number, fault), fault.status)
        except Turned as fault:
            return _refusal(fault.status, fault.sentence, fault.code, fault.headers)
        except TokenRefused as fault:
            headers = {"WWW-Authenticate": CHALLENGE} if fault.status == 401 else {"Retry-After": "60"} if fault.status == 429 else {}
            return _refusal(fault.status, fault.sentence, protocol.INVALID_REQUEST, headers)
        except Exception as fault:
            if not is_outage(fault):
                raise
            return _refusal(503, OUTAGE_MESSAGE, protocol.INTERNAL, {"Retry-After": str(retry_after(fault))})

    return answer


@guarded
def endpoint(request: HttpRequest) -> HttpResponse:
    _check_origin(request)
    if request.method != "POST":  # no stream that we begin, no session to end
        raise Turned(405, f"{request.method} is not understood here; messages are sent by POST.", headers={"Allow": "POST"})
    bearer = bearer_for(request, PERMISSION)
    _check_rate(bearer)
    version = request.headers.get(modern.VERSION_HEADER, protocol.UNSAID)
    messages, batch = protocol.read(_body(request), version)
    session = server.Session(bearer, settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/"))
    eras = [_is_modern(one, request) for one in messages]  # all are looked at before any is answered
    answers = [_answer(one, session, era) for one, era in zip(messages, eras, strict=True) if one.id is not None]
    if not answers:
        return HttpResponse(status=202)
    return _json(answers if batch else answers[0])


def _is_modern(message: protocol.Message, request: HttpRequest) -> bool:
    """Raises RpcError where its headers and its body differ."""
    if not modern.speaks(message, request.headers):
        return False
    try:
        modern.check(message, request.headers)
    except RpcError as fault:
        fault.number = message.id
        raise
    return True


def _answer(message: protocol.Message, session: server.Session, is_modern: bool) -> Json:
    """A tool waits for its place; what is quick does not."""
    working = message.method == "tools/call"
    if working and not _places.acquire(timeout=PATIENCE):
        raise Turned(503, "Too many tools are at work; try again shortly.", protocol.INTERNAL, {"Retry-After": "5"})
    try:
        return protocol.answered(message, server.answer(message, session, is_modern))
    except RpcError as fault:
        return protocol.failed(message.id, fault)
    finally:
        if working:
            _places.release()


# -- what is looked at first -----------------------------------------------------------------------------------------------
def _check_origin(request: HttpRequest) -> None:
    """A browser says on whose page it is: only ours may ask, or a page elsewhere could use a name that leads here (DNS rebinding)."""
    origin = request.headers.get("Origin", "")
    if not origin:
        return
    own = {f"{request.scheme}://{request.get_host()}", settings.PUBLIC_URL}
    if origin.rstrip("/") not in own - {""} or not urlsplit(origin).hostname:
        raise Turned(403, "Requests from pages of another origin are not answered.")


def _check_rate(bearer: Bearer) -> None:
    number, elapsed = divmod(int(time.time()), 60)
    if bump(f"mcp:{bearer.token.pk}:{number}", 60) > A_MINUTE:
        raise Turned(429, f"At most {A_MINUTE} requests a minute are answered for one token.", headers={"Retry-After": str(60 - elapsed)})


def _body(request: HttpRequest) -> bytes:
    if request.content_type != "application/json":
        raise Turned(415, "Messages are JSON: send Content-Type: application/json.")
    accepted = request.headers.get("Accept", "*/*")
    if not any(kind in accepted for kind in ("application/json", "application/*", "*/*")):
        raise Turned(406, "Answers are JSON: accept application/json.")
    if len(request.body) > LARGEST:
        raise Turned(413, f"A request has at most {LARGEST // 1024} KB.")
    return request.body


# -- answers ---------------------------------------------------------------------------------------------------------------
def _json(content: Json | list[Json], status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(content), "application/json", status)


def _refusal(status: int, sentence: str, code: int, headers: Mapping[str, str]) -> HttpResponse:
    response = _json(protocol.failed(None, RpcError(code, sentence)), status)
    for name, value in headers.items():
        response[name] = value
    return response
