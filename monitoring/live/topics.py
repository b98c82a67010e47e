"""What can be watched, and the permission each topic asks for."""

import re

# pattern of the whole topic -> permission
_TOPICS: dict[re.Pattern[str], str] = {}


def register(pattern: str, permission: str) -> None:
    """A pattern with a group named `person` is one person's own: its number must be theirs."""
    _TOPICS[re.compile(pattern)] = permission


def permission_of(topic: str) -> str | None:
    """None for a topic that does not exist."""
    return next((permission for pattern, permission in _TOPICS.items() if pattern.fullmatch(topic)), None)


def owner_of(topic: str) -> int | None:
    """The only person who may watch it; None for a topic that is everybody's."""
    for pattern in _TOPICS:
        found = pattern.fullmatch(topic)
        if found and "person" in pattern.groupindex:
            return int(found["person"])
    return None


for known in ("fleet", "system", "sources", r"resource:[1-9][0-9]{0,18}", r"inbox:(?P<person>[1-9][0-9]{0,18})"):
    register(known, "monitoring:read")
