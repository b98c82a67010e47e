"""Who may ask, and the one shape of every answer: Prometheus' envelope, errors included."""

import gzip
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication import CHALLENGE, TokenRefused, bearer_for, token_from_headers
from accounts.permissions import can
from aiops import errors
from monitoring.query.errors import QueryError

PERMISSION = "monitoring:read"
STATUS = {"bad_data": 400, "execution": 422, "timeout": 503, "canceled": 499, "not_found": 404}
LARGE = 16 * 1024  # bytes; packed here at the quickest level, the rest by the middleware
TYPE = "application/json"
View = Callable[..., HttpResponse]


def endpoint(view: View) -> View:
    """Asks for the permission and turns every refusal into the envelope. Nothing is changed by any call, so a POST needs no CSRF token."""

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD", "POST"):
            return failure("bad_data", f"{request.method} is not understood here; use GET or POST.", 405, Allow="GET, POST")
        try:
            authorize(request)
            return packed(request, view(request, *args, **kwargs))
        except TokenRefused as refusal:
            headers = {"WWW-Authenticate": CHALLENGE} if refusal.status == 401 else {}
            headers |= {"Retry-After": "60"} if refusal.status == 429 else {}
            return failure("unauthorized" if refusal.status == 401 else "forbidden", refusal.sentence, refusal.status, **headers)
        except Exception as fault:
            return _refusal(fault)

    return answer


def _refusal(fault: Exception) -> HttpResponse:
    """Raises what is neither the asker's mistake nor an outage."""
    if isinstance(fault, QueryError):
        return failure(fault.kind, fault.message, STATUS[fault.kind])
    if isinstance(fault, SuspiciousOperation):
        return failure("bad_data", "The request cannot be read.", 400)
    if isinstance(fault, Http404):
        return failure("not_found", str(fault), 404)
    if errors.is_outage(fault):
        return failure("unavailable", errors.OUTAGE_MESSAGE, 503, **{"Retry-After": str(errors.retry_after(fault))})
    raise fault


def authorize(request: HttpRequest) -> None:
    """A token, or a person signed in. Raises TokenRefused."""
    if token_from_headers(request.headers) is not None or not request.user.is_authenticated:
        bearer_for(request, PERMISSION)
    elif not can(request.user, PERMISSION):
        raise TokenRefused(403, f"This needs the permission {PERMISSION}.")


def success(data: bytes, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> HttpResponse:
    """`data` is JSON already."""
    notes = b"".join(b',"%s":%s' % (name, orjson.dumps(texts)) for name, texts in ((b"warnings", warnings), (b"infos", infos)) if texts)
    return HttpResponse(b'{"status":"success","data":' + data + notes + b"}", TYPE)


def success_of(data: Any, warnings: Sequence[str] = ()) -> HttpResponse:
    return success(orjson.dumps(data), warnings)


def failure(kind: str, sentence: str, status: int, **headers: str) -> HttpResponse:
    content = orjson.dumps({"status": "error", "errorType": kind, "error": sentence})
    reason = "Client Closed Request" if status == 499 else None  # not one of the registered ones
    return HttpResponse(content, TYPE, status, reason, headers=headers)


def packed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if len(response.content) >= LARGE and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.content = gzip.compress(response.content, 1)
        response["Content-Encoding"] = "gzip"
        response["Vary"] = "Accept-Encoding"
    return response
