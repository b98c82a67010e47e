"""A forecast run: the tracks that are due are read, fitted and foretold; their points become samples and Prediction rows, the time to their
limit goes to the ledger. Doing it twice for one time changes nothing more.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import Error, transaction
from django.utils import timezone

from aiops.metrics import ERRORS
from forecasting import capacity, kept, ledger, schedule, training
from forecasting.anomalies import moment
from forecasting.cleaning import Unpredictable
from forecasting.fit_process import FitFault
from forecasting.kept import Series
from forecasting.models import Forecast, Prediction, Track, Watch
from forecasting.tracks import sample_key
from forecasting.training import Fitted
from monitoring.query.errors import QueryError
from monitoring.store import StoreUnavailable, writer
from monitoring.store.batch import Batch, SeriesKey

EVERY, SOON = timedelta(hours=1), timedelta(minutes=10)
NEAR = timedelta(hours=12)  # tracks whose limit may be so close are run SOON
AGAIN = timedelta(hours=6)  # after a fit that failed, and for what cannot be predicted yet
ENOUGH = timedelta(days=2)  # of history: with more, a series that cannot be predicted is not one that is still learned
DAY = 86_400  # seconds
BUDGET = 50.0  # seconds that one task works; what is left is claimed by the next
SUFFIXES = {"forecast": "mean", "lower": "lo80", "upper": "hi80"}
BANDS = ("mean", "lo80", "hi80", "lo95", "hi95")
_running = threading.Lock()
log = logging.getLogger(__name__)


@dataclass
class Told:
    """What a run says of one track. Arrays [horizon]; times in ms."""

    track: Track
    series: Series
    state: str
    reason: str
    fitted: Fitted | None = None
    times: list[int] = field(default_factory=list)
    points: dict[str, list[float]] = field(default_factory=dict)
    eta: capacity.Eta | None = None
    fault: str = ""

    @property
    def value(self) -> float | None:
        known = self.series[1][np.isfinite(self.series[1])]
        return float(known[-1]) if len(known) else None


def forecast_due(now: datetime | None = None) -> int:
    """Runs what is due, as long as its budget lasts; returns how many tracks. One thread of a process at a time: fits take turns anyway."""
    if not _running.acquire(blocking=False):
        return 0
    try:
        return _forecast_due(now)
    finally:
        _running.release()


def _forecast_due(now: datetime | None) -> int:
    count, begun, wanted = 0, time.monotonic(), training.level()
    while time.monotonic() - begun < BUDGET:
        lease, tracks = schedule.claim_tracks(now)
        if not tracks:
            break
        count += len(tracks)
        _run(tracks, lease, wanted, now or timezone.now())
    return count


def _run(tracks: Sequence[Track], lease: str, wanted: str, now: datetime) -> None:
    watch = tracks[0].watch
    try:
        run(watch, tracks, wanted, now)
    except QueryError as fault:
        Track.objects.filter(pk__in=[one.pk for one in tracks]).update(state=Track.State.FAILED, reason=fault.message[:300])
        schedule.release_tracks(tracks, lease, now + EVERY)
    except (StoreUnavailable, Error):
        schedule.release_tracks(tracks, lease)
        raise
    except Exception:  # other watches' tracks are run all the same
        log.exception("tracks of %s could not be forecast", watch.key)
        ERRORS.labels("forecast").inc()
        schedule.release_tracks(tracks, lease, now + EVERY)
    else:
        schedule.release_tracks(tracks, lease)


def run(watch: Watch, tracks: Sequence[Track], wanted: str, now: datetime) -> list[Told]:
    """Raises QueryError, StoreUnavailable."""
    at = schedule.slot(kept.step_of(watch), now)
    histories = kept.extend(watch, tracks, at)
    told = [foretold(track, histories[track.pk], wanted, now) for track in tracks]
    write(told)
    save(told, now)
    fill_actuals(watch, histories)
    return told


# -- one track -------------------------------------------------------------------------------------------------------------
def foretold(track: Track, series: Series, wanted: str, now: datetime) -> Told:
    told = Told(track, series, Track.State.LEARNING, "")
    try:
        told.fitted = training.fit(track, kept.coarse(series, track.watch), track.watch.horizon, wanted, now)
        told.state, told.reason = judged(told.fitted)
        _point(told)
    except Unpredictable as refusal:
        known = int(series[0][-1] - series[0][0]) if len(series[0]) else 0
        told.state = Track.State.NOT_PREDICTABLE if known >= ENOUGH.total_seconds() * 1000 else Track.State.LEARNING
        told.reason = refusal.sentence
    except FitFault as fault:
        told.state, told.reason = Track.State.FAILED, training.failed(track, fault, wanted, now).fault
    if track.watch.foresees:
        _reach(told)
    return told


def judged(fitted: Fitted) -> tuple[str, str]:
    """By the backtest of the model's version: what does not beat the naive one makes no alert."""
    if fitted.model.ratio is None or fitted.model.ratio >= 1:
        return (
            Track.State.NOT_PREDICTABLE,
            fitted.blended.reason or "Not predictable yet: no model does better than the same time yesterday.",
        )
    return Track.State.OK, ""


def _point(told: Told) -> None:
    assert told.fitted is not None
    blended = told.fitted.blended
    origin = int(blended.origin.astype("datetime64[s]").astype(np.int64)) * 1000
    told.times = [origin + blended.step * 1000 * (place + 1) for place in range(len(blended.mean))]
    bands = {name: np.asarray(getattr(blended, name), float) for name in BANDS}
    for low, high in (("lo80", "hi80"), ("lo95", "hi95")):
        bands[low], bands[high] = np.minimum(bands[low], bands["mean"]), np.maximum(bands[high], bands["mean"])
    told.points = {name: [float(f"{value:.6g}") for value in band.tolist()] for name, band in bands.items()}
    for low, high in (("lo80", "hi80"), ("lo95", "hi95")):  # rounding may not turn them round
        told.points[low] = [min(a, b) for a, b in zip(told.points[low], told.points["mean"], strict=True)]
        told.points[high] = [max(a, b) for a, b in zip(told.points[high], told.points["mean"], strict=True)]


def horizon_days(watch: Watch) -> float:
    """How far the time to a limit is looked for."""
    return max(7.0, watch.warn_within / 24)


def _reach(told: Told) -> None:
    watch = told.track.watch
    t, x = told.series
    try:
        told.eta = capacity.time_to_limit(t / 1000, x, float(watch.limit or 0.0), watch.direction, horizon_days(watch))
        told.fault = told.eta["reason"]
    except Unpredictable as refusal:
        told.fault = refusal.sentence


# -- what is kept ----------------------------------------------------------------------------------------------------------
def write(told: Sequence[Told]) -> None:
    """Points as samples of times to come; a track that is not foretold any more has none. Raises StoreUnavailable."""
    keys: list[SeriesKey] = []
    resources: list[int | None] = []
    index, t, v = [], [], []
    for one in told:
        for suffix, band in SUFFIXES.items():
            values = one.points.get(band, []) if one.state == Track.State.OK else []
            index.append(np.full(len(values), len(keys), np.int32))
            t.append(np.array(one.times[: len(values)], np.int64))
            v.append(np.array(values, np.float64))
            keys.append(sample_key(one.track, suffix))
            resources.append(one.track.resource_id)
    if keys:
        writer.foretell(Batch(keys, np.concatenate(index), np.concatenate(t), np.concatenate(v), resources))


def save(told: Sequence[Told], now: datetime) -> None:
    """Each track in its own short transaction: its forecast, its predictions, the ledger, when it is due again."""
    before = {row.track_id: row for row in Forecast.objects.filter(track__in=[one.track for one in told], latest=True).defer("points")}
    for one in told:
        row = _forecast(one, before.get(one.track.pk), now)
        with transaction.atomic():
            Forecast.objects.filter(track=one.track, latest=True).update(latest=False, points={})
            row.save()
            _predict(one, now)
            ledger.judge(one.track, row, one.series, one.state, now)
            Track.objects.filter(pk=one.track.pk).update(state=one.state, reason=one.reason[:300], due_at=due_again(one, row, now))


def _forecast(one: Told, before: Forecast | None, now: datetime) -> Forecast:
    eta, last = one.eta, moment(int(one.series[0][-1])) if len(one.series[0]) else now
    after = lambda seconds: None if seconds is None else last + timedelta(seconds=seconds)  # noqa: E731
    row = Forecast(
        track=one.track,
        model=one.fitted.model if one.fitted else None,
        made_at=now,
        start=one.times[0] if one.times else 0,
        step=one.track.watch.forecast_step,
        points=one.points,
        value=one.value,
        limit=one.track.watch.limit,
        fault=one.fault[:300],
    )
    if eta is not None and eta["eta_seconds"] is not None:
        row.eta, row.eta_lo, row.eta_hi = after(eta["eta_seconds"]), after(eta["lo"]), after(eta["hi"])
    row.agreeing = ledger.agreeing(row, before, one.track.watch)
    return row


def _predict(one: Told, now: datetime) -> None:
    """The latest word on each time to come."""
    track, model = one.track, one.fitted.model if one.fitted else None
    bands = zip(one.times, *(one.points.get(name, ()) for name in ("mean", "lo80", "hi80")), strict=True)
    rows = [
        Prediction(
            vm=track.vm, metric=track.series, timestamp=moment(t), mean=mean, lower=low, upper=high, made_at=now, track=track, model=model
        )
        for t, mean, low, high in bands
        if moment(t) > now
    ]
    fields = ["mean", "lower", "upper", "made_at", "track", "model"]
    unique = ["vm", "metric", "timestamp"]
    Prediction.objects.bulk_create(rows, batch_size=100, update_conflicts=True, unique_fields=unique, update_fields=fields)


def due_again(one: Told, row: Forecast, now: datetime) -> datetime:
    if one.state == Track.State.FAILED:
        return now + AGAIN
    if row.eta_lo is not None and row.eta_lo - now < NEAR:
        return now + SOON
    return now + max(EVERY, timedelta(seconds=one.track.watch.forecast_step))


def fill_actuals(watch: Watch, histories: Mapping[int, Series]) -> int:
    """Predictions whose time has come get what came; returns how many."""
    came: list[Any] = []
    known = {pk: dict(zip(*(part.tolist() for part in kept.coarse(series, watch)), strict=True)) for pk, series in histories.items()}
    waiting = Prediction.objects.filter(track__in=list(histories), actual=None, timestamp__lte=timezone.now())
    for row in waiting.only("pk", "track_id", "timestamp"):
        value = known[row.track_id or 0].get(round(row.timestamp.timestamp() * 1000))
        if value is not None and np.isfinite(value):
            row.actual = value
            came.append(row)
    Prediction.objects.bulk_update(came, ["actual"], batch_size=200)
    return len(came)
