"""The past of tracks that are forecast, kept on their grid: an hourly run reads an hour of samples, and what was is known longer than the
samples are kept."""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from django.db import transaction

from forecasting import evaluation, maintenance
from forecasting.evaluation import Floats, Times
from forecasting.models import History, Track, Watch
from monitoring.store.windows import DAY

DAYS = 28
FINE = 4  # values of a history within one forecast step, where that is an hour or longer
Series = tuple[Times, Floats]


def step_of(watch: Watch) -> int:
    """Seconds: a multiple of the watch's step."""
    wanted = watch.forecast_step // FINE if watch.forecast_step >= 3600 else watch.forecast_step
    return max(1, wanted // watch.step) * watch.step


def of(track: Track) -> Series:
    """(times in ms, values), oldest first, NaN where there was nothing; empty before the first run."""
    row = History.objects.filter(pk=track.pk).first()
    return _read(row) if row else (np.empty(0, np.int64), np.empty(0))


def of_many(tracks: Sequence[int]) -> dict[int, Series]:
    """By track; those without a run yet are missing. One statement."""
    return {row.pk: _read(row) for row in History.objects.filter(pk__in=tracks)}


def extend(watch: Watch, tracks: Sequence[Track], at: int) -> dict[int, Series]:
    """The histories of these tracks up to `at` (ms, on the grid). Raises QueryError, StoreUnavailable."""
    step = step_of(watch) * 1000
    oldest = at - DAYS * DAY
    kept = {row.track_id: _read(row) for row in History.objects.filter(track__in=tracks, step=step // 1000)}
    by_start: dict[int, list[Track]] = {}
    for track in tracks:
        known = kept.get(track.pk)
        start = max(int(known[0][-1]), oldest) if known is not None and len(known[0]) else oldest
        by_start.setdefault(start, []).append(track)
    found = {}
    for start, alike in by_start.items():
        t, x = _binned(watch, alike, start, at, step)
        for row, track in enumerate(alike):
            found[track.pk] = _joined(kept.get(track.pk), t, x[row], oldest)
    _save(found, {pk: series for pk, series in kept.items() if pk in found}, step)
    return found


def _binned(watch: Watch, tracks: Sequence[Track], start: int, at: int, step: int) -> tuple[Times, Floats]:
    """Means of the steps that end after `start`, up to `at`."""
    if at <= start:
        return np.empty(0, np.int64), np.empty((len(tracks), 0))
    fine = watch.step * 1000
    t, x = evaluation.past(watch, tracks, start + fine, at, watch.step)
    quiet = maintenance.excluded([track.labels for track in tracks], t)
    x = x if quiet is None else np.where(quiet, np.nan, x)
    return means(t, x, step // fine)


def means(t: Times, x: Floats, count: int) -> tuple[Times, Floats]:
    """Every `count` values together, [series, times]; NaN where none of them is there. What is over at the beginning is left out."""
    whole = len(t) // count
    if not whole:
        return np.empty(0, np.int64), np.empty((*x.shape[:-1], 0))
    parts = x[..., len(t) - whole * count :].reshape(*x.shape[:-1], whole, count)
    there = np.isfinite(parts)
    counts = there.sum(axis=-1)
    sums = np.where(there, parts, 0.0).sum(axis=-1)
    return t[len(t) - whole * count :].reshape(whole, count)[:, -1], np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _joined(before: Series | None, t: Times, x: Floats, oldest: int) -> Series:
    if before is not None:
        t, x = np.concatenate([before[0], t]), np.concatenate([before[1], x])
    begins = int(np.argmax(np.isfinite(x))) if np.isfinite(x).any() else len(x)  # nothing is known before the first value
    keep = slice(max(begins, int(np.searchsorted(t, oldest, "right"))), None)
    return t[keep], x[keep]


def _save(found: Mapping[int, Series], before: Mapping[int, Series], step: int) -> None:
    rows = []
    for pk, (t, x) in found.items():
        if len(t) and (pk not in before or before[pk][0][-1:] != t[-1:]):
            rows.append(History(track_id=pk, step=step // 1000, through=int(t[-1]), values=zlib.compress(x.tobytes(), 1)))
    fields = ["step", "through", "values"]
    with transaction.atomic():
        History.objects.bulk_create(rows, batch_size=100, update_conflicts=True, unique_fields=["track"], update_fields=fields)


def _read(row: History) -> Series:
    x = np.frombuffer(zlib.decompress(bytes(row.values)), np.float64)
    step = row.step * 1000
    return np.arange(row.through - (len(x) - 1) * step, row.through + 1, step, dtype=np.int64), x


def coarse(series: Series, watch: Watch) -> Series:
    """On the grid of forecasts: steps that end at multiples of forecast_step; the last one is whole."""
    t, x = series
    count = max(1, watch.forecast_step // step_of(watch))
    over = int(np.count_nonzero(t > t[-1] // (watch.forecast_step * 1000) * (watch.forecast_step * 1000))) if len(t) else 0
    end = len(t) - over
    return means(t[:end], x[:end], count)
