"""Changing the models that may be asked, and their budgets. Every change is stored with an audit entry; pages and API come here."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts import audit
from aiops import plugin_forms
from aiops.plugins import PluginError
from genai import chain, stored_secrets
from genai.models import Budget, ModelProvider
from genai.providers.base import provider_class
from monitoring.alerts.transitions import Who
from monitoring.inventory.merging import storable

STATE = {"checked_at", "check_error", "check_detail", "last_used", "created_at"}  # its own, nobody's change
EDITED = ("name", "kind", "enabled", "model", "config", "secrets", "price_in", "price_out")
LONGEST = 500


def snapshot(provider: ModelProvider) -> dict[str, Any]:
    """As the audit trail shows it: of secrets only which there are."""
    told = {name: value for name, value in audit.snapshot(provider).items() if name not in STATE}
    return {**told, "secrets": sorted(name for name, value in provider.secrets.items() if value)}


def save(
    provider: ModelProvider, actor: Who = None, before: Mapping[str, Any] | None = None, secrets_changed: bool = False
) -> ModelProvider:
    """A new or changed row that was checked. One that was changed has to be checked anew; a new one is asked last."""
    with transaction.atomic():
        if before is None:
            provider.position = (ModelProvider.objects.aggregate(last=Max("position"))["last"] or 0) + 1
            provider.save()
            audit.record("model.added", target=provider, after=snapshot(provider), actor=actor)
        elif dict(before) != snapshot(provider) or secrets_changed:
            provider.checked_at, provider.check_error, provider.check_detail = None, "", ""
            provider.save(update_fields=[*EDITED, "checked_at", "check_error", "check_detail"])
            told = {"secrets changed": True} if secrets_changed else {}
            audit.record("model.changed", target=provider, **audit.changes(before, {**snapshot(provider), **told}), actor=actor)
    _forget(provider.pk)
    return provider


def delete(provider: ModelProvider, actor: Who = None) -> None:
    """Its calls stay, with its name."""
    told, pk = snapshot(provider), provider.pk
    with transaction.atomic():
        provider.delete()
        provider.pk = pk  # for the trail
        audit.record("model.deleted", target=provider, before=told, actor=actor)
    _forget(pk)


def move(provider: ModelProvider, up: bool, actor: Who = None) -> None:
    """One place towards the beginning or the end of the order in which they are asked."""
    with transaction.atomic():
        rows = list(ModelProvider.objects.all())
        place = next(at for at, row in enumerate(rows) if row.pk == provider.pk)
        other = place + (-1 if up else 1)
        if not 0 <= other < len(rows):
            return
        rows[place], rows[other] = rows[other], rows[place]
        for position, row in enumerate(rows, 1):
            ModelProvider.objects.filter(pk=row.pk).update(position=position)
        audit.record("model.moved", target=provider, before={"place": place + 1}, after={"place": other + 1}, actor=actor)
    _forget(provider.pk)


def _forget(pk: int) -> None:
    chain.forget(pk)
    stored_secrets.forget()


def configure(provider: ModelProvider, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong, by field: see plugin_forms.configure."""
    return plugin_forms.configure(provider, provider_class, config, secrets, storable)


def check(provider: ModelProvider, actor: Who = None) -> tuple[bool, str]:
    """Whether it can be reached, lets us in and has the model: (whether it does, what it said). Somebody asked for it: an audit entry."""
    worked, said = look(provider)
    audit.record("model.checked", target=provider, after={"worked": worked, "said": said}, actor=actor)
    return worked, said


def look(provider: ModelProvider) -> tuple[bool, str]:
    """The same, of its own accord."""
    try:
        worked, said = True, provider_class(provider.kind)(provider.config, provider.secrets).check(provider.model)
    except PluginError as fault:
        worked, said = False, fault.message
    columns = {
        "checked_at": timezone.now(),
        "check_error": "" if worked else said[:LONGEST],
        "check_detail": said[:LONGEST] if worked else "",
    }
    ModelProvider.objects.filter(pk=provider.pk).update(**columns)
    for name, value in columns.items():
        setattr(provider, name, value)
    if worked:
        chain.forget(provider.pk)
    return worked, said


# -- budgets ---------------------------------------------------------------------------------------------------------------
def save_budget(budget: Budget, actor: Who = None, before: Mapping[str, Any] | None = None) -> Budget:
    after = limits_of(budget)
    with transaction.atomic():
        budget.save()
        if before is None:
            audit.record("budget.added", target=budget, after=after, actor=actor)
        elif dict(before) != after:
            audit.record("budget.changed", target=budget, **audit.changes(before, after), actor=actor)
    return budget


def delete_budget(budget: Budget, actor: Who = None) -> None:
    told, pk = limits_of(budget), budget.pk
    with transaction.atomic():
        budget.delete()
        budget.pk = pk
        audit.record("budget.deleted", target=budget, before=told, actor=actor)


def limits_of(budget: Budget) -> dict[str, Any]:
    return {"scope": budget.scope, "tokens a day": budget.tokens, "dollars a day": budget.dollars}
