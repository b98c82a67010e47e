"""On-call schedules: who is on call when, where nobody is, who stands in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from aiops.plugin_forms import dress
from monitoring.notifications import editing
from monitoring.notifications.calendar import calendar, monday
from monitoring.notifications.forms import OverrideForm, ScheduleForm, layer_forms, rows_of
from monitoring.notifications.models import Schedule, ScheduleLayer, ScheduleOverride
from monitoring.notifications.taking_away import taken_away

READ, WRITE = "monitoring:read", "notifications:write"
BACK = "/notifications/?tab=schedule"


def listed(request: HttpRequest) -> dict[str, Any]:
    now, me = timezone.now(), person(request)
    zone = ZoneInfo(me.time_zone)
    start = monday(_day(request.GET.get("from", ""), now.astimezone(zone).date()))
    rows = Schedule.objects.order_by("name").prefetch_related("layers", "overrides__user")
    return {
        "calendars": [calendar(one, start, zone, now) for one in rows],
        "now": now,
        "zone": zone.key,
        "override_form": dress(OverrideForm(auto_id=False)),
    }


def _day(text: str, today: date) -> date:
    try:
        found = date.fromisoformat(text) if text else today
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year <= 2200:
        raise BadRequest(f"from is a day, for example 2026-11-20, not {text[:20]!r}.")
    return found


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def add(request: HttpRequest) -> HttpResponseBase:
    return _form(request, Schedule(time_zone=person(request).time_zone))


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _form(request, get_object_or_404(Schedule, pk=pk))


def _form(request: HttpRequest, found: Schedule) -> HttpResponse:
    """Times of layers are typed and shown by the schedule's clock."""
    data = request.POST if request.method == "POST" else None
    name, zone = found.name, found.time_zone
    before = editing.snapshot(found) if found.pk else None
    layers = list(found.layers.order_by("position", "id")) if found.pk else []
    form = ScheduleForm(data, instance=found)
    valid = data is not None and form.is_valid()
    if valid:
        zone = form.cleaned_data["time_zone"]
    with _by_clock(zone):
        rows = layer_forms(data, layers or ([] if data is not None else [ScheduleLayer(starts_at=_next_nine(zone))]))
        if valid and rows.is_valid():
            editing.save(found, person(request), before, layers=rows_of(rows))
            messages.success(request, f"{found} is {'saved' if before else 'added'}.")
            return redirect(BACK)
        context = {"form": dress(form), "rows": rows, "schedule": found if found.pk else None, "name": name}
        return render(request, "monitoring/notifications/schedule_form.html", context, status=422 if data is not None else 200)


def _next_nine(zone: str) -> Any:
    """Today at nine, where the schedule is."""
    return timezone.now().astimezone(ZoneInfo(zone)).replace(hour=9, minute=0, second=0, microsecond=0)


@contextmanager
def _by_clock(zone: str) -> Iterator[None]:
    with timezone.override(ZoneInfo(zone)):
        yield


@require_POST
@permission_required(WRITE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    taken_away(request, get_object_or_404(Schedule, pk=pk))
    return redirect(BACK)


@require_POST
@permission_required(WRITE)
def override(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody stands in; times by the reader's clock."""
    found = get_object_or_404(Schedule, pk=pk)
    form = OverrideForm(request.POST, instance=ScheduleOverride(schedule=found, created_by=person(request).name))
    if form.is_valid():
        editing.save(form.save(commit=False), person(request))
        messages.success(request, f"{form.instance.user} stands in.")
    else:
        field, faults = next(iter(form.errors.items()))
        label = form.fields[field].label if field in form.fields else ""
        messages.error(request, f"{label}: {faults[0]}" if label else str(faults[0]))
    return redirect(BACK)


@require_POST
@permission_required(WRITE)
def end_override(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(ScheduleOverride.objects.select_related("user", "schedule"), pk=pk)
    editing.delete(found, person(request))
    messages.success(request, f"{found.user} does not stand in any more.")
    return redirect(BACK)
