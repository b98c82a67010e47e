"""What a query answered over a time, as figures: enough to say whether it still does, and to draw it small."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from monitoring.dashboards.frames import STEPS_MS, Floats
from monitoring.query.evaluate import Limits
from monitoring.query.stored import run_range
from monitoring.query.values import Matrix

POINTS, LINE = 240, 48  # steps that are asked for, and values that are kept
FINEST = 15_000  # ms
LIMITS = Limits(seconds=5, samples=5_000_000)
Json = dict[str, Any]


def reference(query: str, start: datetime, end: datetime) -> Json:
    """What is asked, on a grid, so that it can be asked again in the same words."""
    a, b = int(start.timestamp() * 1000), int(end.timestamp() * 1000)
    step = next((one for one in STEPS_MS if one >= max((b - a) / POINTS, FINEST)), STEPS_MS[-1])
    first = a // step * step
    return {"query": query, "start": first, "end": max(b // step * step, first + step), "step": step}


def ask(asked: Mapping[str, Any]) -> Matrix:
    """Raises QueryError, StoreUnavailable."""
    return run_range(asked["query"], asked["start"], asked["end"], asked["step"], within=LIMITS)


def figures(asked: Mapping[str, Any]) -> Json:
    """Of several series the mean at each step; first and last are those of that line. Without samples only counts."""
    found = ask(asked)
    values: Floats = np.where(found.present & np.isfinite(found.v), found.v, np.nan)
    known = np.isfinite(values)
    points, series = int(known.sum()), int(known.any(axis=1).sum())
    if not points:
        return {"series": 0, "points": 0}
    line = _mean(values, known)
    told = line[np.isfinite(line)]
    return {
        "series": series, "points": points, "min": short(np.nanmin(values)), "max": short(np.nanmax(values)),
        "mean": short(float(np.nanmean(values))), "first": short(told[0]), "last": short(told[-1]), "line": outline(line),
    }  # fmt: skip


def _mean(values: Floats, known: np.ndarray[Any, Any]) -> Floats:
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    line: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return line


def outline(line: Floats) -> list[float | None]:
    """At most LINE values, each the mean of a part."""
    parts = np.array_split(line, min(LINE, len(line)))
    return [short(float(part[np.isfinite(part)].mean())) if np.isfinite(part).any() else None for part in parts]


def short(value: float) -> float:
    """Six significant figures: what is kept is compared and hashed."""
    return float(f"{float(value):.6g}")
