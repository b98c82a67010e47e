"""The policy in words: its table as it holds now, and trying what it would say."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.permissions import can, permission_required
from aiops import plugin_forms
from remediation import policy, policy_table
from remediation.case_words import Sign
from remediation.models import PolicyRow

READ, CONFIGURE = "monitoring:read", "remediation:configure"
VERDICTS = {
    "automatic": Sign("Runs by itself", "play", "h-ok"),
    "one": Sign("One approver", "user", "c-accent"),
    "two": Sign("Two approvers", "user", "c-medium"),
    "forbidden": Sign("Never", "stop", "c-critical"),
}
USUAL = {"action": "medium", "reversible": "none", "reach": 0, "verified": 0, "unverified": 0, "failed": 0, "kind": "real", "by": "rule"}


class TryForm(forms.Form):
    action = forms.ChoiceField(label="Class of the action", choices=[(one, one.capitalize()) for one in policy.CLASSES])
    reversible = forms.ChoiceField(label="Can be taken back", choices=[("all", "All of it"), ("some", "Some of it"), ("none", "No")])
    reach = forms.IntegerField(label="Resources that hang on the target", min_value=0, max_value=100_000)
    verified = forms.IntegerField(label="Runs seen to help", min_value=0, max_value=100_000)
    unverified = forms.IntegerField(label="Runs nobody could judge", min_value=0, max_value=100_000)
    failed = forms.IntegerField(label="Runs that failed", min_value=0, max_value=100_000)
    kind = forms.ChoiceField(label="Alert", choices=[(one, one.capitalize()) for one in policy_table.WORDS["kind"]])
    confidence = forms.FloatField(label="Confidence", min_value=0, max_value=1, required=False)
    by = forms.ChoiceField(label="Asked by", choices=[("rule", "A rule"), ("person", "A person")])
    environment = forms.CharField(label="Environment", max_length=100, required=False)
    at = forms.DateTimeField(
        label="At", required=False, help_text="Now where it is empty.", widget=forms.DateTimeInput({"type": "datetime-local"})
    )
    maintenance = forms.BooleanField(label="In a maintenance window", required=False)

    @property
    def inputs(self) -> policy.Inputs:
        given: dict[str, Any] = dict(self.cleaned_data)
        at = timezone.localtime(given.pop("at") or timezone.now())
        return policy.Inputs(at=at, record_of="here", **given)


@dataclass
class Line:
    row: PolicyRow
    conditions: list[str]
    problems: list[str]

    @property
    def sign(self) -> Sign:
        return VERDICTS.get(self.row.verdict, Sign(self.row.verdict, "unknown", "t3"))


@require_GET
@permission_required(READ)
def policy_page(request: HttpRequest) -> HttpResponse:
    """?action=…&reach=… tries it; all of it is in the address."""
    tried = "action" in request.GET
    form = TryForm(request.GET if tried else USUAL)
    decision = policy.decide(form.inputs, policy_table.rows()) if form.is_valid() else None
    context = {
        "lines": [_line(row) for row in PolicyRow.objects.order_by("position", "id")], "form": plugin_forms.dress(form), "tried": tried,
        "decision": decision, "sign": VERDICTS[decision.verdict] if decision else None, "rungs": range(1, 6),
        "may_configure": can(request.user, CONFIGURE), "base": policy.BASE, "levels": policy.LEVELS,
    }  # fmt: skip
    return render(request, "remediation/policy/policy.html", context, status=422 if tried and decision is None else 200)


def _line(row: PolicyRow) -> Line:
    return Line(row, policy_table.words(row.conditions), policy_table.problems(row.conditions))
