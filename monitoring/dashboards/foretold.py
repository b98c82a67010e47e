"""What is laid over the charts of a resource: how unusual its values were, and what had been foretold of them.

Both are samples: <metric>:anomaly, and <metric>:forecast with :lower and :upper. Nobody here knows who computes them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aiops.timerange import TimeRange
from monitoring.dashboards.frames import Floats, Frames, Grid, held
from monitoring.store import reader

OF_PANEL = {  # panel -> metrics under whose names scores and forecasts of what it draws are written
    "cpu": ("cpu_used_percent",), "memory": ("memory_used_percent",), "load": ("load_per_core",),
    "filesystem": ("filesystem_used_percent",), "busy": ("disk_busy_percent",),
    "network": ("network_received_bytes", "network_transmitted_bytes"), "trouble": ("network_errors",), "gpu": ("gpu_used_percent",),
    "gpu-memory": ("gpu_memory_used_percent",), "container-memory": ("container_memory_percent",), "restarts": ("pod_restarts",),
}  # fmt: skip
SCORES = tuple(f"{metric}:anomaly" for metrics in OF_PANEL.values() for metric in metrics)
BANDS = {"data": "forecast", "lo": "lower", "hi": "upper"}
PARTS = {part: name for name, part in BANDS.items()}
FORETOLD = tuple(f"{metric}:{part}" for metrics in OF_PANEL.values() for metric in metrics for part in PARTS)
APART = ("mountpoint", "device", "gpu", "uuid", "container")  # labels that tell series of one metric apart
WAYS = {"network_received_bytes": "in", "network_transmitted_bytes": "out"}  # where a panel draws several metrics
HOLDS_MS = 300_000  # a score is of the time until the next
FARTHEST_MS = 7_200_000  # between two foretold points that a line joins
Json = dict[str, Any]


def ribbon(panel: str, frames: Frames) -> list[float] | None:
    """The highest score per bucket, 0 where nothing was unusual; None where nobody scores what the panel draws."""
    lines = [
        line.high
        for metric in OF_PANEL.get(panel, ())
        if frames.has(f"{metric}:anomaly")
        for line in frames.gauge(f"{metric}:anomaly", *APART).values()
    ]
    if not lines:
        return None
    highest: Floats = np.fmax.reduce(lines)
    known = np.flatnonzero(np.isfinite(highest))
    if not len(known):
        return None
    source = held(known, len(highest), int(-(-HOLDS_MS // frames.grid.step)))
    filled = np.where(source >= 0, highest[known[np.clip(source, 0, None)]], 0.0)
    return [round(float(value), 2) for value in filled]


@dataclass(frozen=True)
class Choice:
    """A series whose forecast can be laid over a panel: one at a time, for bands of several hide each other."""

    key: str  # in the address
    label: str  # what tells it from the others; empty where there are none
    parts: Mapping[str, reader.SeriesRef]  # data, lo, hi


def choices(refs: Iterable[reader.SeriesRef]) -> dict[str, list[Choice]]:
    """{panel: its foretold series, by label}."""
    found: dict[str, dict[frozenset[tuple[str, str]], dict[str, reader.SeriesRef]]] = {}
    for ref in refs:
        metric, _, part = ref.metric.rpartition(":")
        found.setdefault(metric, {}).setdefault(frozenset(ref.labels.items()), {})[PARTS[part]] = ref
    listed = {panel: _of_panel(panel, [(metric, found.get(metric, {})) for metric in metrics]) for panel, metrics in OF_PANEL.items()}
    return {panel: rows for panel, rows in listed.items() if rows}


def _of_panel(panel: str, found: Sequence[tuple[str, Mapping[Any, dict[str, reader.SeriesRef]]]]) -> list[Choice]:
    named: list[tuple[str, dict[str, reader.SeriesRef]]] = []
    for metric, series in found:
        whole = [parts for parts in series.values() if len(parts) == len(BANDS)]
        named += zip((f"{WAYS.get(metric, '')} {label}".strip() for label in _labels(whole)), whole, strict=True)
    alone = len(named) == 1
    rows = [Choice("1" if alone else f"{panel}:{label}", "" if alone else label, parts) for label, parts in named]
    return sorted(rows, key=lambda one: one.label)


def _labels(series: Sequence[dict[str, reader.SeriesRef]]) -> list[str]:
    """What tells them apart: the values of one label where that is enough, else all of their labels."""
    if len(series) < 2:
        return [""] * len(series)
    labels = [parts["data"].labels for parts in series]
    for name in (*APART, *sorted(set().union(*labels) - set(APART))):
        values = [one.get(name, "") for one in labels]
        if len(set(values)) == len(values) and all(values):
            return values
    return [", ".join(f"{name}={value}" for name, value in sorted(one.items())) for one in labels]


def pick(offered: Sequence[Choice], asked: Collection[str], heights: Mapping[str, float]) -> Choice:
    """The one that is asked for, else the highest of the panel's lines."""
    wanted = [one for one in offered if one.key in asked]
    return wanted[0] if wanted else max(offered, key=lambda one: heights.get(one.label, float("-inf")))


def bands(picked: Mapping[str, Choice], grid: Grid, span: TimeRange) -> dict[str, Json]:
    """{panel: {data, lo, hi}} where something was foretold of these times. One statement."""
    ids = [ref.id for one in picked.values() for ref in one.parts.values()]
    samples = reader.raw_many(ids, span.start_ms - FARTHEST_MS, span.end_ms + FARTHEST_MS) if ids else {}
    x = grid.seconds * 1000
    drawn = {panel: {name: _line(ref, samples, x) for name, ref in one.parts.items()} for panel, one in picked.items()}
    return {panel: lines for panel, lines in drawn.items() if np.isfinite(lines["data"]).any()}


def _line(ref: reader.SeriesRef, samples: Mapping[int, Any], x: Floats) -> Floats:
    """At the times x, ms, straight between points that are not too far apart."""
    t, v = samples.get(ref.id, (np.empty(0, np.int64), np.empty(0)))
    if len(t) < 2:
        return np.full(len(x), np.nan)
    place = np.clip(np.searchsorted(t, x), 1, len(t) - 1)
    near = (t[place] - t[place - 1] <= FARTHEST_MS) & (x >= t[0]) & (x <= t[-1])
    line: Floats = np.where(near, np.interp(x, t, v), np.nan)
    return line


# -- of one series, wherever it is from --------------------------------------------------------------------------------------
def of_series(labels: Mapping[str, str], start: int, end: int, step: int) -> Json | None:
    """Of a series as it is stored: {t, data, lo, hi} from start to as far beyond end as half the range (ms; t in seconds), and the
    anomaly scores of the range; None where nobody foretells or scores it. Three statements at most."""
    metric, own = labels.get("__name__", ""), {name: value for name, value in labels.items() if name != "__name__"}
    refs = {name: _exactly(f"{metric}:{part}", own) for name, part in {**BANDS, "anomaly": "anomaly"}.items()} if metric else {}
    ids = [ref.id for ref in refs.values() if ref]
    if not ids:
        return None
    x = np.arange(start, end + (end - start) // 2 + 1, step, dtype=float)
    samples = reader.raw_many(ids, start - FARTHEST_MS, int(x[-1]) + FARTHEST_MS)
    lines = {name: _line(ref, samples, x) for name, ref in refs.items() if ref and name in BANDS}
    found: Json = {}
    if len(lines) == len(BANDS) and np.isfinite(lines["data"]).any():
        last = max(int(np.flatnonzero(np.isfinite(lines["data"]))[-1]), int((end - start) // step))
        found = {"t": x[: last + 1] / 1000, **{name: line[: last + 1] for name, line in lines.items()}}
    if refs["anomaly"]:
        found["anomaly"] = _highest(samples.get(refs["anomaly"].id), start, end, step)
    return found or None


def _exactly(metric: str, labels: Mapping[str, str]) -> reader.SeriesRef | None:
    return next((ref for ref in reader.select(metric, labels) if ref.labels == labels), None)


def _highest(samples: Any, start: int, end: int, step: int) -> list[float]:
    """The highest score of each step."""
    highest = np.zeros((end - start) // step + 1)
    if samples is not None:
        t, v = samples
        inside = (t >= start) & (t <= end)
        np.maximum.at(highest, (t[inside] - start) // step, np.nan_to_num(v[inside]))
    return [round(float(value), 2) for value in highest]
