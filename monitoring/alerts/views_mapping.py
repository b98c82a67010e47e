"""Where another system's fields stand: an address for its webhook, tried on a body of its own. Nothing is stored."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.permissions import permission_required
from monitoring.alerts.severities import is_known, severity_of
from monitoring.ingest.decoders.alert_objects import USUAL, Mapped, decode
from monitoring.ingest.errors import Undecodable
from monitoring.ingest.notices import Notice

READ = "monitoring:read"
DOOR = "/webhooks/alerts"
LARGEST, SHOWN = 256 * 1024, 5
MEANINGS = {
    "name": "what is wrong; needed", "state": "whether it goes on", "severity": "how bad", "key": "what its sender knows it by",
    "summary": "one sentence", "description": "more", "host": "what it is about", "time": "since when",
    "value": "a number", "url": "a link",
    "labels": "an object of names and texts",
}  # fmt: skip
MORE = {"items": "Where the list of alerts stands", "resolved": "Words that say it is over", "source": "The sender's name here"}
SAMPLE = '{"data": {"events": [{"what": {"title": "Disk full", "level": "warn"}, "uid": "4711", "phase": "open", "host": "db-1"}]}}'


@require_http_methods(["GET", "POST"])
@permission_required(READ)
def mapping(request: HttpRequest) -> HttpResponse:
    given = {name: request.POST.get(name, "").strip() for name in (*USUAL, *MORE)}
    body = request.POST.get("body", "")
    paths = {name: text for name, text in given.items() if text}
    context: dict[str, Any] = {
        "fields": [(name, MEANINGS[name], ", ".join(usual[:4]), given[name]) for name, usual in USUAL.items()],
        "more": [(name, words, given[name]) for name, words in MORE.items()], "body": body, "sample": SAMPLE,
        "address": _address(request, paths), "status": 200,
    }  # fmt: skip
    if request.method == "POST":
        context |= _tried(body, paths)
    return render(request, "monitoring/alerts/mapping.html", context, status=context["status"])


def _address(request: HttpRequest, paths: dict[str, str]) -> str:
    """As the sender is told it."""
    base = settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
    return f"{base}{DOOR}" + (f"?{urlencode(paths, safe=',')}" if paths else "")


def _tried(body: str, paths: dict[str, str]) -> dict[str, Any]:
    if not body.strip():
        return {"fault": "Paste a body that the other system sends.", "status": 422}
    if len(body) > LARGEST or "\0" in body:
        return {"fault": f"A body to try has at most {LARGEST // 1024} KiB, without a NUL character.", "status": 422}
    try:
        found = decode(body.encode(), Mapped.of(paths))
    except Undecodable as fault:
        return {"fault": fault.sentence, "status": 422}
    return {"found": [_row(one) for one in found[:SHOWN]], "count": len(found), "rest": max(0, len(found) - SHOWN)}


def _row(one: Notice) -> dict[str, Any]:
    """A notice as the alert that it would be; what was not found is empty."""
    labels = {name: text for name, text in one.labels.items() if name != "alertname"}
    return {
        "name": one.name, "firing": one.firing, "severity": severity_of(one.severity), "word": one.severity,
        "known": is_known(one.severity), "key": one.key, "started_at": one.started_at, "value": one.value, "labels": labels,
        "summary": one.annotations.get("summary", ""), "description": one.annotations.get("description", ""),
        "url": one.details.get("url", ""), "source": one.source,
    }  # fmt: skip
