"""The systems that actions go through: the row an action names, and its plugin."""

from aiops.plugins import PluginError
from aiops.prepared import Prepared
from remediation.models import Provider
from remediation.plan import Action
from remediation.providers.base import ActionError, ActionProvider, Verb, provider_class

_named = Prepared(lambda name: Provider.objects.filter(name=name).order_by()[:1], name=str)


def find(name: str) -> Provider:
    """By its name, else the only enabled one of that kind. Raises ActionError with what is missing."""
    found: Provider | None = next(iter(_named(name=name)), None)
    if found is None:
        rows = list(Provider.objects.filter(kind=name, enabled=True)[:2])
        if len(rows) > 1:
            raise ActionError(f"there are several providers of the kind {name}: name one of them", permanent=True)
        if not rows:
            raise ActionError(f"there is no provider {name}", permanent=True)
        found = rows[0]
    if not found.enabled:
        raise ActionError(f"the provider {found.name} is switched off", permanent=True)
    return found


def plugin(provider: Provider) -> ActionProvider:
    """Raises ActionError for a kind that does not exist."""
    try:
        return provider_class(provider.kind)(provider.config, provider.secrets)
    except PluginError as fault:
        raise ActionError(fault.message, permanent=True) from fault


def verb_of(provider: ActionProvider, action: Action) -> Verb:
    """Raises ActionError for a verb it does not have."""
    found = provider.verbs.get(action.verb)
    if found is None:
        raise ActionError(f"{type(provider).label} cannot {action.verb}", permanent=True)
    return found
