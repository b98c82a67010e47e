"""The systems that are acted through: how each is, its form out of what its kind declares, trying it, and its kill switch."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import can, permission_required
from aiops import plugin_forms
from aiops.plugins import PluginError
from monitoring.inventory.merging import storable
from remediation import case_rails, case_rows, case_words, provider_editing
from remediation.case_words import Sign
from remediation.models import KillSwitch, Provider, Step
from remediation.providers.base import ActionProvider, Verb, known_kinds, provider_class

READ, EXECUTE, APPROVE, CONFIGURE = "monitoring:read", "remediation:execute", "remediation:approve", "remediation:configure"
LATEST = 10


class ProviderForm(forms.ModelForm):
    class Meta:
        model = Provider
        fields = ("name", "enabled")


@dataclass
class Row:
    provider: Provider
    kind: type[ActionProvider] | None  # None: the plugin is gone
    switch: KillSwitch | None = None

    @classmethod
    def of(cls, provider: Provider, switches: dict[int, KillSwitch]) -> "Row":
        try:
            return cls(provider, provider_class(provider.kind), switches.get(provider.pk))
        except PluginError:
            return cls(provider, None, switches.get(provider.pk))

    @property
    def icon(self) -> str:
        return self.kind.icon if self.kind else "unknown"

    @property
    def label(self) -> str:
        return self.kind.label if self.kind else self.provider.kind

    @property
    def verbs(self) -> list[Verb]:
        return list(self.kind.verbs.values()) if self.kind else []

    @property
    def pill(self) -> Sign:
        return Sign("Stopped", "stop", "c-critical") if self.switch else case_words.HEALTH[self.provider.health]

    @property
    def fields(self) -> list[tuple[str, str, str]]:
        """As the form asked for them; secrets hidden."""
        return plugin_forms.shown(self.kind, self.provider.config, self.provider.secrets) if self.kind else []


def _may(request: HttpRequest) -> dict[str, bool]:
    return {
        "may_execute": can(request.user, EXECUTE), "may_approve": can(request.user, APPROVE), "may_configure": can(request.user, CONFIGURE),
    }  # fmt: skip


@require_GET
@permission_required(READ)
def listing(request: HttpRequest) -> HttpResponse:
    switches = case_rails.stopped_providers()
    now = Count("steps", filter=Q(steps__state__in=(Step.State.STARTING, Step.State.RUNNING)))
    rows = [Row.of(one, switches) for one in Provider.objects.annotate(under_way=now).order_by("name")]
    context = {"rows": rows, "rails": case_rails.rails(), "live": True, "live_topics": "executions", **_may(request)}
    return render(request, "remediation/providers/providers.html", context)


@require_GET
@permission_required(READ)
def provider(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Provider, pk=pk)
    used = Step.objects.filter(provider=found).order_by("-execution").values_list("execution", flat=True).distinct()[:LATEST]
    latest = case_rows.rows(case_rows.listed().filter(pk__in=list(used)).order_by("-pk"))
    context = {"row": Row.of(found, case_rails.stopped_providers()), "provider": found, "latest": latest, **_may(request)}
    return render(request, "remediation/providers/provider.html", context)


@require_http_methods(["GET", "POST"])
@permission_required(CONFIGURE)
def add(request: HttpRequest) -> HttpResponseBase:
    kind = request.GET.get("kind", "")
    if not kind:
        return render(request, "remediation/providers/kinds.html", {"kinds": known_kinds()})
    return _form(request, Provider(kind=kind))


@require_http_methods(["GET", "POST"])
@permission_required(CONFIGURE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _form(request, get_object_or_404(Provider, pk=pk))


def _form(request: HttpRequest, found: Provider) -> HttpResponse:
    before = provider_editing.snapshot(found) if found.pk else None
    both = plugin_forms.RowForms(request, ProviderForm, found, provider_class)
    if not both.is_valid():
        return render(request, "remediation/providers/form.html", both.context("provider"), status=both.status)
    provider_editing.save(found, person(request), before, secrets_changed=both.fill(storable))
    messages.success(request, f"{found} is {'saved' if before else 'added'}.")
    return redirect("provider", found.pk)


@require_POST
@permission_required(EXECUTE)
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """What the system answers, in place for htmx, as a message else."""
    found = get_object_or_404(Provider, pk=pk)
    worked, said = provider_editing.check(found, person(request))
    if request.headers.get("HX-Request") == "true":
        return render(request, "remediation/providers/_checked.html", {"worked": worked, "said": said, "provider": found})
    (messages.success if worked else messages.error)(request, f"{found}: {said}")
    return redirect("provider", pk)


@require_POST
@permission_required(CONFIGURE)
def turn(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """enable, disable."""
    found = get_object_or_404(Provider, pk=pk)
    before = provider_editing.snapshot(found)
    found.enabled = verb == "enable"
    provider_editing.save(found, person(request), before)
    messages.success(request, f"{found} is switched {'on' if found.enabled else 'off'}.")
    return redirect("provider", pk)


@require_POST
@permission_required(CONFIGURE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Provider, pk=pk)
    try:
        provider_editing.delete(found, person(request))
    except provider_editing.InUse as fault:
        messages.error(request, str(fault))
        return redirect("provider", pk)
    messages.success(request, f"{found} is deleted.")
    return redirect("providers")
