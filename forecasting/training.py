"""Models of a track: fitted when there is none, when the last is old, when it drifts, when a person asks; each fit is a version.

Few tracks are forecast by the full blend, whose models are fitted in a child process; large fleets by the level that needs numpy alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from forecasting import fit_process, predict
from forecasting.anomalies import moment
from forecasting.cleaning import Unpredictable
from forecasting.fit_process import FitFault
from forecasting.kept import Series
from forecasting.models import ForecastModel, Prediction, Track
from forecasting.predict import Blended

FULL, NUMPY = "full", "numpy"
FULL_FLEET = 200  # tracks that are forecast; beyond, the light level is used
OLD, OLD_WHILE_YOUNG = timedelta(days=7), timedelta(days=1)  # a model; one of less than a week of history
YOUNG = timedelta(days=7)
DRIFT_ROWS, DRIFT = 24, 2.0  # predictions that came, and how much larger their error than in the backtest
OPEN_ENDED = ("percent", "bytes", "bytes/s", "per second", "")
KIND = "blend"


@dataclass
class Fitted:
    """A forecast with the model it is of."""

    blended: Blended
    model: ForecastModel


def level() -> str:
    forecast = Track.objects.filter(watch__forecast=True, watch__enabled=True).exclude(state=Track.State.ENDED)
    return FULL if forecast.count() <= FULL_FLEET else NUMPY


def fit(track: Track, series: Series, horizon: int, wanted: str, now: datetime | None = None) -> Fitted:
    """The forecast of the track from its active model, or a new version of it when one is due. Raises Unpredictable, FitFault."""
    now = now or timezone.now()
    active = ForecastModel.objects.filter(track=track, active=True).first()
    why = why_anew(track, active, series, wanted, now)
    if why or active is None:
        blended = anew(track, series, horizon, wanted, active)
        return Fitted(blended, stored(track, blended, series, wanted, why or "first", now))
    return Fitted(again(track, series, horizon, active), active)


def why_anew(track: Track, active: ForecastModel | None, series: Series, wanted: str, now: datetime) -> str:
    """first, asked, level, age, drift; empty where the active model is still good."""
    if active is None:
        return "first"
    if active.params.get("asked"):
        return f"asked by {active.params['asked']}"[:200]
    if active.level != wanted:
        return "level"
    t = series[0]
    known = timedelta(milliseconds=int(t[-1] - t[0])) if len(t) else timedelta()
    if now - active.made_at > (OLD if known > YOUNG else OLD_WHILE_YOUNG):
        return "age"
    return "drift" if drifted(track, active, now) else ""


def drifted(track: Track, active: ForecastModel, now: datetime) -> bool:
    """Whether what came since is further from what was foretold than the backtest was."""
    if now - active.made_at < OLD_WHILE_YOUNG or not active.mae:
        return False
    rows = Prediction.objects.filter(track=track, timestamp__gte=active.made_at, actual__isnull=False).order_by("-timestamp")
    off = [abs(actual - mean) for actual, mean in rows.values_list("actual", "mean")[:DRIFT_ROWS] if actual is not None]
    return len(off) == DRIFT_ROWS and sum(off) / len(off) > DRIFT * active.mae


def anew(track: Track, series: Series, horizon: int, wanted: str, active: ForecastModel | None) -> Blended:
    """Backtested, weighed and fitted."""
    t, x = series
    floor, ceiling = bounds(track, x)
    earlier = unpacked(active) if wanted == FULL else None
    if wanted == FULL:
        return fit_process.blend(t / 1000, x, horizon, level=FULL, floor=floor, ceiling=ceiling, earlier=earlier)
    return predict.blend(t / 1000, x, horizon, level=NUMPY, floor=floor, ceiling=ceiling)


def again(track: Track, series: Series, horizon: int, active: ForecastModel) -> Blended:
    """From the active model's weights and widths. A state that another release left is fitted anew, without being a version."""
    t, x = series
    floor, ceiling = bounds(track, x)
    kept = unpacked(active)
    if kept is None or kept.step != track.watch.forecast_step:
        return anew(track, series, horizon, active.level, None)
    refit = fit_process.refit if active.level == FULL else predict.refit
    return refit(t / 1000, x, horizon, kept, floor=floor, ceiling=ceiling)


def unpacked(model: ForecastModel | None) -> Blended | None:
    if model is None or not model.state:
        return None
    try:
        return Blended.unpack(bytes(model.state))
    except (ValueError, TypeError, KeyError):
        return None


def bounds(track: Track, x: np.ndarray) -> tuple[float | None, float | None]:
    """What is counted or a share is never below zero, and a share that has kept to 100 stays there."""
    known = x[np.isfinite(x)]
    counted = track.watch.unit in OPEN_ENDED and len(known) > 0 and known.min() >= 0
    share = track.watch.unit == "percent" and counted and known.max() <= 100
    return (0.0 if counted else None), (100.0 if share else None)


# -- versions --------------------------------------------------------------------------------------------------------------
def stored(track: Track, blended: Blended, series: Series, wanted: str, why: str, now: datetime) -> ForecastModel:
    """The new version, active from now on."""
    errors = blended.errors
    mine, naive = errors.get("blend", {}), errors.get(predict.BASELINE, {})
    t = series[0]
    with transaction.atomic():
        version = next_version(track)
        ForecastModel.objects.filter(track=track, active=True).update(active=False)
        return ForecastModel.objects.create(
            track=track,
            version=version,
            kind=KIND,
            level=wanted,
            made_at=now,
            why=why,
            params={"horizon": len(blended.mean), "step": blended.step, "folds": blended.folds, "faults": blended.faults},
            trained_from=moment(int(t[0])),
            trained_to=moment(int(t[-1])),
            rows=blended.rows,
            weights=blended.weights,
            errors=errors,
            mae=mine.get("mae"),
            mase=mine.get("mase"),
            naive_mase=naive.get("mase"),
            ratio=blended.ratio,
            coverage=blended.coverage.get("80"),
            state=blended.pack(),
            cpu_seconds=blended.cpu_seconds,
            active=True,
        )


def failed(track: Track, fault: FitFault | str, wanted: str, now: datetime) -> ForecastModel:
    """A version that tells why; one that fails again and again stays one row."""
    reason = fault.reason if isinstance(fault, FitFault) else str(fault)
    with transaction.atomic():
        last = ForecastModel.objects.filter(track=track).order_by("-version").first()
        if last is not None and last.fault:
            last.made_at, last.fault, last.level = now, reason, wanted
            last.save(update_fields=["made_at", "fault", "level"])
            return last
        return ForecastModel.objects.create(
            track=track, version=next_version(track), kind=KIND, level=wanted, made_at=now, fault=reason, why="failed"
        )


def next_version(track: Track) -> int:
    return int(ForecastModel.objects.filter(track=track).aggregate(last=Max("version"))["last"] or 0) + 1


def tune(tracks: Sequence[Track], series: dict[int, Series], now: datetime | None = None) -> dict[int, str]:
    """Every rival fitted and weighed anew, whatever the fleet's size; what became of each track, one sentence."""
    now, said = now or timezone.now(), {}
    for track in tracks:
        try:
            blended = anew(track, series[track.pk], track.watch.horizon, FULL, None)
            model = stored(track, blended, series[track.pk], FULL, "asked", now)
            said[track.pk] = blended.reason or f"Version {model.version}: {model.ratio or 0.0:.2f} of the naive error."
        except Unpredictable as refusal:
            said[track.pk] = refusal.sentence
        except FitFault as fault:
            said[track.pk] = failed(track, fault, FULL, now).fault
    return said
