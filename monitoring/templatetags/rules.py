"""Marks for the pages of rules and silences."""

from typing import Any

from django import template

from monitoring.alerts import durations

register = template.Library()
NBSP = "\u00a0"


@register.filter
def ms(value: Any) -> str:
    """Milliseconds as people read them: 0.42 → "0.4 ms", 1840 → "1.8 s"."""
    if value is None:
        return "–"
    found = float(value)
    if found >= 60_000:
        return f"{found / 60_000:.1f}{NBSP}min"
    if found >= 1000:
        return f"{found / 1000:.1f}{NBSP}s"
    return f"{found:.1f}{NBSP}ms" if found < 10 else f"{found:.0f}{NBSP}ms"


@register.filter
def span(seconds: Any) -> str:
    """As rule files write it: 300 → "5m"."""
    return durations.shown(float(seconds)) if seconds else ""
