"""Sparklines as SVG paths: a series with its forecast's band and limit, and a series over its usual band."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WIDTH, HEIGHT = 160, 32
ANOM_WIDTH = 132
PAST = 2 / 3  # of the width is what was
MOST_AHEAD = 24


@dataclass(frozen=True)
class Spark:
    """Paths in a box of WIDTH by HEIGHT; an empty path is not drawn."""

    line: str
    ahead: str
    band: str
    limit: str
    now: float

    @property
    def empty(self) -> bool:
        return not (self.line or self.ahead)


@dataclass(frozen=True)
class Banded:
    """A series over its usual band, in a box of ANOM_WIDTH by HEIGHT."""

    inside: str
    outside: str
    top: float
    height: float


def forecast(past: Floats, mean: Sequence[float], low: Sequence[float], high: Sequence[float], limit: float | None) -> Spark:
    """past: what was, NaN for gaps; mean, low, high: the points ahead."""
    now = WIDTH * PAST if len(past) else 0.0
    ahead = _thinned(np.asarray([mean, low, high], float)) if len(mean) else np.empty((3, 0))
    scale = _scale(np.concatenate([past, ahead.ravel(), [np.nan if limit is None else limit]]))
    xs = np.linspace(0, now, len(past)) if len(past) else np.empty(0)
    later = np.linspace(now, WIDTH, ahead.shape[1] + 1)[1:]
    edge = np.array([[now, scale(past[-1])]]) if len(past) and np.isfinite(past[-1]) else np.empty((0, 2))
    middle, lower, upper = (np.vstack([edge, np.column_stack([later, scale(row)])]) for row in ahead)
    band = f"{_path(upper)}{_path(lower[::-1], 'L')}Z" if len(later) else ""
    line = f"M0 {scale(limit):.1f}H{WIDTH}" if limit is not None else ""
    return Spark(_path(np.column_stack([xs, scale(past)])), _path(middle) if len(later) else "", band, line, round(now, 1))


def anomaly(values: Floats, low: float | None, high: float | None, since: int) -> Banded:
    """since: the place of the first row that is outside."""
    bounds = [np.nan if low is None else low, np.nan if high is None else high]
    scale = _scale(np.concatenate([values, bounds]))
    points = np.column_stack([np.linspace(0, ANOM_WIDTH, max(len(values), 1)), scale(values)]) if len(values) else np.empty((0, 2))
    at = int(np.clip(since, 0, len(points)))
    top, bottom = (
        float(scale(bound)) if np.isfinite(bound) else edge for bound, edge in zip(bounds[::-1], (1.0, HEIGHT - 1.0), strict=True)
    )
    return Banded(_path(points[: at + 1]), _path(points[max(0, at) :]), round(top, 1), round(max(0.8, bottom - top), 1))


class _Scale:
    """From values to heights, the highest value at the top."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, value: Floats | float | None) -> Floats:
        share = (np.asarray(value, float) - self.low) / ((self.high - self.low) or 1.0)
        y: Floats = HEIGHT - 1 - share * (HEIGHT - 2)
        return y


def _scale(values: Floats) -> _Scale:
    known = values[np.isfinite(values)]
    return _Scale(float(known.min()), float(known.max())) if len(known) else _Scale(0.0, 1.0)


def _thinned(ahead: Floats) -> Floats:
    """At most MOST_AHEAD columns of [3, points], the last of them among these: more do not fit into the width."""
    apart = -(-ahead.shape[1] // MOST_AHEAD)
    return ahead[:, ::-apart][:, ::-1]


def _path(points: Floats, pen: str = "M") -> str:
    """Through the points [n, 2]; what is not finite breaks the line."""
    out = []
    for x, y in points.tolist():
        if not isfinite(y):
            pen = "M"
            continue
        out.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(out) if len(out) > 1 else ""
