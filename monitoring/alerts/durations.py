"""Durations as rule files write them: 30s, 5m, 1h30m."""

import re

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_WHOLE = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")


def seconds(text: str) -> float:
    """ValueError for what is no duration; a bare 0 is one."""
    given = str(text).strip()
    found = _WHOLE.fullmatch(given)
    if given == "0":
        return 0.0
    if not found or not given or len(given) > 40:
        raise ValueError(f"{given[:40]!r} is not a duration; write for example 30s, 5m or 1h30m")
    units = ("y", "w", "d", "h", "m", "s", "ms")
    return sum(int(count) * _UNITS[unit] for count, unit in zip(found.groups(), units, strict=True) if count)


def shown(count: float) -> str:
    """The other way round: 90 is 1m30s."""
    left, parts = round(count), []
    for unit in ("d", "h", "m", "s"):
        size = int(_UNITS[unit])
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts) or "0s"
