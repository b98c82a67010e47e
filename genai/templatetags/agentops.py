"""How latencies and scores of agents are drawn."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from aiops.templatetags.ui import NBSP, duration

register = template.Library()
PRECISE = 20_000  # ms; what takes longer is told in whole seconds


@register.filter
def milliseconds(value: Any) -> str:
    """2810 → "2.8 s", 412 → "412 ms", 95000 → "1 min 35 s"; "–" for no value."""
    if value is None:
        return "–"
    found = float(value)
    if found < 1000:
        return f"{found:.0f}{NBSP}ms"
    return f"{found / 1000:.1f}{NBSP}s" if found < PRECISE else duration(round(found / 1000), 2)


@register.simple_tag
def score_bar(score: float, target: float, below: bool = False) -> SafeString:
    """A bar from 0 to 1 with a mark at the target; amber below it. The number stands beside it."""
    return format_html(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="6"/>'
        '<rect class="fill{}" width="{}" height="6"/><path class="tick" d="M{} 0V6"/></svg>',
        " warn" if below else "", f"{min(1.0, max(0.0, score)) * 100:.0f}", f"{target * 100:.0f}",
    )  # fmt: skip
