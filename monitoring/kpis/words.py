"""Figures as people read them."""

from typing import NamedTuple

from monitoring.kpis.report import Kpi

NONE = "–"
UNITS = ((2 * 86_400, 86_400, "d"), (2 * 3600, 3600, "h"), (120, 60, "min"), (0, 1, "s"))  # from so many seconds on: what counts


class Shown(NamedTuple):
    value: str
    unit: str

    def __str__(self) -> str:
        return f"{self.value}\u00a0{self.unit}" if self.unit else self.value


def shown(value: float | None, shape: str) -> Shown:
    """ "–" for no value, never 0."""
    if value is None:
        return Shown(NONE, "")
    if shape == "count":
        return Shown(f"{value:,.0f}", "")
    return _percent(value) if shape == "percent" else _span(value)


def _percent(value: float) -> Shown:
    """100 only when it is all of it."""
    short = min(value, 99.99) if value < 100 else value
    return Shown(f"{short:.2f}" if 90 <= short < 100 else f"{short:.0f}" if short >= 10 or short == int(short) else f"{short:.1f}", "%")


def _span(seconds: float) -> Shown:
    size, unit = next((size, unit) for least, size, unit in UNITS if abs(seconds) >= least)
    found = seconds / size
    return Shown(f"{found:,.0f}" if abs(found) >= 20 or found == int(found) else f"{found:.1f}", unit)


def change(kpi: Kpi) -> str:
    """How much it moved, without a sign: an arrow says which way."""
    moved = kpi.change
    if moved is None:
        return ""
    if not moved:
        return "no change"
    size = abs(moved)
    if kpi.shape == "percent":
        return f"{size:.2f} points" if size < 1 else f"{size:.1f} points"
    return str(shown(size, kpi.shape))
