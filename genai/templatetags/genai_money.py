"""Dollars as people read them: large sums to the cent, small ones to two figures."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import template

register = template.Library()


@register.filter
def dollars(value: Any) -> str:
    """0.0041 → "$0.0041", 41.2 → "$41.20", 1284 → "$1,284"; "–" for no value."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return "–"
    if not found.is_finite():
        return "–"
    size = abs(found)
    if size >= 1000 or size == 0:
        return f"${found:,.0f}"
    if size >= 1:
        return f"${found:,.2f}"
    return f"${found:.{max(2, 1 - size.adjusted())}f}" if size >= Decimal("0.000001") else "<$0.000001"
