"""Prompts in Django admin: versions are read, written and promoted there as on their pages; none is ever changed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from genai import prompt_versions, prompting
from genai.models import PromptVersion


class PromptVersionForm(forms.ModelForm):
    class Meta:
        model = PromptVersion
        fields = ("prompt", "text", "comment")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        prompt, text = given.get("prompt"), given.get("text", "").replace("\r\n", "\n").strip()
        if prompt is not None and (why := prompt_versions.fault(prompt, text)):
            raise forms.ValidationError({"text": why})
        if prompt is not None and prompt.versions.filter(digest=prompting.digest_of(text)).exists():
            raise forms.ValidationError({"text": "There is a version that says exactly this."})
        return given


@admin.register(PromptVersion)
class PromptVersionAdmin(admin.ModelAdmin):
    form = PromptVersionForm
    list_display = ("prompt", "number", "weight", "origin", "comment", "actor", "created_at")
    list_filter = ("prompt", "origin")
    list_select_related = ("prompt",)
    actions = ("promote",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptVersion]:
        prompting.ensure_all()
        return super().get_queryset(request)

    def has_change_permission(self, request: HttpRequest, obj: PromptVersion | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PromptVersion | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: PromptVersion, form: Any, change: bool) -> None:
        actor: Any = request.user
        made = prompt_versions.add(obj.prompt, obj.text, actor, obj.comment)
        obj.pk, obj.number = made.pk, made.number

    @admin.action(description="Promote: all calls from now on", permissions=["view"])
    def promote(self, request: HttpRequest, chosen: QuerySet[PromptVersion]) -> None:
        rows = list(chosen.select_related("prompt"))
        if len({row.prompt_id for row in rows}) != len(rows):
            self.message_user(request, "Choose one version of a prompt.", messages.ERROR)
            return
        actor: Any = request.user
        for row in rows:
            prompt_versions.promote(row, actor)
            self.message_user(request, f"{row} is asked with from now on.")
