"""What Ctrl K finds: resources, alerts, pages, actions."""

from collections.abc import Callable
from typing import Any

from django.db.models import F, Q
from django.urls import reverse

from accounts.permissions import can
from aiops import navigation
from monitoring.alerts import standing
from monitoring.alerts.models import RANKS
from monitoring.dashboards import kinds
from monitoring.inventory.models import Resource

MOST, MOST_ALERTS = 8, 5
ACTIONS = (
    {"label": "Switch between dark and light", "icon": "sun", "do": "theme", "hint": ""},
    {"label": "Pause or resume live updates", "icon": "pause", "do": "live", "hint": "p"},
    {"label": "Show all keys", "icon": "keyboard", "do": "help", "hint": "?"},
    {"label": "Sign out", "icon": "lock", "do": "signout", "hint": ""},
)
Item = dict[str, str]
_offered: dict[str, tuple[str, str, str]] = {}  # name of an address -> label, icon, permission
_closing: list[Callable[[Any, str], Item | None]] = []


def offer(label: str, icon: str, url_name: str, permission: str) -> None:
    """A page that stands in no rail and that people start things on; rooms to the right register theirs."""
    _offered[url_name] = (label, icon, permission)


def close_with(item: Callable[[Any, str], Item | None]) -> None:
    """What stands last, made of what was typed; rooms to the right register theirs."""
    _closing.append(item)


def search(actor: Any, text: str, may_see_resources: bool) -> list[dict[str, Any]]:
    """Groups of items, best first; without a text the resources that need attention and every page."""
    words = text.lower().split()[:6]
    groups = {
        "Resources": _resources(words) if may_see_resources else [],
        "Alerts": _alerts(words) if may_see_resources and words else [],
        "Pages": [item for item in _pages(actor) if _fits(item, words)],
        "Actions": [dict(item) for item in (*_offers(actor), *ACTIONS) if _fits(item, words)],
        "Ask": [item for make in _closing if (item := make(actor, text.strip()))],
    }
    return [{"title": title, "items": items} for title, items in groups.items() if items]


def _fits(item: Item, words: list[str]) -> bool:
    label = item["label"].lower()
    return all(word in label for word in words)


def _resources(words: list[str]) -> list[Item]:
    named = Q()
    for word in words:
        named &= Q(name__icontains=word) | Q(kind__icontains=word)
    order = (F("health").asc(nulls_last=True), "name")
    found = Resource.objects.filter(named).only("kind", "name", "state", "health").order_by(*order)[:MOST]
    first = words[0] if words else ""
    ranked = sorted(found, key=lambda one: not one.name.lower().startswith(first)) if first else found
    return [_resource(one) for one in ranked]


def _resource(resource: Resource) -> Item:
    icon, hint = kinds.kind(resource.kind).icon, kinds.STATUSES[resource.status].label
    return {"label": resource.name, "icon": icon, "hint": hint, "url": reverse("resource", args=[resource.pk])}


def _alerts(words: list[str]) -> list[Item]:
    """Those that fire, by their names: the worst and newest."""
    found = [one for one in standing.members() if one.traits.state == "firing" and all(word in one.traits.name.lower() for word in words)]
    found.sort(key=lambda one: (-RANKS[one.traits.severity], -one.since))
    return [_alert(one) for one in found[:MOST_ALERTS]]


def _alert(one: standing.Member) -> Item:
    return {"label": one.traits.name, "icon": one.traits.severity, "hint": one.resource_name, "url": reverse("alert", args=[one.pk])}


def _pages(actor: Any) -> list[Item]:
    pages = [
        {"label": entry.label, "icon": entry.icon, "hint": f"g {entry.jump}" if entry.jump else "", "url": url}
        for entry, url in navigation.entries(actor)
    ]
    return [*pages, *_unlisted(pages)]


def _offers(actor: Any) -> list[Item]:
    return [
        {"label": label, "icon": icon, "hint": "", "url": reverse(name)}
        for name, (label, icon, permission) in _offered.items()
        if can(actor, permission)
    ]


def _unlisted(pages: list[Item]) -> list[Item]:
    """Pages that stand in the account menu and not in the rail."""
    from django.urls import NoReverseMatch

    try:
        profile = reverse("profile")
    except NoReverseMatch:
        return []
    return [] if any(page["url"] == profile for page in pages) else [{"label": "Profile", "icon": "user", "hint": "", "url": profile}]
