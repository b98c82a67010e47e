"""Channels: how each is, its form out of what its kind declares, and trying it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from aiops import plugin_forms
from aiops.plugins import PluginError
from monitoring.inventory.merging import storable
from monitoring.notifications import editing, send
from monitoring.notifications.channels.base import Transport, channel_class, known_kinds
from monitoring.notifications.forms import ChannelForm
from monitoring.notifications.models import Channel, Delivery, Route
from monitoring.notifications.notice import NotSent
from monitoring.notifications.taking_away import taken_away

READ, WRITE = "monitoring:read", "notifications:write"
LATEST = 20
PILLS = {
    "ok": ("ok", "h-ok", "Works"),
    "waiting": ("clock", "h-unknown", "Not used yet"),
    "failing": ("degraded", "c-medium", "Failing"),
    "dead": ("down", "c-critical", "Dead"),
    "disabled": ("pause", "h-unknown", "Switched off"),
}


@dataclass
class Row:
    channel: Channel
    kind: type[Transport] | None  # None: the plugin is gone

    @classmethod
    def of(cls, channel: Channel) -> "Row":
        try:
            return cls(channel, channel_class(channel.kind))
        except PluginError:
            return cls(channel, None)

    @property
    def icon(self) -> str:
        return self.kind.icon if self.kind else "unknown"

    @property
    def label(self) -> str:
        return self.kind.label if self.kind else self.channel.kind

    @property
    def destination(self) -> str:
        return self.kind(self.channel.config, self.channel.secrets).destination if self.kind else ""

    @property
    def pill(self) -> dict[str, str]:
        icon, tone, label = PILLS[self.channel.status]
        return {"icon": icon, "tone": tone, "label": label}

    @property
    def fields(self) -> list[tuple[str, str, str]]:
        """As the form asked for them; secrets hidden."""
        return plugin_forms.shown(self.kind, self.channel.config, self.channel.secrets) if self.kind else []


def listed(request: HttpRequest) -> dict[str, Any]:
    rows = Channel.objects.annotate(contacts=Count("contact_methods", distinct=True), stepped=Count("steps", distinct=True))
    routes = Prefetch("routes", Route.objects.order_by("position", "id"))
    return {"live": True, "live_topics": "alerts", "rows": [Row.of(one) for one in rows.order_by("name").prefetch_related(routes)]}


@require_GET
@permission_required(READ)
def channel(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Channel.objects.prefetch_related("routes"), pk=pk)
    latest = Delivery.objects.filter(channel=found).select_related("message").order_by("-pk")[:LATEST]
    context = {"row": Row.of(found), "channel": found, "latest": latest, "may_write": can(request.user, WRITE)}
    return render(request, "monitoring/notifications/channel.html", context)


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def add(request: HttpRequest) -> HttpResponseBase:
    kind = request.GET.get("kind", "")
    if not kind:
        return render(request, "monitoring/notifications/channel_kinds.html", {"kinds": known_kinds()})
    return _form(request, Channel(kind=kind, time_zone=person(request).time_zone))


@require_http_methods(["GET", "POST"])
@permission_required(WRITE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _form(request, get_object_or_404(Channel, pk=pk))


def _form(request: HttpRequest, found: Channel) -> HttpResponse:
    before = editing.snapshot(found) if found.pk else None
    both = plugin_forms.RowForms(request, ChannelForm, found, channel_class)
    if not both.is_valid():
        return render(request, "monitoring/notifications/channel_form.html", both.context("channel"), status=both.status)
    editing.save_channel(found, person(request), before, secrets_changed=both.fill(storable))
    messages.success(request, f"{found} is {'saved' if before else 'added'}.")
    return redirect("notification-channel", found.pk)


@require_POST
@permission_required(WRITE)
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """test, enable, disable or delete."""
    found = get_object_or_404(Channel, pk=pk)
    if verb == "test":
        return _test(request, found)
    if verb == "delete":
        return _delete(request, found)
    before = editing.snapshot(found)
    found.enabled = verb == "enable"
    editing.save_channel(found, person(request), before)
    messages.success(request, f"{found} is switched {'on' if found.enabled else 'off'}.")
    return redirect("notification-channel", pk)


def _test(request: HttpRequest, found: Channel) -> HttpResponse:
    """Its answer, in place for htmx, as a message else."""
    try:
        answer = send.send_test(found, person(request))
        worked, said = True, answer.detail or f"answered {answer.status}"
    except NotSent as fault:
        worked, said = False, fault.message
    if request.headers.get("HX-Request") == "true":
        return render(request, "monitoring/notifications/_tested.html", {"worked": worked, "said": said, "channel": found})
    (messages.success if worked else messages.error)(request, f"{found}: {said}")
    return redirect("notification-channel", found.pk)


def _delete(request: HttpRequest, found: Channel) -> HttpResponse:
    pk = found.pk
    return redirect("notifications") if taken_away(request, found) else redirect("notification-channel", pk)
