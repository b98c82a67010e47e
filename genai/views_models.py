"""The models that may be asked, in their order: how each is, its form out of what its kind declares, trying it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.permissions import permission_required
from aiops import plugin_forms
from aiops.plugins import PluginError
from genai import chain, model_editing
from genai.call_words import HEALTH, OUTCOMES, Sign
from genai.models import Completion, ModelProvider
from genai.providers.base import LanguageModel, known_kinds, provider_class
from monitoring.inventory.merging import storable

CONFIGURE, LATEST = "genai:configure", 10


class ModelForm(forms.ModelForm):
    class Meta:
        model = ModelProvider
        fields = ("name", "model", "enabled", "price_in", "price_out")
        labels = {"enabled": "Ask it", "price_in": "Dollars per million tokens read", "price_out": "Dollars per million tokens written"}
        help_texts = {
            "model": "As the system names it, for example llama-3.3-70b-versatile.",
            "price_in": "0 for a model of your own. Costs and budgets in dollars follow from these two.",
        }

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        for name in ("price_in", "price_out"):
            self.fields[name].min_value = 0  # type: ignore[attr-defined]
            self.fields[name].widget.attrs["min"] = 0

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        for name in ("price_in", "price_out"):
            if (given.get(name) or 0) < 0:
                self.add_error(name, "Write 0 or more.")
        return given


@dataclass
class Row:
    provider: ModelProvider
    kind: type[LanguageModel] | None  # None: the plugin is gone
    circuit: str = "closed"
    calls: int = 0
    tokens: int = 0
    cost: Any = 0

    @property
    def icon(self) -> str:
        return self.kind.icon if self.kind else "unknown"

    @property
    def label(self) -> str:
        return self.kind.label if self.kind else self.provider.kind

    @property
    def local(self) -> bool:
        return bool(self.kind and self.kind.local)

    @property
    def pill(self) -> Sign:
        if self.circuit == "open" and self.provider.enabled:
            return Sign("Left alone", "pause", "c-medium")
        return HEALTH[self.provider.health]

    @property
    def fields(self) -> list[tuple[str, str, str]]:
        """As the form asked for them; secrets hidden."""
        return plugin_forms.shown(self.kind, self.provider.config, self.provider.secrets) if self.kind else []


def _rows() -> list[Row]:
    calls = Completion.objects.filter(started_at__gte=timezone.now() - timedelta(days=1)).order_by().values("provider")
    used = {
        one["provider"]: one
        for one in calls.annotate(calls=Count("pk"), read=Sum("tokens_in"), written=Sum("tokens_out"), spent=Sum("cost"))
    }
    circuits = chain.health()
    return [_row(one, used.get(one.pk), circuits.get(one.name, "closed")) for one in ModelProvider.objects.all()]


def _row(provider: ModelProvider, used: Mapping[str, Any] | None, circuit: str) -> Row:
    if used is None:
        return Row(provider, _kind(provider), circuit)
    return Row(provider, _kind(provider), circuit, used["calls"], used["read"] + used["written"], used["spent"])


def _kind(provider: ModelProvider) -> type[LanguageModel] | None:
    try:
        return provider_class(provider.kind)
    except PluginError:
        return None


@require_GET
@permission_required(CONFIGURE)
def listing(request: HttpRequest) -> HttpResponse:
    return render(request, "genai/door/models.html", {"rows": _rows(), "kinds": known_kinds()})


@require_GET
@permission_required(CONFIGURE)
def model(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(ModelProvider, pk=pk)
    row = next(one for one in _rows() if one.provider.pk == pk)
    latest = list(Completion.objects.filter(provider=found).select_related("user").defer("prompt", "answer")[:LATEST])
    return render(request, "genai/door/model.html", {"row": row, "provider": found, "latest": latest, "outcomes": OUTCOMES})


@require_http_methods(["GET", "POST"])
@permission_required(CONFIGURE)
def add(request: HttpRequest) -> HttpResponseBase:
    kind = request.GET.get("kind", "")
    if not kind:
        return render(request, "genai/door/kinds.html", {"kinds": known_kinds()})
    return _form(request, ModelProvider(kind=kind))


@require_http_methods(["GET", "POST"])
@permission_required(CONFIGURE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _form(request, get_object_or_404(ModelProvider, pk=pk))


def _form(request: HttpRequest, found: ModelProvider) -> HttpResponse:
    before = model_editing.snapshot(found) if found.pk else None
    both = plugin_forms.RowForms(request, ModelForm, found, provider_class)
    if not both.is_valid():
        return render(request, "genai/door/form.html", both.context("provider"), status=both.status)
    model_editing.save(found, person(request), before, secrets_changed=both.fill(storable))
    messages.success(request, f"{found} is {'saved' if before else 'added'}. Check it to see whether it answers.")
    return redirect("llm-model", found.pk)


@require_POST
@permission_required(CONFIGURE)
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """What the system answers, in place for htmx, as a message else."""
    found = get_object_or_404(ModelProvider, pk=pk)
    worked, said = model_editing.check(found, person(request))
    if request.headers.get("HX-Request") == "true":
        return render(request, "genai/door/_checked.html", {"worked": worked, "said": said, "provider": found})
    (messages.success if worked else messages.error)(request, f"{found}: {said}")
    return redirect("llm-model", pk)


@require_POST
@permission_required(CONFIGURE)
def turn(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """enable, disable."""
    found = get_object_or_404(ModelProvider, pk=pk)
    before = model_editing.snapshot(found)
    found.enabled = verb == "enable"
    model_editing.save(found, person(request), before)
    messages.success(request, f"{found} is {'asked again' if found.enabled else 'asked no more'}.")
    return redirect("llm-model", pk)


@require_POST
@permission_required(CONFIGURE)
def move(request: HttpRequest, pk: int, way: str) -> HttpResponse:
    model_editing.move(get_object_or_404(ModelProvider, pk=pk), way == "up", person(request))
    return redirect("llm-models")


@require_POST
@permission_required(CONFIGURE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(ModelProvider, pk=pk)
    model_editing.delete(found, person(request))
    messages.success(request, f"{found.name} is deleted. Its calls stay in the log.")
    return redirect("llm-models")
