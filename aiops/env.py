"""Reading the environment. A value that is present but wrong stops the start with one sentence that names the variable."""

import os

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}

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


def number(name: str, default: float) -> float:
    value = text(name)
    try:
        return float(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; write a number") from None


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list; empty parts are left out."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]
