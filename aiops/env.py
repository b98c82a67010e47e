"""Reading the environment. A value that is present but wrong stops the start with one sentence that names the variable."""

import math
import os
import re
from collections.abc import Collection

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}

SPAN = re.compile(r"(-?\d{1,15}(?:\.\d+)?)\s*(?:,|:|\.\.|-|\s)\s*(-?\d{1,15}(?:\.\d+)?)")

asked_for: set[str] = set()  # for the check that finds misspelt names


def text(name: str, default: str = "") -> str:
    asked_for.add(name)
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}; write true or false")
    return value in TRUE


def number(name: str, default: float, least: float = -math.inf, most: float = math.inf) -> float:
    value = text(name)
    try:
        found = float(value) if value else default
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ImproperlyConfigured(f"{name} is {value!r}; write a number")
    if not least <= found <= most:
        raise ImproperlyConfigured(f"{name} is {value!r}; write a number {_between(least, most)}")
    return found


def _between(least: float, most: float) -> str:
    return f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"


def whole(name: str, default: int, least: int, most: int) -> int:
    found = number(name, default, least, most)
    if found != int(found):
        raise ImproperlyConfigured(f"{name} is {text(name)!r}; write a whole number")
    return int(found)


def span(name: str, default: tuple[float, float]) -> tuple[float, float]:
    """The least and the most of something, written as 0,100 or 0-100."""
    value = text(name)
    if not value:
        return default
    match = SPAN.fullmatch(value)
    low, high = (float(match[1]), float(match[2])) if match else (math.nan, math.nan)
    if not low < high:
        raise ImproperlyConfigured(f"{name} is {value!r}; write the least and the most, for example 0,100")
    return low, high


def one_of(name: str, default: str, known: Collection[str]) -> str:
    value = text(name, default)
    found = next((one for one in known if one.lower() == value.lower()), None)
    if found is None:
        raise ImproperlyConfigured(f"{name} is {value!r}; write one of {', '.join(known)}")
    return found


def rate(name: str, default: str) -> str:
    value = text(name, default)
    if not re.fullmatch(r"[0-9]{1,9}/(s|sec|m|min|h|hour|d|day)", value):
        raise ImproperlyConfigured(f"{name} is {value!r}; write a rate such as 1200/min")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list; empty parts are left out."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def wholes(name: str, default: str, least: int, most: int) -> list[int]:
    """A comma-separated list of whole numbers, each once, the least first."""
    found = words(name, default)
    if not found or not all(one.isdecimal() and least <= int(one) <= most for one in found):
        raise ImproperlyConfigured(f"{name} is {text(name)!r}; write whole numbers {_between(least, most)}, for example {default}")
    return sorted({int(one) for one in found})
