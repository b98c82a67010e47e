"""The charts of one resource over one time range: read once, computed once, as JSON, CSV, sentences and live points."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
from django.utils import timezone
from django.utils.safestring import mark_safe

from aiops.templatetags.ui import si, significant
from aiops.timerange import TimeRange
from monitoring.dashboards import foretold, kinds, troubles
from monitoring.dashboards.frames import SILENCE, Floats, Frames, Grid, Line, interval_of
from monitoring.dashboards.panels import METRICS, PANELS, Lines, Panel, ranked
from monitoring.dashboards.rolled import FROM_MS, RolledFrames
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.store import reader

POINTS = 500
MOST_OFFERED = 12  # foretold series that a chart's menu names
MARKS = 9  # events drawn into the charts; the others stand under Changes
RATE_WINDOW_MS = 300_000  # read before the range, so that its first rate has a sample to start from
LIVE_WINDOW_MS = 120_000
Json = dict[str, Any]


@dataclass
class Drawn:
    """A panel with the lines it has in this range."""

    panel: Panel
    lines: Lines
    anomaly: list[float] | None = None  # the highest score per bucket
    forecast: Json | None = None  # data, lo, hi: what had been foretold
    choices: Sequence[foretold.Choice] = ()  # series that were foretold
    picked: foretold.Choice | None = None  # of these, the one whose forecast is asked for

    @property
    def offered(self) -> list[foretold.Choice]:
        return [one for one in self.choices if one is not self.picked][:MOST_OFFERED]

    def __getattr__(self, name: str) -> Any:  # templates ask for key, title, unit …
        return getattr(self.panel, name)

    @property
    def heading_unit(self) -> str:
        return self.panel.unit if self.panel.unit in {"%", "°C", "W"} else ""

    @property
    def sentence(self) -> str:
        """What a screen reader says in place of the picture."""
        parts = [_told(name, line, self.panel.unit) for name, line in list(self.lines.items())[:4]]
        more = f"; {len(self.lines) - 4} more lines" if len(self.lines) > 4 else ""
        return f"{self.panel.title}: {'; '.join(parts)}{more}"


@dataclass
class Charts:
    grid: Grid
    drawn: list[Drawn]
    events: list[Json]
    interval_ms: int

    @property
    def empty(self) -> bool:
        return not self.drawn

    def as_json(self, span: TimeRange) -> Json:
        x = np.minimum(self.grid.seconds, span.end_ms / 1000)  # the last bucket is still filling: its middle may lie ahead
        return {
            "t": np.round(x, 1), "from": span.start_ms / 1000, "to": span.end_ms / 1000, "live": span.live,
            "step": self.grid.step / 1000, "interval": self.interval_ms / 1000, "events": self.events,
            "panels": [_spec(one, self.grid.step > self.interval_ms * 2) for one in self.drawn],
        }  # fmt: skip


def dumps(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def of_resource(
    resource: Resource, span: TimeRange, points: int = POINTS, panels: Sequence[Panel] = PANELS, foresee: Collection[str] = ()
) -> Charts:
    """Four statements, however many series and samples there are; one more with what was foretold (`foresee`: of which series, "1": of
    the highest of each chart)."""
    metrics = METRICS if panels is PANELS else tuple(metric for panel in panels for metric in panel.metrics)
    refs = reader.select_many((*metrics, *foretold.SCORES, *foretold.FORETOLD), [resource.pk])
    ahead = foretold.choices(ref for ref in refs if ref.metric in foretold.FORETOLD)
    measured = [ref for ref in refs if ref.metric not in foretold.FORETOLD]
    frames = frames_of(measured, span, points, resource.report_interval * 1000)
    found = [one for panel in panels if (one := drawn(panel, frames))]
    for one in found:
        one.anomaly, one.choices = foretold.ribbon(one.panel.key, frames), ahead.get(one.panel.key, [])
    if foresee:
        _foretell(found, foresee, frames.grid, span)
    return Charts(frames.grid, found, _events(resource, span), frames.interval)


def _foretell(found: Sequence[Drawn], asked: Collection[str], grid: Grid, span: TimeRange) -> None:
    for one in found:
        if one.choices:
            heights = {name: -np.inf if line.last is None else line.last for name, line in one.lines.items()}
            one.picked = foretold.pick(one.choices, asked, heights)
    laid = foretold.bands({one.panel.key: one.picked for one in found if one.picked}, grid, span)
    for one in found:
        one.forecast = laid.get(one.panel.key)


def frames_of(refs: Sequence[reader.SeriesRef], span: TimeRange, points: int, pace: int) -> Frames:
    grid = Grid.over(span.start_ms, span.end_ms, points)
    if grid.step >= FROM_MS:  # one bucket more in front: a counter's first rate needs it
        found = reader.buckets_many([ref.id for ref in refs], grid.start - grid.step, span.end_ms, grid.step)
        return RolledFrames(refs, found, grid, pace)
    samples = reader.raw_many([ref.id for ref in refs], span.start_ms - RATE_WINDOW_MS, span.end_ms)
    interval = interval_of(samples)
    return Frames(refs, samples, Grid.over(span.start_ms, span.end_ms, points, interval), interval)


def drawn(panel: Panel, frames: Frames) -> Drawn | None:
    if not any(frames.has(metric) for metric in panel.metrics):
        return None
    lines = {name: line for name, line in panel.lines(frames).items() if not line.empty}
    return Drawn(panel, ranked(panel, lines)) if lines else None


def _spec(one: Drawn, ranged: bool) -> Json:
    panel = one.panel
    series = [
        {"id": name, "label": name or panel.title, "color": panel.colours[at % len(panel.colours)], "data": compact(line.mean)}
        | ({"lo": compact(line.low), "hi": compact(line.high)} if ranged and not panel.stacked and len(one.lines) <= 4 else {})
        | ({"fill": True} if panel.fill and at == 0 else {})
        for at, (name, line) in enumerate(one.lines.items())
    ]
    return {
        "key": panel.key, "title": panel.title, "unit": panel.unit, "max": panel.top, "floor": panel.floor, "stacked": panel.stacked,
        "whole": panel.whole, "rest": panel.rest, "sentence": one.sentence, "series": series, **_laid_over(one),
    }  # fmt: skip


def _laid_over(one: Drawn) -> Json:
    found: Json = {"anomaly": one.anomaly} if one.anomaly is not None else {}
    if one.forecast is not None:
        found["forecast"] = {name: compact(line) for name, line in one.forecast.items()}
        found["foretold"] = one.picked.label if one.picked else ""
    return found


def compact(values: Floats) -> Floats:
    """Four significant figures of the highest value: a chart shows no more, and JSON stays short."""
    top = float(np.nanmax(np.abs(values), initial=0.0)) if len(values) else 0.0
    if not top:
        return values
    rounded: Floats = np.round(values, int(np.clip(4 - np.ceil(np.log10(top)), -12, 6)))
    return rounded


def _told(name: str, line: Line, unit: str) -> str:
    low, high = np.nanmin(line.low, initial=np.inf), np.nanmax(line.high, initial=-np.inf)
    return f"{name} {shown(line.last, unit)} last, between {shown(low, unit)} and {shown(high, unit)}"


def shown(value: float | None, unit: str) -> str:
    if value is None or not np.isfinite(value):
        return "–"
    return si(value, unit) if unit in {"B/s", "B", "/s"} else f"{significant(round(float(value), 2))} {unit}".strip()


# -- events --------------------------------------------------------------------------------------------------------------
def _events(resource: Resource, span: TimeRange) -> list[Json]:
    """What happened to it in the range, oldest first, numbered: alerts that fired, reboots and clock jumps among it."""
    rows = ResourceChange.objects.filter(resource=resource, time__gte=span.start, time__lt=span.end).order_by("-time")[:MARKS]
    alerts = troubles.marks(resource, span, MARKS)
    events = [*alerts, *map(_event, troubles.untold(rows, alerts))]
    newest = sorted(events, key=lambda event: event["t"])[-MARKS:]
    return [{**event, "n": str(n)} for n, event in enumerate(newest, 1)]


def _event(row: ResourceChange) -> Json:
    _, _, mark, line = kinds.change(row.kind, row.after)
    return {"t": row.time.timestamp(), "kind": line, "mark": mark, "text": row.text, "time": row.time}


# -- the newest point ----------------------------------------------------------------------------------------------------
def newest(resource_id: int, now_ms: int) -> Json | None:
    """One value per line, all lines unranked: the page keeps those it draws. None where nothing arrived lately."""
    refs = reader.select_many(METRICS, [resource_id])
    samples = reader.raw_many([ref.id for ref in refs], now_ms - LIVE_WINDOW_MS, now_ms + 1000)
    latest = max((int(t[-1]) for t, _ in samples.values() if len(t)), default=None)
    if latest is None:
        return None
    interval = interval_of(samples)
    frames = Frames(refs, samples, Grid(latest + 1 - interval * SILENCE, interval, SILENCE), interval)
    panels = {panel.key: _last_values(panel, frames) for panel in PANELS if any(frames.has(metric) for metric in panel.metrics)}
    return {"t": latest / 1000, "panels": {key: values for key, values in panels.items() if values}}


def _last_values(panel: Panel, frames: Frames) -> dict[str, float]:
    return {name: float(f"{line.mean[-1]:.5g}") for name, line in panel.lines(frames).items() if np.isfinite(line.mean[-1])}


# -- CSV -----------------------------------------------------------------------------------------------------------------
def as_csv(charts: Charts) -> Iterable[str]:
    """One row per bucket: time in UTC, then a column per line."""
    out = io.StringIO()
    writer = csv.writer(out)
    columns = [
        (f"{one.panel.title} {name}, {one.panel.unit}".rstrip(", "), line.mean) for one in charts.drawn for name, line in one.lines.items()
    ]
    writer.writerow(["time", *(safe_cell(name) for name, _ in columns)])
    for at, seconds in enumerate(charts.grid.seconds):
        values = ["" if np.isnan(column[at]) else f"{column[at]:.6g}" for _, column in columns]
        if any(values):
            writer.writerow([datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds"), *values])
    yield out.getvalue()


def safe_cell(cell: str) -> str:
    """A name that a spreadsheet would run as a formula is written as text."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def csv_name(resource: Resource, key: str) -> str:
    name = "".join(letter if letter.isalnum() or letter in ".-_" else "-" for letter in resource.name)[:60]
    return f"{name}-{key or 'charts'}-{timezone.localtime():%Y%m%d-%H%M}.csv"


def script(value: Json | None) -> str:
    """JSON that can stand inside a <script type="application/json">."""
    return "" if value is None else mark_safe(dumps(value).decode().replace("<", "\\u003c"))  # noqa: S308 - no "<" is left in it
