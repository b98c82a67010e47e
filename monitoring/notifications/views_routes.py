"""Routes in their order, their form, and the question who would hear of an alert."""

import re
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from aiops.plugin_forms import dress
from monitoring.alerts import silences
from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.silence_form import matcher
from monitoring.notifications import editing, heard, route
from monitoring.notifications.checks import LABEL, OPERATORS
from monitoring.notifications.forms import RouteForm
from monitoring.notifications.models import Route
from monitoring.notifications.taking_away import taken_away

READ, WRITE = "monitoring:read", "notifications:write"
STEP = 10  # between the positions of two routes
MOST_LABELS, LONGEST = 50, 1000
_SEPARATED = re.compile(r"[,\n]")


def listed(request: HttpRequest) -> dict[str, Any]:
    rows = list(Route.objects.select_related("policy").prefetch_related("channels").order_by("position", "id"))
    return {"routes": rows, "question": _question(request.GET), "severities": list(RANKS)}


# -- who would hear ----------------------------------------------------------------------------------------------------------
@require_GET
@permission_required(READ)
def who_would_hear(request: HttpRequest) -> HttpResponse:
    """A fragment. Of an alert (?alert=7), of labels as they are (?alertname=Down&severity=high) or as one text (?labels=…), at ?at=."""
    labels = _labels(request.GET)
    at = _moment(request.GET.get("at", ""))
    severity = labels.pop("severity", "medium")
    if severity not in RANKS:
        raise BadRequest(f"severity is one of {', '.join(RANKS)}.")
    context = {
        "heard": _merged(heard.who_would_hear(labels, severity, at)),
        "severity": severity,
        "at": at,
        "asked": bool(labels),
        "silenced": silences.matching({**labels, "severity": severity}, at or timezone.now()),
    }
    return render(request, "monitoring/notifications/_heard.html", context)


def _merged(found: list[heard.Heard]) -> list[dict[str, Any]]:
    """One line for a person who is told in several ways at once."""
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in found:
        key = (one.delay, one.user_id, one.who, one.step, one.route) if one.user_id else (one,)
        lines.setdefault(key, {**one._asdict(), "ways": []})["ways"].append(one.way)
    return list(lines.values())


def _question(given: QueryDict) -> dict[str, str]:
    return {name: given.get(name, "")[:LONGEST] for name in ("labels", "alert", "at")}


def _labels(given: QueryDict) -> dict[str, str]:
    if number := given.get("alert", "").strip():
        if not number.isdecimal() or len(number) > 18:
            raise BadRequest("alert is the number of an alert.")
        return route.subject(get_object_or_404(Alert, pk=int(number)))
    found = {name: str(value) for name, value in given.items() if name not in ("labels", "alert", "at") and LABEL.fullmatch(name)}
    for part in filter(str.strip, _SEPARATED.split(given.get("labels", ""))):
        one = matcher(part)
        if one is None or one[1] != "=":
            raise BadRequest(f'{part.strip()[:60]} is no label; write for example alertname="Disk full", severity="high".')
        found[one[0]] = one[2]
    if len(found) > MOST_LABELS or any(len(value) > LONGEST or "\0" in value for value in found.values()):
        raise BadRequest(f"At most {MOST_LABELS} labels of {LONGEST:,} characters.")
    return found


def _moment(text: str) -> datetime | None:
    """By the reader's clock."""
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year <= 2200:
        raise BadRequest("at is a time, for example 2026-11-20T14:30.")
    return found if found.tzinfo else timezone.make_aware(found)


# -- changing ----------------------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def add(request: HttpRequest) -> HttpResponseBase:
    return _form(request, Route(position=_place(), group_by=["alertname"], time_zone=person(request).time_zone))


def _place() -> int:
    """Before a last route that takes everything, else at the end."""
    last = Route.objects.order_by("position", "id").last()
    if last is None:
        return STEP
    return last.position if not last.matchers else last.position + STEP


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _form(request, get_object_or_404(Route, pk=pk))


def _form(request: HttpRequest, found: Route) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    name = found.name
    before = editing.snapshot(found) if found.pk else None
    form = RouteForm(data, instance=found)
    if data is not None and form.is_valid():
        with transaction.atomic():
            editing.save(found, person(request), before, channels=form.cleaned_data["channels"])
            if before is None:
                _make_room(found)
        messages.success(request, f"{found} is {'saved' if before else 'added'}.")
        return redirect("/notifications/?tab=routes")
    context = {
        "form": dress(form), "route": found if found.pk else None, "name": name, "operators": OPERATORS,
        "rows": form.matchers or [("", "=", "")],
    }  # fmt: skip
    return render(request, "monitoring/notifications/route_form.html", context, status=422 if data is not None else 200)


def _make_room(added: Route) -> None:
    """It stands before what has its position already."""
    rows = list(Route.objects.exclude(pk=added.pk).order_by("position", "id"))
    place = next((number for number, one in enumerate(rows) if one.position >= added.position), len(rows))
    _number([*rows[:place], added, *rows[place:]])


def _number(rows: list[Route]) -> None:
    for number, one in enumerate(rows, 1):
        Route.objects.filter(pk=one.pk).exclude(position=number * STEP).update(position=number * STEP)


@require_POST
@permission_required(WRITE)
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """up, down, enable, disable or delete."""
    found = get_object_or_404(Route, pk=pk)
    if verb == "delete":
        taken_away(request, found)
    elif verb in ("up", "down"):
        _move(found, -1 if verb == "up" else 1, request)
    else:
        before = editing.snapshot(found)
        found.enabled = verb == "enable"
        editing.save(found, person(request), before)
        messages.success(request, f"{found} is switched {'on' if found.enabled else 'off'}.")
    return redirect("/notifications/?tab=routes")


def _move(found: Route, by: int, request: HttpRequest) -> None:
    with transaction.atomic():
        rows = list(Route.objects.order_by("position", "id"))
        place = next(number for number, one in enumerate(rows) if one.pk == found.pk)
        if not 0 <= place + by < len(rows):
            return
        rows.insert(place + by, rows.pop(place))
        before = editing.snapshot(found)
        _number(rows)
        found.refresh_from_db()
        editing.save(found, person(request), before)
