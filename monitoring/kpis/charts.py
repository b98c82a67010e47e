"""Trends of the page: bars and lines over the period, with the sentence a screen reader says in their place."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring.dashboards import charts
from monitoring.kpis import compute
from monitoring.kpis.compute import RANKS, Ints, Lengths, Troubles
from monitoring.kpis.report import Report
from monitoring.kpis.words import shown

DAY, WEEK = 86_400, 7 * 86_400
DAILY = 45 * DAY  # longer periods are told by the week
TONES = {"critical": "--critical-fill", "high": "--high-fill", "medium": "--medium-fill", "low": "--low-fill"}


@dataclass(frozen=True)
class Chart:
    key: str
    title: str
    unit: str
    sentence: str
    data: str  # JSON for charts.js; "" where there is nothing to draw


def of(report: Report) -> list[Chart]:
    limits, per = _limits(report)
    word = "week" if per == WEEK else "day"
    return [
        _by_severity("incident-bars", "Incidents by severity", f"per {word}", report.incidents, limits),
        _times(report, limits, word),
        _by_severity("alert-bars", "Alerts by severity", f"per {word}", report.alerts, limits),
        _fates(report, limits, word),
    ]


def _limits(report: Report) -> tuple[Ints, int]:
    """Whole days or weeks back from the end; the first may be shorter."""
    period = report.period
    step = WEEK if period.seconds > DAILY else DAY
    back = np.arange(period.end, period.start, -step)[::-1]
    return np.concatenate(([period.start], back)).astype(np.int64), step


def _bars(key: str, title: str, unit: str, series: list[tuple[str, str, Ints]], limits: Ints) -> Chart:
    drawn = [
        {"id": label, "label": label, "color": at + 1, "tone": tone, "data": counts}
        for at, (label, tone, counts) in enumerate(series)
        if counts.any()
    ]
    spec = {"t": _middles(limits), "unit": "", "series": drawn, "stacked": True, "bars": True, "alone": True}
    told = ", ".join(f"{int(counts.sum()):,} {label.lower()}" for label, _, counts in series if counts.any())
    return Chart(key, title, unit, f"{title}, {unit}: {told or 'none'}", charts.script(spec) if drawn else "")


def _middles(limits: Ints) -> Any:
    return (limits[:-1] + limits[1:]) / 2


def _by_severity(key: str, title: str, unit: str, rows: Troubles, limits: Ints) -> Chart:
    series = [
        (name.capitalize(), TONES[name], compute.counted(rows.opened[rows.severity == RANKS.index(name)], limits))
        for name in reversed(RANKS)
    ]  # fmt: skip
    return _bars(key, title, unit, series, limits)


def _times(report: Report, limits: Ints, word: str) -> Chart:
    lines = [("To resolve", 1, report.to_resolve), ("To acknowledge", 2, report.to_acknowledge)]
    series = [_line(label, color, lengths, limits) for label, color, lengths in lines if len(lengths.seconds)]
    series[:1] = [{**one, "fill": True} for one in series[:1]]
    spec = {"t": _middles(limits), "unit": "s", "series": series, "alone": True, "from": report.period.start, "to": report.period.end}
    told = ", ".join(f"mean {label.lower()} {shown(lengths.spread.mean, 'seconds')}" for label, _, lengths in lines)
    title, unit = "Time to resolve and acknowledge", f"mean per {word}, {report.basis}"
    return Chart("times", title, unit, f"{title}: {told}", charts.script(spec) if series else "")


def _line(label: str, color: int, lengths: Lengths, limits: Ints) -> dict[str, Any]:
    return {"id": label, "label": label, "color": color, "data": compute.means(lengths, limits)}


def _fates(report: Report, limits: Ints, word: str) -> Chart:
    rows = report.alerts
    over = rows.resolved > 0
    fates = [
        ("Acted on", "--ok-fill", rows.acted),
        ("Open, nobody yet", "--medium-fill", ~over & ~rows.acted),
        ("Ended by themselves", "--low-fill", over & ~rows.acted),
    ]
    series = [(label, tone, compute.counted(rows.opened[mask], limits)) for label, tone, mask in fates]
    return _bars("fates", "What became of alerts", f"per {word}", series, limits)
