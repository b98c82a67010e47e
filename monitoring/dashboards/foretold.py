"""What is laid over the charts of a resource: how unusual its values were, and what had been foretold of them.

Both are samples: <metric>:anomaly, and <metric>:forecast with :lower and :upper. Nobody here knows who computes them.
"""

from collections.abc import Mapping
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
FORETOLD = tuple(f"{metric}:{part}" for metrics in OF_PANEL.values() for metric in metrics for part in BANDS.values())
APART = ("mountpoint", "device", "gpu", "uuid", "container")  # labels that tell series of one metric apart
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


def bands(resource: int, grid: Grid, span: TimeRange) -> dict[str, Json]:
    """{panel: {data, lo, hi}} of panels for which exactly one series is foretold. Two statements."""
    found: dict[str, list[reader.SeriesRef]] = {}
    for ref in reader.select_many(FORETOLD, [resource]):
        found.setdefault(ref.metric, []).append(ref)
    wanted = {panel: parts for panel, metrics in OF_PANEL.items() if (parts := _one(metrics, found))}
    ids = [ref.id for parts in wanted.values() for ref in parts.values()]
    samples = reader.raw_many(ids, span.start_ms - FARTHEST_MS, span.end_ms + FARTHEST_MS) if ids else {}
    x = grid.seconds * 1000
    drawn = {panel: {name: _line(ref, samples, x) for name, ref in parts.items()} for panel, parts in wanted.items()}
    return {panel: lines for panel, lines in drawn.items() if np.isfinite(lines["data"]).any()}


def _one(metrics: tuple[str, ...], found: Mapping[str, list[reader.SeriesRef]]) -> dict[str, reader.SeriesRef]:
    """The one series of each part; none where there are several, which a single band cannot show."""
    if len(metrics) != 1:
        return {}
    parts = {name: found.get(f"{metrics[0]}:{part}", []) for name, part in BANDS.items()}
    return {name: refs[0] for name, refs in parts.items()} if all(len(refs) == 1 for refs in parts.values()) else {}


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
