"""Changing a source: the plugin's declared fields decide what is asked, stored, hidden; every change is audited."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from accounts import audit
from aiops import plugin_forms
from aiops.plugin_forms import dress as dress
from aiops.plugins import PluginError
from monitoring.inventory.merging import storable
from monitoring.sources import schedule
from monitoring.sources.doors import PUSHED
from monitoring.sources.models import Source
from monitoring.sources.pollers.base import NoConfig, Poller, known_kinds, poller_class

PREFIX = "config"
SHOWN = ("name", "kind", "enabled", "interval", "timeout", "config", "secrets")  # in the audit trail
LONGEST_INTERVAL, LONGEST_TIMEOUT = 86_400, 300


class SourceForm(forms.ModelForm):
    """What every source has, whatever its kind."""

    interval = forms.IntegerField(
        label="Interval, seconds",
        min_value=1,
        max_value=LONGEST_INTERVAL,
        help_text="From 1 s to a day. Missed polls are skipped, not caught up.",
    )
    timeout = forms.IntegerField(
        label="Time-out, seconds", min_value=1, max_value=LONGEST_TIMEOUT, help_text="A poll that takes longer has failed."
    )

    class Meta:
        model = Source
        fields: tuple[str, ...] = ("name", "enabled", "interval", "timeout")


class SenderForm(SourceForm):
    """Of one that pushes there is little to say: it comes when it comes."""

    interval = forms.IntegerField(
        label="Expected every, seconds",
        min_value=1,
        max_value=LONGEST_INTERVAL,
        help_text="After three times as long without anything it counts as silent.",
    )
    timeout = None  # type: ignore[assignment]

    class Meta(SourceForm.Meta):
        fields = ("name", "interval")


def source_form(source: Source, data: Mapping[str, Any] | None = None) -> forms.ModelForm:
    return (SenderForm if source.pushed else SourceForm)(data, instance=source)


def config_form(kind: str, source: Source | None = None, data: Mapping[str, Any] | None = None, prefix: str | None = PREFIX) -> forms.Form:
    """The plugin's own form. A secret is never put back into it; left empty, the stored one stays. Raises PluginError."""
    if kind.startswith(PUSHED):
        return NoConfig(data=data, prefix=prefix)
    return plugin_forms.config_form(poller_class(kind), source.config if source else None, source.secrets if source else None, data, prefix)


def split(poller: type[Poller], form: forms.Form, source: Source | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(config, secrets) from a valid form, stored secrets kept where nothing was given."""
    kept: dict[str, Any] = source.secrets if source else {}
    config, secrets = plugin_forms.split(poller, form, kept)
    return storable(config), secrets if secrets != kept else kept


def shown_config(source: Source) -> list[tuple[str, str, str]]:
    """(name, label, value) of each declared field that says something, for people: a secret shows only that it is stored."""
    try:
        return plugin_forms.shown(poller_class(source.kind), source.config, source.secrets)
    except PluginError:
        return [(name, name, str(value)) for name, value in source.config.items()]


def snapshot(source: Source) -> dict[str, Any]:
    """For the audit trail: of the secrets only which there are."""
    return {name: sorted(source.secrets) if name == "secrets" else getattr(source, name) for name in SHOWN}


def save(source: Source, before: dict[str, Any] | None, secrets_changed: bool = False) -> Source:
    """Stores a new or changed source and records it. What it is polled with changed, so it starts afresh."""
    if before is None:
        source.save()
        audit.record("source.added", target=source, after=snapshot(source))
        return source
    source.save(update_fields=["name", "enabled", "interval", "timeout", "config", "secrets"])
    after = snapshot(source)
    if secrets_changed:
        before, after = {**before, "secrets changed": False}, {**after, "secrets changed": True}
    if before != after:
        start_afresh(source)
        audit.record("source.changed", target=source, **audit.changes(before, after))
    return source


def start_afresh(source: Source) -> None:
    """No failures, circuit closed, due now."""
    Source.objects.filter(pk=source.pk).update(failures=0, broken_until=None, due_at=timezone.now())


def switch(source: Source, enabled: bool) -> bool:
    """False when it was so already."""
    if not Source.objects.filter(pk=source.pk).exclude(enabled=enabled).update(enabled=enabled):
        return False
    if enabled:
        start_afresh(source)
    audit.record("source.enabled" if enabled else "source.disabled", target=source)
    return True


def reset(source: Source) -> None:
    start_afresh(source)
    audit.record("source.circuit_reset", target=source, before={"failures": source.failures})


def poll_now(source: Source) -> str | None:
    """Claims it and returns the lease for tasks.poll_source; None while it is being polled or when it is disabled."""
    lease = schedule.claim_now(source.pk) if source.enabled else None
    if lease:
        audit.record("source.polled_now", target=source)
    return lease


def kinds() -> list[tuple[str, str]]:
    return known_kinds()
