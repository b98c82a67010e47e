"""Changing the systems that are acted through. Every change is checked, stored and an audit entry; pages and API come here."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from accounts import audit
from aiops import plugin_forms
from aiops.plugins import PluginError
from monitoring.alerts.transitions import Who
from monitoring.inventory.merging import storable
from remediation.models import Execution, Provider, Step
from remediation.providers.base import ActionProvider, provider_class

STATE = {"checked_at", "check_error", "check_detail", "last_used"}  # its own, nobody's change
EDITED = ("name", "kind", "enabled", "config", "secrets")
LONGEST = 500


class InUse(Exception):
    """It cannot be deleted: one sentence."""


def snapshot(provider: Provider) -> dict[str, Any]:
    """As the audit trail shows it: of secrets only which there are."""
    told = {name: value for name, value in audit.snapshot(provider).items() if name not in STATE}
    return {**told, "secrets": sorted(name for name, value in provider.secrets.items() if value)}


def save(provider: Provider, actor: Who = None, before: Mapping[str, Any] | None = None, secrets_changed: bool = False) -> Provider:
    """A new or changed row that was checked. One that was changed has to be checked anew."""
    after = snapshot(provider)
    with transaction.atomic():
        if before is None:
            provider.save()
            audit.record("provider.added", target=provider, after=after, actor=actor)
        elif dict(before) != after or secrets_changed:
            provider.checked_at, provider.check_error, provider.check_detail = None, "", ""
            provider.save(update_fields=[*EDITED, "checked_at", "check_error", "check_detail"])
            told = {"secrets changed": True} if secrets_changed else {}
            audit.record("provider.changed", target=provider, **audit.changes(before, {**after, **told}), actor=actor)
    return provider


def delete(provider: Provider, actor: Who = None) -> None:
    """Raises InUse while something is under way through it."""
    told, pk = snapshot(provider), provider.pk
    if Step.objects.filter(provider=provider, execution__state__in=Execution.ACTIVE).exists():
        raise InUse("Something is under way through it; stop it and wait until that is over.")
    try:
        with transaction.atomic():
            provider.delete()
            provider.pk = pk  # for the trail
            audit.record("provider.deleted", target=provider, before=told, actor=actor)
    except ProtectedError:
        raise InUse("It is used by something else.") from None


def configure(provider: Provider, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong, by field: see plugin_forms.configure."""
    return plugin_forms.configure(provider, provider_class, config, secrets, storable)


def check(provider: Provider, actor: Who = None) -> tuple[bool, str]:
    """Asks the system whether it can be reached and lets us in: (whether it does, what it said)."""
    plugin: ActionProvider | None = None
    try:
        plugin = provider_class(provider.kind)(provider.config, provider.secrets)
        worked, said = True, plugin.check() or "It answers."
    except PluginError as fault:
        worked, said = False, fault.message
    said = (plugin.masked(said) if plugin else said)[:LONGEST]
    columns = {"checked_at": timezone.now(), "check_error": "" if worked else said, "check_detail": said if worked else ""}
    with transaction.atomic():
        Provider.objects.filter(pk=provider.pk).update(**columns)
        audit.record("provider.checked", target=provider, after={"worked": worked, "said": said}, actor=actor)
    for name, value in columns.items():
        setattr(provider, name, value)
    return worked, said
