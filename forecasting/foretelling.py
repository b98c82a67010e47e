"""A forecast for whoever asks now: the stored one where it reaches far enough, else a light one computed in this process (numpy alone)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting import kept, predict, training
from forecasting.cleaning import Unpredictable
from forecasting.models import Forecast, Track
from monitoring.alerts.subjects import NAMING
from monitoring.dashboards.explorer import full_name
from monitoring.inventory.models import Resource
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME, Matcher
from monitoring.query.stored import run_range
from monitoring.store import matching
from monitoring.store.reader import SeriesRef

DAYS, STEP = 14, 3600  # of a series that nobody watches: how far back, seconds between points
MOST = 1000  # points ahead
LIMITS = Limits(seconds=5, samples=5_000_000)
BANDS = ("mean", "lo80", "hi80", "lo95", "hi95")


class NoSuchSeries(LookupError):
    """One sentence."""


@dataclass
class Foretold:
    vm: str
    metric: str
    step: int  # seconds
    times: list[datetime]
    bands: dict[str, list[float]]  # mean, lo80, hi80, lo95, hi95: one value for each time
    source: str  # stored: of the last run; numpy: computed now
    model: int | None = None
    version: int | None = None
    ratio: float | None = None  # error over that of the same time yesterday
    weights: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def points(self) -> list[dict[str, Any]]:
        rows = zip(self.times, *(self.bands[name] for name in BANDS), strict=True)
        return [{"timestamp": at, "mean": mean, "lower": a, "upper": b, "lower95": c, "upper95": d} for at, mean, a, b, c, d in rows]


def foretell(vm: str, metric: str, horizon: int, labels: Mapping[str, str] | None = None) -> Foretold:
    """Raises Unpredictable and NoSuchSeries with one sentence, StoreUnavailable."""
    track = track_of(vm, metric, labels or {})
    if track is None:
        return computed(vm, metric, STEP, *past_of(vm, metric, labels or {}), horizon)
    latest = Forecast.objects.filter(track=track, latest=True).select_related("model").first()
    if latest is not None and (found := _stored(track, latest, horizon)):
        return found
    t, values = kept.coarse(kept.of(track), track.watch)
    return computed(track.vm, track.series, track.watch.forecast_step, t, values, horizon, training.bounds(track, values))


def track_of(vm: str, metric: str, labels: Mapping[str, str]) -> Track | None:
    """The watched series of this name; None where none is forecast. Raises Unpredictable where several are meant."""
    rows = Track.objects.filter(vm=vm, watch__forecast=True).exclude(state=Track.State.ENDED).select_related("watch")
    found = list(rows.filter(series=metric)[:1]) or [one for one in rows.filter(metric=metric) if labels.items() <= one.labels.items()]
    if len(found) > 1:
        raise Unpredictable(f"{vm} has {len(found)} series of {metric[:80]}; name one of them, for example {found[0].series[:200]}.")
    return found[0] if found else None


def _stored(track: Track, latest: Forecast, horizon: int) -> Foretold | None:
    """What lies ahead of the last run; None where that is less than what is asked for."""
    mean = latest.points.get("mean", [])
    now, step = time.time() * 1000, latest.step * 1000
    first = max(0, int(np.ceil((now - latest.start) / step)))
    if len(mean) - first < horizon:
        return None
    some, model = slice(first, first + horizon), latest.model
    times = [_moment(latest.start + place * step) for place in range(first, first + horizon)]
    return Foretold(
        track.vm, track.series, latest.step, times, {name: latest.points[name][some] for name in BANDS}, "stored",
        latest.model_id, model.version if model else None, model.ratio if model else None, model.weights if model else {},
    )  # fmt: skip


def computed(
    vm: str, metric: str, step: int, t: NDArray[np.int64], values: NDArray[np.float64], horizon: int,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Foretold:  # fmt: skip
    """By the numpy level: hundredths of a second. t in ms."""
    found = predict.blend(t // 1000, values, horizon, level="numpy", floor=bounds[0], ceiling=bounds[1])
    origin = int(found.origin.astype("datetime64[s]").astype(np.int64))
    times = [_moment(1000 * (origin + found.step * (place + 1))) for place in range(horizon)]
    bands = {name: line.tolist() for name, line in found.bands().items()}
    return Foretold(vm, metric, found.step, times, bands, "numpy", ratio=found.ratio, weights=found.weights, notes=found.notes)


def _moment(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


# -- series that nobody watches ------------------------------------------------------------------------------------------
def past_of(vm: str, metric: str, labels: Mapping[str, str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(times in ms, hourly means); of a counter its growth per second. Raises NoSuchSeries, Unpredictable, StoreUnavailable."""
    name = full_name({NAME: metric, **ref_of(vm, metric, labels).labels})
    query = f"rate({name}[1h])" if metric.endswith("_total") else f"avg_over_time({name}[1h])"
    end = int(time.time()) // STEP * STEP * 1000
    try:
        matrix = run_range(query, end - DAYS * 86_400_000, end, STEP * 1000, within=LIMITS)
    except QueryError as fault:
        raise Unpredictable(f"The store cannot answer for it: {fault.message}.") from fault
    if not len(matrix.labels):
        raise Unpredictable("There are only gaps: not one value in the time looked at.")
    return matrix.t, np.where(matrix.present[0], matrix.v[0], np.nan)


def ref_of(vm: str, metric: str, labels: Mapping[str, str]) -> SeriesRef:
    """The one series of this metric that is this machine's. Raises NoSuchSeries, Unpredictable where there are several."""
    owners = set(Resource.objects.filter(name=vm).values_list("pk", flat=True))
    matchers = [Matcher(NAME, "=", metric), *(Matcher(name, "=", value) for name, value in labels.items())]
    found = [ref for ref in matching.find(matchers) if ref.resource_id in owners or _is_named(ref.labels, vm)]
    if not found:
        raise NoSuchSeries(f"There is no series of {metric[:80]} of {vm[:80]}.")
    if len(found) > 1:
        raise Unpredictable(f"{vm} has {len(found)} series of {metric[:80]}; say labels that only one of them has.")
    return found[0]


def _is_named(labels: Mapping[str, str], vm: str) -> bool:
    return any(labels.get(label) in (vm, f"{vm}:{labels.get(label, '').rpartition(':')[2]}") for label, _ in NAMING)
