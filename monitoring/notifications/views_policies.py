"""Escalation policies and their steps."""

from typing import Any

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from aiops.plugin_forms import dress
from monitoring.notifications import editing, schedule
from monitoring.notifications.forms import PolicyForm, rows_of, step_forms
from monitoring.notifications.models import EscalationPolicy, EscalationStep, Route, Schedule
from monitoring.notifications.taking_away import taken_away

WRITE = "notifications:write"
BACK = "/notifications/?tab=escalations"


def listed(request: HttpRequest) -> dict[str, Any]:
    steps = EscalationStep.objects.select_related("user", "schedule", "channel").order_by("position", "id")
    routes = Prefetch("routes", Route.objects.order_by("position", "id"))
    rows = EscalationPolicy.objects.order_by("name").prefetch_related(Prefetch("steps", steps), routes)
    now = timezone.now()
    on_call = {one.pk: schedule.now_and_next(one, now).user for one in Schedule.objects.prefetch_related("layers", "overrides")}
    return {"policies": rows, "on_call": on_call}


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def add(request: HttpRequest) -> HttpResponseBase:
    return _form(request, EscalationPolicy())


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _form(request, get_object_or_404(EscalationPolicy, pk=pk))


def _form(request: HttpRequest, found: EscalationPolicy) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    name = found.name
    before = editing.snapshot(found) if found.pk else None
    steps = list(found.steps.order_by("position", "id")) if found.pk else []
    form, rows = PolicyForm(data, instance=found), step_forms(data, steps)
    if data is not None and form.is_valid() & rows.is_valid():
        editing.save(found, person(request), before, steps=rows_of(rows))
        messages.success(request, f"{found} is {'saved' if before else 'added'}.")
        return redirect(BACK)
    context = {"form": dress(form), "rows": rows, "policy": found if found.pk else None, "name": name}
    return render(request, "monitoring/notifications/policy_form.html", context, status=422 if data is not None else 200)


@require_POST
@permission_required(WRITE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    taken_away(request, get_object_or_404(EscalationPolicy, pk=pk))
    return redirect(BACK)
