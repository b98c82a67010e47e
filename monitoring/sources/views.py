"""Pages of the sources: a list, one source, its form, and what an operator may do to it."""

from functools import reduce
from operator import or_
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.permissions import can, permission_required
from monitoring.inventory.models import Resource
from monitoring.sources import editing, push, targets, tasks
from monitoring.sources.models import Source
from monitoring.sources.rows import Outcome, Row, counts, rows_of

PER_PAGE, TARGETS_PER_PAGE = 100, 50
READ, WRITE = "monitoring:read", "monitoring:write"
BUSY = "It is being polled at this moment."


@require_GET
@permission_required(READ)
def sources(request: HttpRequest) -> HttpResponse:
    rows = rows_of(Source.objects.annotate(reporting=Count("resources")))
    found = _found(rows, request.GET.get("q", ""), request.GET.getlist("status"), request.GET.get("kind", ""))
    context = {
        "page": _page(found, request),
        "rows": rows,
        "statuses": counts(rows),
        "picked": request.GET.getlist("status"),
        "q": request.GET.get("q", ""),
        "may_write": can(request.user, WRITE),
        "live": True,
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "monitoring/sources/_list.html" if part else "monitoring/sources/list.html", context)


def _found(rows: list[Row], text: str, statuses: list[str], kind: str) -> list[Row]:
    text = text.strip().lower()
    found = [row for row in rows if not text or text in f"{row.source.name} {row.source.kind_label} {row.source.last_error}".lower()]
    found = [row for row in found if (not statuses or row.status in statuses) and (not kind or row.source.kind == kind)]
    return sorted(found, key=lambda row: row.sort_key)


def _page(rows: Any, request: HttpRequest, per_page: int = PER_PAGE) -> Page[Any]:
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


@require_GET
@permission_required(READ)
def source(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Source.objects.annotate(reporting=Count("resources")), pk=pk)
    (row,) = rows_of([found])
    row.resources = _reported(found).count()
    outcomes: list[Outcome] = row.outcomes[::-1]
    tab = "targets" if row.targets and request.GET.get("tab") != "resources" else "resources"
    context = {
        "row": row,
        "source": found,
        "outcomes": outcomes,
        "durations": [outcome.duration_ms for outcome in row.outcomes],
        "deliveries": [outcome.samples for outcome in row.outcomes],
        "config": [] if found.pushed else editing.shown_config(found),
        "delivered": push.delivered(found) if found.pushed else None,
        "tab": tab,
        "tabs": [
            {"key": "targets", "label": "Targets", "count": row.targets},
            {"key": "resources", "label": "Resources", "count": row.resources},
        ],
        **(_targets(found, request) if tab == "targets" else _resources(found, request)),
        "may_write": can(request.user, WRITE),
        "live": True,
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "monitoring/sources/_detail.html" if part else "monitoring/sources/detail.html", context)


def _targets(found: Source, request: HttpRequest) -> dict[str, Any]:
    """Who does not answer comes first."""
    picked = [state for state in request.GET.getlist("target") if state in targets.STATES]
    rows = found.targets.order_by(F("up").asc(nulls_last=True), "address")
    if picked:
        rows = rows.filter(reduce(or_, (Q(up=targets.STATES[state]) for state in picked)))
    return {"targets": _page(rows, request, TARGETS_PER_PAGE), "target_counts": targets.counts(found), "picked_targets": picked}


def _resources(found: Source, request: HttpRequest) -> dict[str, Any]:
    rows = _reported(found).order_by("kind", "name").only("id", "kind", "name", "state", "health", "last_seen")
    return {"resources": _page(rows, request)}


def _reported(found: Source) -> QuerySet[Resource]:
    """What it has said something about; another source may have spoken of the same since."""
    return Resource.objects.filter(said__has_key=str(found.pk))


@require_POST
@permission_required(WRITE)
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """enable, disable, poll, reset; then back to where the button was."""
    found = get_object_or_404(Source, pk=pk)
    if found.pushed:
        messages.warning(request, f"{found} sends of its own accord: it is neither polled nor switched here. Revoke its token to end it.")
        return redirect(found.get_absolute_url())
    with transaction.atomic():
        said = ACTIONS[verb](found)
    (messages.success if said[0] else messages.warning)(request, said[1])
    return redirect("sources" if request.POST.get("back") == "list" else found.get_absolute_url())


def _enable(found: Source) -> tuple[bool, str]:
    return (True, f"{found} is enabled and due now.") if editing.switch(found, True) else (False, f"{found} is enabled already.")


def _disable(found: Source) -> tuple[bool, str]:
    return (True, f"{found} is disabled.") if editing.switch(found, False) else (False, f"{found} is disabled already.")


def _reset(found: Source) -> tuple[bool, str]:
    editing.reset(found)
    return True, f"The circuit of {found} is closed, it is due now."


def _poll(found: Source) -> tuple[bool, str]:
    lease = editing.poll_now(found)
    if not lease:
        return False, f"{found} is disabled and not polled." if not found.enabled else f"{found}: {BUSY}"
    transaction.on_commit(lambda: tasks.hand_over([found.pk], lease))
    return True, f"{found} is being polled."


ACTIONS = {"enable": _enable, "disable": _disable, "reset": _reset, "poll": _poll}
