"""What templates of runbooks can do with a value. Every filter is pure and its answer no longer than a text may be."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monitoring.alerts import durations

LONGEST = 8_000  # characters of a text, elements of a list
_PORT = re.compile(r"(\[.*\]|[^:]*):\d+")
_META = re.compile(r"([\\.+*?()|\[\]{}^$])")
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


class Missing:
    """What is not there; false, and equal to nothing. `name` says what was asked for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        return False


def text(value: Any) -> str:
    """As people write it: 5.0 is 5, yes is true, a list has commas."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    return "" if value is None else str(value)


def number(value: Any) -> float:
    """ValueError for what is no number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{text(value)[:40]!r} is not a number") from None


def whole(value: Any) -> int:
    found = number(value)
    if not abs(found) < 1e18:
        raise ValueError(f"{text(value)[:40]!r} is too large")
    return int(value) if isinstance(value, str) and value.strip().lstrip("+-").isdecimal() else int(found)


def default(value: Any, other: Any = "", empty: Any = False) -> Any:
    return other if isinstance(value, Missing) or value is None or (empty and not value) else value


def host(value: Any) -> str:
    """Without the port: db-1:9100 is db-1, [::1]:9100 is ::1."""
    found = text(value)
    match = _PORT.fullmatch(found)
    return match[1].strip("[]") if match else found


def regex(value: Any) -> str:
    """As a part of a regular expression that means just this text."""
    return _META.sub(r"\\\1", text(value))


def bytes_(value: Any) -> str:
    size, unit = number(value), 0
    while abs(size) >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.4g} {_UNITS[unit]}"


def seconds(value: Any) -> float:
    """Of a duration as people write it."""
    return float(value) if isinstance(value, int | float) else durations.seconds(text(value))


def join(value: Any, by: Any = ", ") -> str:
    return text(by).join(map(text, value)) if isinstance(value, list | tuple) else text(value)


def end(value: Any, place: int) -> Any:
    if not isinstance(value, Sequence) or not value:
        raise ValueError("there is nothing in it")
    return value[place]


def rounded(value: Any, digits: Any = 0) -> Any:
    count = whole(digits)
    return round(number(value), min(max(count, 0), 12)) if count else round(number(value))


# Name → (function, most arguments besides the value).
FILTERS: dict[str, tuple[Callable[..., Any], int]] = {
    "default": (default, 2),
    "d": (default, 2),
    "lower": (lambda value: text(value).lower(), 0),
    "upper": (lambda value: text(value).upper(), 0),
    "trim": (lambda value: text(value).strip(), 0),
    "replace": (lambda value, old, new: text(value).replace(text(old), text(new)) if text(old) else text(value), 2),
    "split": (lambda value, by=",": [part.strip() for part in text(value).split(text(by) or ",")], 1),
    "join": (join, 1),
    "first": (lambda value: end(value, 0), 0),
    "last": (lambda value: end(value, -1), 0),
    "length": (lambda value: len(value) if isinstance(value, Sequence | Mapping) else len(text(value)), 0),
    "string": (text, 0),
    "int": (whole, 0),
    "float": (number, 0),
    "round": (rounded, 1),
    "abs": (lambda value: abs(number(value)), 0),
    "min": (lambda value, other: min(number(value), number(other)), 1),
    "max": (lambda value, other: max(number(value), number(other)), 1),
    "before_last": (lambda value, mark: text(value).rpartition(text(mark) or " ")[0] or text(value), 1),
    "host": (host, 0),
    "regex": (regex, 0),
    "bytes": (bytes_, 0),
    "duration": (lambda value: durations.shown(seconds(value)), 0),
    "seconds": (seconds, 0),
}
