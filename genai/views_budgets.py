"""What may be spent in a day and how much of it is; what is hidden from models, and a box to try it."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.authentication import person
from accounts.models import User
from accounts.permissions import permission_required
from aiops import plugin_forms
from genai import budgets, mask_figures, model_editing, prompting
from genai.models import Budget, Completion

CONFIGURE = "genai:configure"
KINDS = ((budgets.EVERYBODY, "Everybody together"), (budgets.EACH, "Each person"), ("person", "One person"), ("purpose", "One feature"))


class BudgetForm(forms.ModelForm):
    kind = forms.ChoiceField(label="Whose", choices=KINDS)
    person = forms.ModelChoiceField(
        User.objects.none(), label="Person", required=False, help_text="For one person: in place of each one's."
    )
    purpose = forms.ChoiceField(label="Feature", required=False, help_text="For one feature.")
    field_order = ("kind", "person", "purpose", "tokens", "dollars")

    class Meta:
        model = Budget
        fields = ("tokens", "dollars")
        labels = {"tokens": "Tokens a day", "dollars": "Dollars a day"}
        help_texts = {"tokens": "Read and written together. Empty: no limit.", "dollars": "By the models' prices. Empty: no limit."}

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.fields["person"].queryset = User.objects.filter(is_active=True).order_by("name")  # type: ignore[attr-defined]
        self.fields["purpose"].choices = [("", "–"), *((one, one) for one in _purposes())]  # type: ignore[attr-defined]
        if self.instance.pk:
            for name in ("kind", "person", "purpose"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("tokens") is None and given.get("dollars") is None and not self.errors:
            raise forms.ValidationError("Write a limit in tokens, in dollars or in both.")
        if given.get("dollars") is not None and given["dollars"] < 0:
            self.add_error("dollars", "Write 0 or more.")
        if not self.instance.pk and "kind" in given:
            self.instance.scope = self._scope(given)
            if self.instance.scope and Budget.objects.filter(scope=self.instance.scope).exists():
                self.add_error("kind", "There is a budget of that already; change it instead.")
        return given

    def _scope(self, given: dict[str, Any]) -> str:
        kind = str(given["kind"])
        if kind in ("person", "purpose") and not given.get(kind):
            self.add_error(kind, f"Choose the {'person' if kind == 'person' else 'feature'}.")
            return ""
        if kind == "person":
            return f"user:{given['person'].pk}"
        return f"purpose:{given['purpose']}" if kind == "purpose" else kind


def _purposes() -> list[str]:
    asked = Completion.objects.order_by("purpose").values_list("purpose", flat=True).distinct()
    return sorted({one.purpose for one in prompting.all_shipped()} | set(asked))


def label_of(budget: Budget, people: dict[str, str]) -> str:
    kind, _, which = budget.scope.partition(":")
    if kind == "user" and which:
        return people.get(which, f"Person {which}")
    return which if kind == "purpose" else dict(KINDS).get(budget.scope, budget.scope)


def _people() -> dict[str, str]:
    scopes = Budget.objects.filter(scope__startswith="user:").values_list("scope", flat=True)
    ids = [int(which) for one in scopes if (which := one.partition(":")[2]).isdecimal()]
    return {str(pk): name for pk, name in User.objects.filter(pk__in=ids).values_list("pk", "name")}


@require_GET
@permission_required(CONFIGURE)
def listing(request: HttpRequest) -> HttpResponse:
    people = _people()
    rows: list[dict[str, Any]] = [
        {"standing": one, "label": label_of(one.budget, people), "share": 100 * one.share} for one in budgets.standings()
    ]
    tokens, dollars = budgets.spent(budgets.EVERYBODY, budgets.today())
    refused = Completion.objects.filter(outcome=Completion.Outcome.BUDGET, started_at__gte=timezone.now() - timedelta(days=1))
    nearest = max(rows, key=lambda row: float(row["share"]), default=None)
    context = {"rows": rows, "tokens": tokens, "dollars": dollars, "refused": refused.count(), "nearest": nearest}
    return render(request, "genai/door/budgets.html", context)


@require_http_methods(["GET", "POST"])
@permission_required(CONFIGURE)
def add(request: HttpRequest) -> HttpResponseBase:
    return _form(request, Budget())


@require_http_methods(["GET", "POST"])
@permission_required(CONFIGURE)
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _form(request, get_object_or_404(Budget, pk=pk))


def _form(request: HttpRequest, budget: Budget) -> HttpResponseBase:
    before = model_editing.limits_of(budget) if budget.pk else None
    data = request.POST if request.method == "POST" else None
    form = BudgetForm(data, instance=budget)
    if data is not None and form.is_valid():
        model_editing.save_budget(form.save(commit=False), person(request), before)
        messages.success(request, "The budget is saved and holds at once.")
        return redirect("llm-budgets")
    label = label_of(budget, _people()) if budget.pk else ""
    context = {"form": plugin_forms.dress(form), "budget": budget if budget.pk else None, "label": label}
    return render(request, "genai/door/budget.html", context, status=422 if data is not None else 200)


@require_POST
@permission_required(CONFIGURE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    model_editing.delete_budget(get_object_or_404(Budget, pk=pk), person(request))
    messages.success(request, "The budget is deleted: there is no such limit any more.")
    return redirect("llm-budgets")


@require_http_methods(["GET", "POST"])
@permission_required(CONFIGURE)
def masking(request: HttpRequest) -> HttpResponse:
    """What a text would look like to a model. Nothing of it is kept."""
    given = request.POST.get("text", "")[: mask_figures.LONGEST_TRIED].replace("\r\n", "\n") if request.method == "POST" else ""
    context = {"given": given, "tried": mask_figures.tried(given) if given else None, "kinds": mask_figures.kinds()}
    return render(request, "genai/door/masking.html", context)
