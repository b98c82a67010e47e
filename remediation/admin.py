from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from remediation import policy_table
from remediation.models import AutomationRule, Execution, PolicyRow, RuleDecision


class PolicyRowForm(forms.ModelForm):
    class Meta:
        model = PolicyRow
        fields = ("position", "name", "conditions", "verdict", "enabled")

    def __init__(self, *args: Any, **rest: Any) -> None:
        super().__init__(*args, **rest)
        known = ", ".join(policy_table.names())
        self.fields["conditions"].help_text = f"All have to hold; see docs/automation.md. There are {known}."

    def clean_conditions(self) -> dict[str, Any]:
        given = self.cleaned_data["conditions"]
        if found := policy_table.problems({} if given is None else given):
            raise forms.ValidationError(found)
        return given or {}


@admin.register(PolicyRow)
class PolicyRowAdmin(admin.ModelAdmin):
    """The policy table: the first line whose conditions all hold decides."""

    form = PolicyRowForm
    list_display = ("position", "name", "said", "verdict", "enabled")
    list_display_links = ("name",)

    @admin.display(description="conditions")
    def said(self, row: PolicyRow) -> str:
        return ", ".join(policy_table.words(row.conditions)) or "always"


class LookUp(admin.ModelAdmin):
    """For looking things up: these are changed on their pages, which check and audit."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(AutomationRule)
class AutomationRuleAdmin(LookUp):
    list_display = ("position", "key", "name", "enabled", "dry_run", "origin")
    list_display_links = ("key",)
    search_fields = ("key", "name")


@admin.register(RuleDecision)
class RuleDecisionAdmin(LookUp):
    list_display = ("time", "rule", "alert", "outcome", "step")
    list_select_related = ("rule", "alert")
    list_filter = ("outcome",)


@admin.register(Execution)
class ExecutionAdmin(LookUp):
    list_display = ("id", "title", "state", "verification", "risk", "requester", "created_at")
    list_filter = ("state", "verification", "risk")
    search_fields = ("title", "target")
    exclude = ("plan", "preview", "evidence", "decision", "checks")
