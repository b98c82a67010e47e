"""What every request passes first: an id that its log lines, its audit entries and its answer carry; probes; counting."""

import contextvars
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse

from aiops import health, metrics
from aiops.wsgi import is_utf8

current_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
Handler = Callable[[HttpRequest], HttpResponse]


class RequestId:
    """Takes X-Request-Id over from a proxy where it is well formed, else makes one."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # Django logs refusals after this has returned
        token = current_request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            current_request_id.reset(token)
        response["X-Request-Id"] = request_id
        return response


class RequestIdFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id.get() or getattr(getattr(record, "request", None), "request_id", "")
        return True


class Probes:
    """/healthz and /readyz for orchestrators: before the host check and the HTTPS redirect, without signing in.

    They say no more than which parts answer. What is ready is asked at most once a second, however often they come.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.asked_at = 0.0
        self.asking = threading.Lock()
        self.results: dict[str, health.Health] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz":
            return JsonResponse({"status": "ok"})
        return self._ready() if request.path == "/readyz" else self.get_response(request)

    def _ready(self) -> HttpResponse:
        if self._old() and self.asking.acquire(blocking=not self.results):  # a check that is slow is not run by everybody
            try:
                if self._old():
                    self.results, self.asked_at = health.run(health.READY), time.monotonic()
            finally:
                self.asking.release()
        status = health.worst(self.results.values())
        body = {"status": status, "checks": {name: result.status for name, result in self.results.items()}}
        if status == "failed":
            return JsonResponse(body, status=503, headers={"Retry-After": "5"})
        return JsonResponse(body)

    def _old(self) -> bool:
        return not self.results or time.monotonic() - self.asked_at > 1


class Readable:
    """Refuses what no view could read: NUL, which PostgreSQL takes in no text, and bodies that are not UTF-8."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("The address contains a NUL character; take it out.")
        charset = request.content_params.get("charset", "") if request.content_params else ""
        if charset and not is_utf8(charset) and request.META.get("CONTENT_LENGTH", "") not in ("", "0"):
            raise BadRequest(f"The charset {charset[:40]!r} is not understood; send UTF-8.")
        return self.get_response(request)


class Count:
    """Counts answers and measures the time to them, by view, method and status."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        start = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = (match.view_name or match.route or "unnamed") if match else "unmatched"
        method = request.method if request.method in METHODS else "other"
        metrics.REQUESTS.labels(view, method, response.status_code).inc()
        metrics.LATENCY.labels(view, method).observe(time.perf_counter() - start)
        return response
