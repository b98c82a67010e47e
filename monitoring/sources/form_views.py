"""Adding and changing a source, and trying it before."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.permissions import permission_required
from aiops.plugins import PluginError
from monitoring.sources import doors, editing
from monitoring.sources.models import Source
from monitoring.sources.pollers.base import Poller, poller_class
from monitoring.sources.probe import probe

WRITE = "monitoring:write"


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = get_object_or_404(Source, pk=pk)
    return _form(request, found, found.kind)


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def add(request: HttpRequest) -> HttpResponseBase:
    kind = request.GET.get("kind") or ""
    if not kind:
        kinds = [{"kind": kind, "label": one.label, "icon": one.icon, "about": one.about} for kind, one in _pollers()]
        return render(request, "monitoring/sources/kinds.html", {"kinds": kinds, "doors": _doors()})
    if kind in _doors():
        return render(
            request, "monitoring/sources/door.html", {"door": doors.of(kind), "snippets": doors.snippets(kind, _address(request))}
        )
    if kind not in dict(editing.kinds()):
        raise Http404(f"There is no source of kind {kind[:32]}.")
    poller = poller_class(kind)
    return _form(request, Source(kind=kind, interval=poller.usual_interval, timeout=poller.usual_timeout), kind)


def _pollers() -> list[tuple[str, type[Poller]]]:
    return [(kind, poller_class(kind)) for kind, _label in editing.kinds()]


def _doors() -> dict[str, doors.Door]:
    return {f"{doors.PUSHED}{name}": door for name, door in doors.DOORS.items()}


def _address(request: HttpRequest) -> str:
    """Where senders reach this installation."""
    return settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")


def _form(request: HttpRequest, found: Source, kind: str) -> HttpResponse:
    before = editing.snapshot(found) if found.pk else None
    data = request.POST if request.method == "POST" else None
    form = editing.source_form(found, data)
    try:
        config = editing.config_form(kind, found if found.pk else None, data)
    except PluginError as fault:
        raise Http404(fault.message) from None
    valid = data is not None and form.is_valid() & config.is_valid()
    trying = data is not None and "test" in data
    if valid and not trying:
        return _saved(request, form.save(commit=False), before, config)
    context = {
        "form": editing.dress(form),
        "config_form": editing.dress(config),
        "source": found if found.pk else None,
        "kind_label": found.kind_label,
        "kind": kind,
        "pushed": found.pushed,
        "probed": _probed(found, form, config) if valid else None,
        "trying": trying,
    }
    part = trying and request.headers.get("HX-Request") == "true"
    template = "monitoring/sources/_probed.html" if part else "monitoring/sources/form.html"
    return render(request, template, context, status=422 if data is not None and not valid and not part else 200)


def _probed(found: Source, form: Any, config: Any) -> Any:
    """With the secrets that are stored, where none were given."""
    given, secrets = editing.split(poller_class(found.kind), config, found if found.pk else None)
    return probe(found.kind, given, secrets, form.cleaned_data["interval"], form.cleaned_data["timeout"])


def _saved(request: HttpRequest, changed: Source, before: dict[str, Any] | None, config: Any) -> HttpResponse:
    stored = dict(changed.secrets)
    if not changed.pushed:
        changed.config, changed.secrets = editing.split(poller_class(changed.kind), config, changed if changed.pk else None)
    with transaction.atomic():
        editing.save(changed, before, secrets_changed=changed.secrets != stored)
    messages.success(request, f"{changed} is {'saved' if before else 'added'}{'' if changed.pushed else ' and due now'}.")
    return redirect(changed.get_absolute_url())
