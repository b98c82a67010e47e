"""Signs of key figures: {% load kpis %}."""

import math
from collections.abc import Sequence
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from monitoring.kpis import words
from monitoring.kpis.report import Kpi

register = template.Library()
WIDTH, HEIGHT = 240, 32


@register.filter
def figure(value: float | None, shape: str) -> str:
    """A figure with its unit; "–" for none."""
    return str(words.shown(value, shape))


@register.simple_tag
def trend_icon(kpi: Kpi) -> str:
    return "same" if not kpi.change else "up" if kpi.change > 0 else "dn"


@register.simple_tag
def area(values: Sequence[float | None]) -> SafeString:
    """A sparkline with its area; a part without a value is a gap, a lone value a dot."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return SafeString("")
    low, high = min(known), max(known)
    step, scale = WIDTH / max(len(values) - 1, 1), (HEIGHT - 2) / ((high - low) or 1)
    points = [None if value is None else (at * step, HEIGHT - 1 - (value - low) * scale) for at, value in enumerate(values)]
    pieces = _pieces(points)
    lines = format_html_join("", '<path class="area" d="{}"/><path d="{}"/>', ((_closed(piece), _line(piece)) for piece in pieces))
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>', WIDTH, HEIGHT, lines
    )


Point = tuple[float, float]


def _pieces(points: Sequence[Point | None]) -> list[list[Point]]:
    pieces: list[list[Point]] = [[]]
    for point in points:
        if point is None:
            pieces.append([])
        else:
            pieces[-1].append(point)
    return [piece if len(piece) > 1 else [(piece[0][0] - 1, piece[0][1]), (piece[0][0] + 1, piece[0][1])] for piece in pieces if piece]


def _line(piece: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in piece)


def _closed(piece: Sequence[Point]) -> str:
    return f"{_line(piece)}L{piece[-1][0]:.1f} {HEIGHT}L{piece[0][0]:.1f} {HEIGHT}Z"


@register.filter
def day(value: datetime) -> str:
    return f"{timezone.localtime(value):%-d %b %Y}"


@register.simple_tag
def budget_meter(left: float) -> SafeString:
    """What is left of an error budget: amber from a third down, red from a tenth."""
    tone = " bad" if left < 10 else " warn" if left < 33 else ""
    return format_html(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="6"/>'
        '<rect class="fill{}" width="{}" height="6"/></svg>', tone, f"{min(100.0, max(0.0, left)):.0f}",
    )  # fmt: skip
