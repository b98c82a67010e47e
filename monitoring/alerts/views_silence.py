"""One silence: made, seen, changed, extended, ended."""

import zoneinfo
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.models import AuditEntry
from accounts.permissions import can, permission_required
from monitoring.alerts import silence_list, silence_words, silences, silencing
from monitoring.alerts.checks import OPERATORS, check_matchers
from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.silence_form import PRESETS, SilenceForm
from monitoring.alerts.views_rules import READ
from monitoring.alerts.views_silences import WRITE

LISTED, NEXT = 20, 5
LABELS = ("alertname", "severity", "source", "instance", "job", "host", "service", "team")
Context = dict[str, Any]


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def new(request: HttpRequest) -> HttpResponseBase:
    zone = person(request).time_zone
    if request.method == "GET":
        copied = request.GET.get("copy", "")
        form = SilenceForm.of(_of(copied), again=True) if copied else SilenceForm.asked(request.GET, zone)
        return _form(request, form, None)
    form = SilenceForm.typed(request.POST, zone)
    made = form.silence()
    if form.faults:
        return _form(request, form, None, status=422)
    silencing.create(made, person(request))
    messages.success(request, f"{_kind(made)} is made.")
    return redirect("silence", made.pk)


def _of(text: str) -> Silence:
    if not text.isdecimal() or len(text) > 18:
        raise BadRequest("copy is the number of a silence.")
    return get_object_or_404(Silence, pk=int(text))


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = get_object_or_404(Silence, pk=pk)
    if silence_list.row_of(found, timezone.now()).state == "past":
        raise BadRequest("It is over; make it again as a new one.")
    if request.method == "GET":
        return _form(request, SilenceForm.of(found), found)
    form = SilenceForm.typed(request.POST, found.time_zone)
    made = form.silence()
    if form.faults:
        return _form(request, form, found, status=422)
    given = {name: getattr(made, name) for name in ("kind", "matchers", "reason", "starts_at", "ends_at", "rrule", "time_zone")}
    if not silencing.change(found, given, person(request)):
        raise BadRequest("It is over; make it again as a new one.")
    messages.success(request, f"{_kind(found)} is changed.")
    return redirect("silence", found.pk)


def _kind(silence: Silence) -> str:
    return "The maintenance window" if silence.kind == Silence.Kind.MAINTENANCE else "The silence"


def _form(request: HttpRequest, form: SilenceForm, found: Silence | None, status: int = 200) -> HttpResponse:
    context = {
        "form": form, "faults": form.by_field(), "silence": found, "presets": PRESETS, "operators": OPERATORS, "labels": LABELS,
        "repeats": silence_words.REPEATS, "days": silence_words.DAYS, "monthly": silence_words.MONTHLY,
        "zones": sorted(zoneinfo.available_timezones()), "rows": form.matchers or [("alertname", "=", "")],
    }  # fmt: skip
    return render(request, "monitoring/alerts/silence_form.html", context, status=status)


@require_POST
@permission_required(READ)
def preview(request: HttpRequest) -> HttpResponse:
    """What a silence as typed would hide now, and its next windows."""
    form = SilenceForm.typed(request.POST, person(request).time_zone)
    made, now = form.silence(), timezone.now()
    context: Context = {"faults": form.faults, "silence": made}
    if not check_matchers(made.matchers):
        context |= _hides(made)
    if not any(one.field not in ("matchers", "reason", "kind") for one in form.faults):
        context |= {"windows": _next(made, now), "words": silence_words.words(made)}
    return render(request, "monitoring/alerts/_silence_preview.html", context)


def _next(made: Silence, now: datetime) -> list[silences.Occurrence]:
    since = max(now, made.starts_at)
    return silences.occurrences(made, since, since + timedelta(days=800), most=NEXT)


def _hides(made: Silence) -> Context:
    found = silences.preview(silences.matchers_of(made))
    rows = Alert.objects.filter(pk__in=found.alert_ids[:LISTED]).select_related("resource").defer("evidence").order_by("-fired_at", "id")
    return {"found": found, "alerts": list(rows), "more": max(0, found.firing - LISTED)}


@require_GET
@permission_required(READ)
def silence(request: HttpRequest, pk: int) -> HttpResponse:
    found, now = get_object_or_404(Silence.objects.select_related("created_by"), pk=pk), timezone.now()
    row = silence_list.row_of(found, now)
    context = {
        "silence": found, "row": row, "hidden": silence_list.hidden_by(found), "may_write": can(request.user, WRITE),
        "windows": _next(found, now), "may_audit": can(request.user, "audit:read"),
        "entries": AuditEntry.objects.filter(object_type="monitoring.silence", object_id=str(pk)).order_by("-id")[:LISTED],
        "extensions": [] if found.rrule or row.state == "past" else ["1h", "4h", "tomorrow"], "presets": PRESETS, "live": True,
        "live_topics": "alerts",
    }  # fmt: skip
    return render(request, "monitoring/alerts/silence.html", context)


@require_POST
@permission_required(WRITE)
def end(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Silence, pk=pk)
    if not silencing.end(found, person(request)):
        raise BadRequest("It is over already.")
    messages.success(request, f"{_kind(found)} is ended; what still fires is told of.")
    return redirect("silence", pk)


@require_POST
@permission_required(WRITE)
def extend(request: HttpRequest, pk: int) -> HttpResponse:
    """By 1h or 4h, or until tomorrow 09:00 where the person is."""
    found, preset, me = get_object_or_404(Silence, pk=pk), request.POST.get("preset", ""), person(request)
    if found.rrule:
        raise BadRequest("A recurring one is edited, not extended.")
    until = _later(found, preset, me.time_zone)
    if not silencing.extend(found, until, me):
        raise BadRequest("It is over already, or ends later than that anyway.")
    messages.success(request, f"{_kind(found)} ends {timezone.localtime(until):%-d %b %H:%M}.")
    return redirect("silence", pk)


def _later(found: Silence, preset: str, zone: str) -> datetime:
    try:
        return silences.until(preset, timezone.now() if preset == "tomorrow" else found.ends_at, zone)
    except ValueError as fault:
        raise BadRequest(f"{fault}.") from None
