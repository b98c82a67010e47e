"""Pages of the sources: a list, one source, its form, and what an operator may do to it."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import can, permission_required
from aiops.plugins import PluginError
from monitoring.sources import editing, tasks
from monitoring.sources.models import Source
from monitoring.sources.pollers.base import poller_class
from monitoring.sources.rows import Outcome, Row, counts

PER_PAGE = 100
READ, WRITE = "monitoring:read", "monitoring:write"
BUSY = "It is being polled at this moment."


@require_GET
@permission_required(READ)
def sources(request: HttpRequest) -> HttpResponse:
    rows = [Row(source, source.reporting) for source in Source.objects.annotate(reporting=Count("resources"))]
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


def _page(rows: list[Any], request: HttpRequest) -> Page[Any]:
    return Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))


@require_GET
@permission_required(READ)
def source(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Source.objects.annotate(reporting=Count("resources")), pk=pk)
    row = Row(found, found.reporting)  # type: ignore[attr-defined]
    outcomes: list[Outcome] = row.outcomes[::-1]
    resources = found.resources.order_by("kind", "name").only("id", "kind", "name", "state", "health", "last_seen")
    context = {
        "row": row,
        "source": found,
        "outcomes": outcomes,
        "durations": [outcome.duration_ms for outcome in row.outcomes],
        "config": editing.shown_config(found),
        "resources": _page(list(resources), request),
        "may_write": can(request.user, WRITE),
        "live": True,
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "monitoring/sources/_detail.html" if part else "monitoring/sources/detail.html", context)


@require_POST
@permission_required(WRITE)
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """enable, disable, poll, reset; then back to where the button was."""
    found = get_object_or_404(Source, pk=pk)
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


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = get_object_or_404(Source, pk=pk)
    return _form(request, found, found.kind)


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def add(request: HttpRequest) -> HttpResponseBase:
    kinds = [(kind, label, poller_class(kind).icon) for kind, label in editing.kinds()]
    kind = request.GET.get("kind") or (kinds[0][0] if len(kinds) == 1 else "")
    if not kind:
        return render(request, "monitoring/sources/kinds.html", {"kinds": kinds})
    if kind not in dict(editing.kinds()):
        raise Http404(f"There is no source of kind {kind[:32]}.")
    poller = poller_class(kind)
    return _form(request, Source(kind=kind, interval=poller.usual_interval, timeout=poller.usual_timeout), kind)


def _form(request: HttpRequest, found: Source, kind: str) -> HttpResponse:
    before = editing.snapshot(found) if found.pk else None
    data = request.POST if request.method == "POST" else None
    form = editing.SourceForm(data, instance=found)
    try:
        config = editing.config_form(kind, found if found.pk else None, data)
    except PluginError as fault:
        raise Http404(fault.message) from None
    if data is not None and form.is_valid() and config.is_valid():
        return _saved(request, form.save(commit=False), before, config)
    context = {
        "form": editing.dress(form),
        "config_form": editing.dress(config),
        "source": found if found.pk else None,
        "kind_label": found.kind_label,
        "kind": kind,
    }
    return render(request, "monitoring/sources/form.html", context, status=422 if data is not None else 200)


def _saved(request: HttpRequest, changed: Source, before: dict[str, Any] | None, config: Any) -> HttpResponse:
    stored = dict(changed.secrets)
    changed.config, changed.secrets = editing.split(poller_class(changed.kind), config, changed if changed.pk else None)
    with transaction.atomic():
        editing.save(changed, before, secrets_changed=changed.secrets != stored)
    messages.success(request, f"{changed} is {'saved' if before else 'added'} and due now.")
    return redirect(changed.get_absolute_url())
