"""What can be watched, and the permission each topic asks for."""

import re

# pattern of the whole topic -> permission
_TOPICS: dict[re.Pattern[str], str] = {}


def register(pattern: str, permission: str) -> None:
    _TOPICS[re.compile(pattern)] = permission


def permission_of(topic: str) -> str | None:
    """None for a topic that does not exist."""
    return next((permission for pattern, permission in _TOPICS.items() if pattern.fullmatch(topic)), None)


for known in ("fleet", "system", "sources", r"resource:[1-9][0-9]{0,18}"):
    register(known, "monitoring:read")
