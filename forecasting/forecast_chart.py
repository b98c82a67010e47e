"""What the charts of a forecast draw: what was, what is foreseen with its bands, the limit; and what earlier forecasts said of the past."""

from typing import Any

import numpy as np
from django.utils import timezone

from forecasting import history, words
from forecasting.models import Forecast, Prediction, Track
from monitoring.dashboards import charts
from monitoring.dashboards.frames import STEPS_MS

DAY_MS = 86_400_000
POINTS = 400
BANDS = {"lo": "lo80", "hi": "hi80", "lo95": "lo95", "hi95": "hi95"}
Json = dict[str, Any]


def drawn(track: Track, forecast: Forecast | None, now_ms: int, days: int) -> Json:
    """A spec of static/js/charts.js over `days` back and the points ahead."""
    step = step_of(days * DAY_MS, track.watch.step * 1000)
    t, values = history.of_track(track, (now_ms - days * DAY_MS) // step * step, now_ms, step)
    ahead: Any = np.empty(0)
    if forecast and forecast.points:
        ahead = forecast.start + 1000 * forecast.step * np.arange(len(forecast.points["mean"]))
    later = ahead > t[-1]
    unit, known = words.unit_of(track.watch.unit), values[np.isfinite(values)]
    spec: Json = {
        "t": np.concatenate([t, ahead[later]]) / 1000, "unit": unit, "now": now_ms / 1000, "sentence": sentence(track, forecast, known),
        "series": [{"id": "value", "label": "Measured", "color": 1, "data": _padded(values, int(later.sum()), True), "fill": True}],
        "note": "" if len(known) or len(ahead) else "The store holds no samples of it in this time.",
    }  # fmt: skip
    if len(ahead):
        spec["forecast"] = _bands(forecast, later, values)
    limit = forecast.limit if forecast and forecast.limit is not None else track.watch.limit
    if limit is not None:
        spec["limit"] = {"value": limit, "label": f"Limit {words.figure(limit, track.watch.unit)}"}
    if unit == "%":
        spec["floor"] = 100
    return spec


def step_of(span_ms: int, least_ms: int) -> int:
    return next((step for step in STEPS_MS if step >= max(span_ms / POINTS, least_ms)), STEPS_MS[-1])


def _padded(values: history.Floats, count: int, after: bool) -> history.Floats:
    blank = np.full(count, np.nan)
    return charts.compact(np.concatenate([values, blank] if after else [blank, values]))


def _bands(forecast: Any, later: Any, values: history.Floats) -> Json:
    """The line begins at the last value measured, so that it joins what was."""
    found: Json = {}
    for name, key in {"data": "mean", **BANDS}.items():
        if key in forecast.points:
            line = np.concatenate([np.full(len(values), np.nan), np.asarray(forecast.points[key], float)[later]])
            known = np.flatnonzero(np.isfinite(values))
            if len(known):
                line[known[-1] : len(values)] = values[known[-1]]
            found[name] = charts.compact(line)
    return found


def sentence(track: Track, forecast: Forecast | None, known: history.Floats) -> str:
    unit = track.watch.unit
    now = f"{words.figure(float(known[-1]), unit)} last" if len(known) else "no value in this time"
    if forecast is None:
        return f"{track}: {now}; no forecast yet"
    if forecast.eta:
        reached = f"reaches {words.figure(forecast.limit, unit)} at {timezone.localtime(forecast.eta):%Y-%m-%d %H:%M}"
        return f"{track}: {now}; the forecast {reached}"
    return f"{track}: {now}; the forecast reaches no limit" if forecast.limit is not None else f"{track}: {now}, with its forecast"


# -- what was foretold and what came -----------------------------------------------------------------------------------------
def compared(track: Track, since: Any) -> list[tuple[Any, float, float, float, float]]:
    """(time, mean, lower, upper, actual), oldest first."""
    rows: Any = Prediction.objects.filter(track=track, timestamp__gte=since, actual__isnull=False).order_by("timestamp")
    return list(rows.values_list("timestamp", "mean", "lower", "upper", "actual"))


def backtested(track: Track, rows: list[tuple[Any, float, float, float, float]]) -> Json:
    """Two specs: what was foretold against what came, and how far off it was."""
    unit = words.unit_of(track.watch.unit)
    t = [row[0].timestamp() for row in rows]
    mean, low, high, actual = (np.array([row[place] for row in rows], float) for place in (1, 2, 3, 4))
    off = actual - mean
    told = errors(rows)
    said = f"{len(rows)} points: off by {words.figure(told['mae'], track.watch.unit)} on average" if rows else "Nothing to compare yet"
    line = {"id": "actual", "label": "Came", "color": 1, "data": charts.compact(actual)}
    rest = {"id": "off", "label": "Came less foretold", "color": 2, "data": charts.compact(off)}
    return {
        "t": t, "unit": unit, "sentence": said, "note": "" if rows else "Nothing that was foretold has come yet.", "series": [line],
        "forecast": {"data": charts.compact(mean), "lo": charts.compact(low), "hi": charts.compact(high)},
        "residuals": {"t": t, "unit": unit, "sentence": said, "note": "", "series": [rest]},
    }  # fmt: skip


def errors(rows: list[tuple[Any, float, float, float, float]]) -> Json:
    """n, mae, rmse, bias in the metric's unit; inside: share of what came inside the 80 % band."""
    if not rows:
        return {"n": 0, "mae": None, "rmse": None, "bias": None, "inside": None}
    mean, low, high, actual = (np.array([row[place] for row in rows], float) for place in (1, 2, 3, 4))
    off = actual - mean
    return {
        "n": len(rows), "mae": float(np.abs(off).mean()), "rmse": float(np.sqrt(np.mean(off**2))), "bias": float(off.mean()),
        "inside": float(np.mean((actual >= low) & (actual <= high))),
    }  # fmt: skip
