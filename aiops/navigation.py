"""The rail's entries. Each app registers its pages from AppConfig.ready(); nobody lists them in one place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

# Groups appear in this order; "" has no heading, "foot" stands at the foot of the rail.
GROUPS = ("", "Respond", "Observe", "Foresee", "Assist", "Govern", "foot")


@dataclass(frozen=True)
class Entry:
    group: str
    label: str
    url_name: str
    icon: str
    permission: str | None  # None: every signed-in person
    jump: str  # the key after g
    order: int


@dataclass
class Link:
    label: str
    url: str
    icon: str
    jump: str
    current: bool
    name: str = ""  # of its address


@dataclass
class Group:
    heading: str
    links: list[Link] = field(default_factory=list)


@dataclass(frozen=True)
class Badge:
    """How many of a page's things want somebody."""

    count: int
    alarm: bool = False


_entries: dict[str, Entry] = {}
_badges: dict[str, Callable[[], Badge]] = {}


def count(url_name: str, badge: Callable[[], Badge]) -> None:
    """Says how an entry's number is counted: each time the foot of the rail is refreshed, for those who may open the page."""
    _badges[url_name] = badge


def badges(actor: Any) -> dict[str, Badge]:
    return {entry.url_name: _badges[entry.url_name]() for entry, _ in entries(actor) if entry.url_name in _badges}


def register(group: str, label: str, url_name: str, icon: str, permission: str | None, jump: str = "", order: int = 0) -> None:
    """Adds a page to the rail and the palette; a second call for a url_name replaces it. ValueError: unknown group, taken key."""
    if group not in GROUPS:
        raise ValueError(f"unknown group {group!r}, choose one of {GROUPS}")
    taken = next((entry.url_name for entry in _entries.values() if jump and entry.jump == jump and entry.url_name != url_name), None)
    if taken:
        raise ValueError(f"the key g {jump} already opens {taken}")
    _entries[url_name] = Entry(group, label, url_name, icon, permission, jump, order)


@cache
def _permission_test() -> Callable[[Any, str], bool]:
    return import_string(settings.PERMISSION_TEST)


def entries(actor: Any) -> list[tuple[Entry, str]]:
    """What this person may open, with its address, in the rail's order."""
    found = []
    for entry in sorted(_entries.values(), key=lambda entry: (GROUPS.index(entry.group), entry.order, entry.label)):
        if entry.permission is not None and not _permission_test()(actor, entry.permission):
            continue
        try:
            found.append((entry, reverse(entry.url_name)))
        except NoReverseMatch:
            continue  # its room is not mounted in this process
    return found


def groups(actor: Any, path: str) -> list[Group]:
    """The rail for this person on this page. The current entry is the one with the longest address that starts the path."""
    allowed = entries(actor)
    here = max((url for _, url in allowed if path == url or (url != "/" and path.startswith(url))), key=len, default=None)
    found: dict[str, Group] = {}
    for entry, url in allowed:
        group = found.setdefault(entry.group, Group(entry.group))
        group.links.append(Link(entry.label, url, entry.icon, entry.jump, url == here, entry.url_name))
    return list(found.values())
