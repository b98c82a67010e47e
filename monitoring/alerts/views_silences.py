"""Silences and maintenance windows: as a list and as a calendar."""

from contextlib import suppress
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.authentication import person
from accounts.permissions import can, permission_required
from monitoring.alerts import silence_list
from monitoring.alerts.silence_list import Row
from monitoring.alerts.views_rules import READ

WRITE = "alerts:write"
TABS = {"active": "Active", "coming": "Coming", "recurring": "Recurring", "past": "Past"}
VIEWS = ("list", "month", "week")
PER_PAGE, LONGEST_SEARCH = 50, 200
Context = dict[str, Any]


@require_GET
@permission_required(READ)
def silences(request: HttpRequest) -> HttpResponse:
    view, text, now = request.GET.get("view", "list"), request.GET.get("q", "").strip(), timezone.now()
    if view not in VIEWS:
        raise BadRequest(f"view must be one of {', '.join(VIEWS)}, not {view[:20]!r}.")
    if len(text) > LONGEST_SEARCH or "\0" in text:
        raise BadRequest(f"A search has at most {LONGEST_SEARCH} characters, and no NUL among them.")
    hidden = silence_list.quiet().count()
    context = {"view": view, "text": text, "now": now, "hidden": hidden, "may_write": can(request.user, WRITE), "live": True}
    context |= {"live_topics": "alerts"} | (_list(request, text, now) if view == "list" else _calendar(request, view, now))
    return render(request, "monitoring/alerts/silences.html", context)


def _list(request: HttpRequest, text: str, now: datetime) -> Context:
    tab = request.GET.get("tab", "active")
    if tab not in TABS:
        raise BadRequest(f"tab must be one of {', '.join(TABS)}, not {tab[:20]!r}.")
    rows = silence_list.current(now, text)
    kept = {"active": [row for row in rows if row.now], "coming": [row for row in rows if not row.now and not row.silence.rrule]}
    kept["recurring"] = [row for row in rows if row.silence.rrule]
    over = silence_list.past(now, text)
    counts = {name: len(found) for name, found in kept.items()} | {"past": over.count()}
    page: Page[Any] = Paginator(over if tab == "past" else kept[tab], PER_PAGE).get_page(request.GET.get("page"))
    if tab == "past":
        page.object_list = [Row(silence, None, None) for silence in page.object_list]
    tabs = [{"key": key, "label": label, "count": counts[key]} for key, label in TABS.items()]
    return {"tab": tab, "tabs": tabs, "page": page, "counts": counts, "anything": any(counts.values()) or bool(text)}


def _calendar(request: HttpRequest, view: str, now: datetime) -> Context:
    zone = ZoneInfo(person(request).time_zone)
    at = _day(request.GET.get("at", ""), now.astimezone(zone).date())
    found = silence_list.month(at, zone, now) if view == "month" else silence_list.week(at, zone, now)
    return {"calendar": found, "at": at, "zone": zone.key}


def _day(text: str, today: date) -> date:
    """2026-11 or 2026-11-20. BadRequest for what is neither."""
    found: date | None = None
    with suppress(ValueError):
        found = date.fromisoformat(f"{text}-01" if len(text) == 7 else text) if text else today
    if found is None or not 2000 <= found.year <= 2200:
        raise BadRequest(f"at is a month or a day, for example 2026-11 or 2026-11-20, not {text[:20]!r}.")
    return found
