"""Answers of the facts API: orjson, and 304 where the reader has it already."""

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from monitoring.measurements.read import Cursor, Page


def answer(content: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(orjson.dumps(content), status=status, content_type="application/json")


def cached(request: Request, content: Any) -> HttpResponse:
    """With an ETag of the content; 304 without a body where If-None-Match names it."""
    body = orjson.dumps(content)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    response = HttpResponse(status=304) if _has(request, tag) else HttpResponse(body, content_type="application/json")
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return response


def _has(request: Request, tag: str) -> bool:
    """Compared weakly: a compressed answer carries the same tag marked as weak."""
    named = [part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")]
    return tag in named or named == ["*"]


def paged(request: Request, page: Page) -> HttpResponse:
    following = _address(request, page.next) if page.next else None
    response = cached(request, _listed(page.rows, following, page.next))
    return _linked(response, following)


def bare(request: Request, page: Page) -> HttpResponse:
    """The list alone, as the legacy endpoints answer; what comes next is in the Link header."""
    return _linked(cached(request, page.rows), _address(request, page.next) if page.next else None)


def listed(request: Request, rows: Sequence[Any]) -> HttpResponse:
    return cached(request, _listed(rows, None, None))


def _linked(response: HttpResponse, following: str | None) -> HttpResponse:
    if following:
        response["Link"] = f'<{following}>; rel="next"'
    return response


def _listed(rows: Sequence[Any], following: str | None, after: Cursor | None) -> dict[str, Any]:
    return {"count": len(rows), "next": following, "next_cursor": str(after) if after else None, "results": rows}


def _address(request: Request, after: Cursor) -> str:
    query = {name: values for name, values in request.GET.lists() if name != "cursor"} | {"cursor": [str(after)]}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query, doseq=True)}")
