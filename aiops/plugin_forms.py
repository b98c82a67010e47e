"""Forms out of what a plugin declares: its fields are asked, its secrets are taken and never shown again."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.http import Http404, HttpRequest

from aiops.plugins import Plugin, PluginError

STORED = "Stored and not shown. Leave it empty to keep it."
SHOWN_LINES = 3  # of a field of several
PREFIX = "config"


class ConfigForm(forms.Form):
    """A Config that asks for one secret or another has to know which are there already."""

    stored: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Whether this secret was given now or before; for use in clean()."""
        return bool(self.cleaned_data.get(name)) or name in self.stored


class SecretText(forms.Textarea):
    """Several lines that are taken and never put back."""

    def format_value(self, value: Any) -> None:
        return None


def dress(form: forms.BaseForm) -> forms.BaseForm:
    """The style sheet's classes and the marks a screen reader needs, on every field."""
    for bound in form:
        widget = bound.field.widget
        kind = (
            "form-check-input mt-0"
            if isinstance(widget, forms.CheckboxInput | forms.RadioSelect)
            else "form-select"
            if isinstance(widget, forms.Select)
            else "form-control"
        )
        widget.attrs["class"] = f"{kind} is-invalid" if bound.errors else kind
        if bound.errors:
            widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"{bound.id_for_label}_error"}
    return form


def config_form(
    plugin: type[Plugin],
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    prefix: str | None = None,
) -> forms.Form:
    """The plugin's own form. A secret is never put back into it; left empty, the stored one stays."""
    form = plugin.Config(data=data, initial=dict(config) if config else None, prefix=prefix)
    stored = {name for name in plugin.secret_fields if (secrets or {}).get(name)}
    for name in plugin.secret_fields:
        field = form.fields[name]
        if name in stored:
            field.required, field.help_text = False, STORED
        if isinstance(field.widget, forms.Textarea):  # a key of several lines: a browser would take their ends away
            field.widget = SecretText(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"})
        else:
            field.widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
    if isinstance(form, ConfigForm):
        form.stored = frozenset(stored)
    return form


def split(plugin: type[Plugin], form: forms.Form, kept: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(config, secrets) from a valid form, stored secrets kept where nothing was given."""
    given = {name: form.cleaned_data[name] for name in plugin.secret_fields if form.cleaned_data.get(name)}
    config = {name: value for name, value in form.cleaned_data.items() if name not in plugin.secret_fields and value not in (None, "")}
    return config, {**(kept or {}), **given}


class RowForms:
    """The two forms of one row (kind, config, secrets) on its page: its own fields, and those that its kind declares."""

    def __init__(self, request: HttpRequest, form: type[forms.ModelForm], row: Any, family: Callable[[str], type[Plugin]]) -> None:
        """Http404 for a kind that the family does not have."""
        try:
            self.kind = family(row.kind)
        except PluginError as fault:
            raise Http404(f"{fault.message[:200].capitalize()}.") from None
        data = request.POST if request.method == "POST" else None
        self.row, self.name, self.sent = row, str(getattr(row, "name", "")), data is not None
        self.form = form(data, instance=row)
        self.config = config_form(self.kind, row.config, row.secrets, data, PREFIX)

    def is_valid(self) -> bool:
        """Both are asked, so that all mistakes are shown at once."""
        return self.sent and self.form.is_valid() & self.config.is_valid()

    def fill(self, clean: Callable[[Any], Any]) -> bool:
        """Puts what was given into the row, which is not saved. Whether a secret changed: what is stored cannot be compared once sealed."""
        kept = self.row.secrets
        given, secrets = split(self.kind, self.config, kept)
        changed = secrets != dict(kept)
        self.row.config, self.row.secrets = clean(given), secrets if changed else kept
        return changed

    def context(self, name: str) -> dict[str, Any]:
        """For the template; the row by `name` where it is stored already."""
        stored = self.row if self.row.pk else None
        return {"form": dress(self.form), "config_form": dress(self.config), "kind": self.kind, "name": self.name, name: stored}

    @property
    def status(self) -> int:
        return 422 if self.sent else 200


def configure(
    row: Any, family: Callable[[str], type[Plugin]], config: Mapping[str, Any], secrets: Mapping[str, Any], clean: Callable[[Any], Any]
) -> dict[str, list[str]]:
    """Sets a row's config and secrets as its kind's form takes them; secrets that are not given stay. Returns what is wrong, by field."""
    try:
        kind = family(row.kind)
    except PluginError as fault:
        return {"kind": [fault.message]}
    form = config_form(kind, row.config, row.secrets, {**config, **secrets})
    if unknown := sorted({*config, *secrets} - form.fields.keys()):
        return {unknown[0]: [f"This is not a field of the kind; known are {', '.join(form.fields) or 'none'}."]}
    if not form.is_valid():
        return {name: [str(one) for one in errors] for name, errors in form.errors.items()}
    found, row.secrets = split(kind, form, row.secrets)
    row.config = clean(found)
    return {}


def shown(plugin: type[Plugin], config: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(name, label, value) of each declared field that says something, for people: a secret shows only that it is stored."""
    fields = config_form(plugin, config, secrets).fields
    found = [
        (
            name,
            str(field.label or name.replace("_", " ").capitalize()),
            _hidden(name, secrets) if name in plugin.secret_fields else _shown(name, field, config),
        )
        for name, field in fields.items()
    ]
    return [one for one in found if one[2]]


def _hidden(name: str, secrets: Mapping[str, Any]) -> str:
    return "Stored, hidden" if secrets.get(name) else ""


def _shown(name: str, field: forms.Field, config: Mapping[str, Any]) -> str:
    """Empty for what is not set and has no usual value."""
    value = config.get(name, field.initial)
    if isinstance(field, forms.BooleanField):
        return "Yes" if value else ""
    if isinstance(field.widget, forms.Textarea):
        lines = [line for line in str(value or "").splitlines() if line.strip()]
        return ", ".join(lines[:SHOWN_LINES]) + (f" and {len(lines) - SHOWN_LINES} more" if len(lines) > SHOWN_LINES else "")
    if isinstance(field, forms.ChoiceField) and not isinstance(value, list):
        choices: Any = field.choices
        return str(dict(choices).get(value, value) or "")
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
