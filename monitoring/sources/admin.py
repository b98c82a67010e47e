from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin import ReadOnly
from aiops.plugins import PluginError
from monitoring.sources import editing
from monitoring.sources.models import Source, Target
from monitoring.sources.pollers.base import poller_class

PREFIX = "config_"
STATE = (
    "status", "due_at", "leased_until", "last_attempt", "last_success", "last_error", "last_error_at", "failures", "broken_until",
    "last_samples", "last_duration_ms",
)  # fmt: skip


class SourceAdminForm(editing.SourceForm):
    """The plugin's fields stand among the source's own; secrets come in, never out."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.instance.pushed:
            return cleaned
        names = [name.removeprefix(PREFIX) for name in self.fields if name.startswith(PREFIX)]
        data = {name: self.data[PREFIX + name] for name in names if PREFIX + name in self.data}
        try:
            config = editing.config_form(self.instance.kind, self.instance, data, prefix=None)
            if not config.is_valid():
                raise ValidationError([f"{name}: {errors[0]}" for name, errors in config.errors.items()])
            self.instance.config, self.instance.secrets = editing.split(poller_class(self.instance.kind), config, self.instance)
        except PluginError as fault:
            raise ValidationError(fault.message) from None
        return cleaned


@admin.register(Source)
class SourceAdmin(admin.ModelAdmin):
    list_display = ("name", "kind", "enabled", "status", "interval", "last_success", "failures")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "last_error")
    form = SourceAdminForm
    readonly_fields = ("kind", *STATE)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return redirect("source-add")  # which fields there are depends on the kind that is chosen there

    def get_form(self, request: HttpRequest, obj: Source | None = None, change: bool = False, **kwargs: Any) -> Any:
        fields = self._plugin_fields(obj)
        kwargs["form"] = type("SourceForm", (SourceAdminForm,), dict(fields))  # its metaclass writes into it
        kwargs["fields"] = [*editing.SourceForm.Meta.fields, *fields]
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Source | None = None) -> Any:
        fields = tuple(self._plugin_fields(obj))
        own = (None, {"fields": ("kind", *editing.SourceForm.Meta.fields)})
        return [own, *([("Configuration", {"fields": fields})] if fields else []), ("State", {"fields": STATE})]

    def _plugin_fields(self, source: Source | None) -> dict[str, forms.Field]:
        if source is None:
            return {}
        try:
            form = editing.config_form(source.kind, source, prefix=None)
        except PluginError:
            return {}
        for name, field in form.fields.items():
            field.initial = form.initial.get(name, field.initial)
        return {PREFIX + name: field for name, field in form.fields.items()}

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        """Only what the form asks for: a poll may be writing the other columns at this moment."""
        obj.save(update_fields=["name", "enabled", "interval", "timeout", "config", "secrets"])
        editing.start_afresh(obj)


@admin.register(Target)
class TargetAdmin(ReadOnly):
    list_display = ("address", "source", "up", "samples", "asked_at")
    list_filter = ("up",)
    list_select_related = ("source",)
    search_fields = ("address", "error")
