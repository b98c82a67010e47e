"""One shape for every refusal: API answers are {"error": one sentence}, pages get a page.

What is not the sender's fault and will pass (database, disk, Redis) is 503 with Retry-After: senders drop a batch on 4xx.
"""

import errno
import html
import logging
import sys
from collections.abc import Callable
from typing import Any

import kombu.exceptions
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import Error, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from aiops import metrics
from aiops.faults import Unavailable
from aiops.middleware import current_request_id

log = logging.getLogger(__name__)
FULL_OR_READ_ONLY = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
# SQLite reports these mistakes of ours as OperationalError too.
OUR_MISTAKES = ("no such ", "near ", "table ", "too many SQL variables", "ambiguous column")
OUTAGE_MESSAGE = "The service is not available for the moment; try again shortly."


def is_outage(fault: BaseException | None) -> bool:
    if isinstance(fault, OperationalError):
        return not str(fault).startswith(OUR_MISTAKES)
    if isinstance(fault, OSError) and fault.errno in FULL_OR_READ_ONLY:
        return True
    return isinstance(fault, (Unavailable, InterfaceError, kombu.exceptions.OperationalError, *_redis_faults()))


def when_it_answers(task: str, work: Callable[[], int], what: str = "database", away: tuple[type[Exception], ...] = (Error,)) -> int:
    """`work`, or 0 and one line in the log while the database (or `what`) is locked or away: for tasks that come again by themselves and
    find in it what is left to do. `away` are the faults that are looked at; any that is no outage is raised."""
    try:
        return work()
    except away as fault:
        if not is_outage(fault):
            raise
        log.warning("%s is put off until the %s answers: %s", task, what, " ".join(str(fault).split()))
        return 0


def _redis_faults() -> tuple[type[Exception], ...]:
    """Embedded mode does not import redis, which takes a quarter of a second, and cannot meet its faults."""
    redis = sys.modules.get("redis.exceptions")
    return (redis.ConnectionError, redis.TimeoutError) if redis else ()


def wants_json(request: HttpRequest) -> bool:
    accept = request.headers.get("Accept", "")
    return request.path.startswith(("/api/", "/metrics", "/prometheus/")) or ("application/json" in accept and "text/html" not in accept)


# -- API: DRF's EXCEPTION_HANDLER ----------------------------------------------------------------------------------------
def answer(fault: Exception, context: dict[str, Any]) -> Response | None:
    if is_outage(fault):
        return _outage_answer(fault)
    response = exception_handler(fault, context)
    if response is None:
        return None
    if isinstance(fault, exceptions.ValidationError):
        response.data = {"error": first_sentence(fault.detail), "fields": fault.detail}
    else:
        response.data = {"error": first_sentence(response.data.get("detail", response.data))}
    return response


def _outage_answer(fault: Exception) -> Response:
    _note_outage(fault)
    return Response({"error": OUTAGE_MESSAGE}, status=503, headers={"Retry-After": str(retry_after(fault))})


def first_sentence(detail: Any, field: str = "") -> str:
    """The first message of DRF's nested error detail, with the field it is about."""
    if isinstance(detail, dict):
        name, inner = next(iter(detail.items()), ("", "The request is not valid."))
        return first_sentence(inner, "" if name in ("non_field_errors", "detail") else str(name))
    if isinstance(detail, list):
        return first_sentence(next((item for item in detail if item), "The request is not valid."), field)
    return f"{field}: {detail}" if field else str(detail)


def retry_after(fault: BaseException | None) -> int:
    return fault.retry_after if isinstance(fault, Unavailable) else Unavailable.retry_after


def _note_outage(fault: BaseException | None) -> None:
    metrics.ERRORS.labels("outage").inc()
    log.error("answered 503: %s: %s", type(fault).__name__, fault)


# -- pages: handler400 … handler500, CSRF_FAILURE_VIEW -------------------------------------------------------------------
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _refusal(request, 413, "Too large", "The request is larger than this installation accepts.")
    message = "The request is not valid."
    if not isinstance(exception, SuspiciousOperation) and exception.args:
        message = str(exception.args[0])
    return _refusal(request, 400, "Bad request", message)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    given = str(exception) if isinstance(exception, PermissionDenied) else ""
    return _refusal(request, 403, "Not allowed", given or "You do not have the permission for this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    ours = isinstance(exception, Http404) and exception.args and isinstance(exception.args[0], str)
    message = exception.args[0] if ours and exception.args[0] else "There is nothing at this address."
    return _refusal(request, 404, "Not found", message)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.warning("CSRF check failed: %s", reason)
    message = "The form could not be verified. Reload the page and send it again; cookies must be allowed."
    return _refusal(request, 403, "Not verified", message)


def server_error(request: HttpRequest) -> HttpResponse:
    """Also reached by faults raised in middleware. Rendered without the request, so the page needs no database."""
    fault = sys.exc_info()[1]
    if is_outage(fault):
        _note_outage(fault)
        response = _answer(request, 503, "Not available", OUTAGE_MESSAGE, bare=True)
        response["Retry-After"] = str(retry_after(fault))
        return response
    metrics.ERRORS.labels("server").inc()
    return _answer(request, 500, "Something went wrong", "The fault is ours and has been logged.", bare=True)


def _refusal(request: HttpRequest, status: int, title: str, message: str) -> HttpResponse:
    try:
        return _answer(request, status, title, message)
    except Exception as fault:  # the page shell asks for the user: with the database gone, the bare page has to do
        log.warning("the %s page was rendered without its shell: %s", status, fault)
        return _answer(request, status, title, message, bare=True)


def _answer(request: HttpRequest, status: int, title: str, message: str, bare: bool = False) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": message}, status=status)
    template = f"errors/{400 if status == 413 else status}.html"
    context = {"title": title, "message": message, "status": status, "request_id": current_request_id.get()}
    if not bare:
        return HttpResponse(render_to_string(template, context, request), status=status)
    try:
        return HttpResponse(render_to_string(template, context), status=status)
    except Exception:
        log.exception("the %s page could not be rendered", status)
        return HttpResponse(f"<!doctype html><title>{html.escape(title)}</title><p>{html.escape(message)}</p>", status=status)
