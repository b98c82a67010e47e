"""What each model would have said: forecasts from earlier origins of the same series, against what came."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forecasting.cleaning import Floats, Regular
from forecasting.forecasters.base import FORECASTERS, Forecaster, Params, Told

FOLDS = 3
LEAST_DAYS = (9, 4)  # of history before an origin: the first that leaves all folds
APART_DAYS = 0.4  # at least between two origins: short horizons are tested at several times of the day
POWER, FLOOR = 3, 0.1  # of the weights: 1 / (MAE + FLOOR × scale) ^ POWER
NEIGHBOURS = 12  # steps to either side whose errors are pooled
# Of the intervals: quantile, factor, and the power of the worst fold's error over the mean one. Three folds of the past
# promise too much, the more so the more they differ among themselves.
INTERVALS = {"80": (0.82, 1.05, 0.5), "95": (0.96, 1.0, 1.0)}


def forecaster(name: str) -> Forecaster:
    """Raises KeyError for a name that is not in FORECASTERS."""
    from django.utils.module_loading import import_string  # needs no settings

    return import_string(FORECASTERS[name])()


def guarded(name: str, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
    """The model's forecast, kept within the range seen, widened by its width to either side. Raises whatever the model raises."""
    told = forecaster(name).forecast(past, horizon, earlier)
    low, high = float(past.values.min()), float(past.values.max())
    if told.mean.shape != (horizon,) or not np.isfinite(told.mean).all():
        raise ArithmeticError(f"{name} gave no number")
    return Told(np.clip(told.mean, 2 * low - high, 2 * high - low), told.params)


def origins(rows: int, day: int, horizon: int) -> list[int]:
    """Rows known at each origin, the latest first; fewer than FOLDS, even none, where the history is short."""
    apart = max(horizon, round(APART_DAYS * day))
    ends = [rows - horizon - apart * fold for fold in range(FOLDS)]
    for days in LEAST_DAYS:
        known = [end for end in ends if end >= days * day]
        if len(known) == FOLDS:
            break
    return known


def errors_of(name: str, series: Regular, horizon: int, ends: list[int], earlier: Params | None = None) -> Floats:
    """[fold, step]. Raises whatever the model raises."""
    y = series.values
    return np.array([y[end : end + horizon] - guarded(name, series.until(end), horizon, earlier).mean for end in ends])


def scale_of(series: Regular) -> float:
    """Mean difference to the day before: the unit of MASE."""
    y, day = series.values, series.day
    apart = day if len(y) > day else 1
    return float(np.abs(y[apart:] - y[:-apart]).mean())


def weights_of(errors: Mapping[str, Floats], scale: float) -> dict[str, float]:
    """Together one."""
    raw = {name: (float(np.abs(e).mean()) / scale + FLOOR) ** -POWER for name, e in errors.items()}
    total = sum(raw.values())
    return {name: weight / total for name, weight in raw.items()}


def pooled(sizes: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Per step the sizes [fold, step] of all folds and the neighbouring steps in order, [step, place]; and how many they are."""
    folds, steps = sizes.shape
    edge = np.full((folds, NEIGHBOURS), np.inf)  # sorts last
    wide = np.hstack([edge, sizes, edge])
    near = np.lib.stride_tricks.sliding_window_view(wide, 2 * NEIGHBOURS + 1, axis=1)
    held = np.sort(near.transpose(1, 0, 2).reshape(steps, -1), axis=1)
    return held, np.isfinite(held).sum(axis=1)


def widths_of(errors: Floats) -> Floats:
    """Half widths [2, step] of the 80 % and 95 % intervals: conformal quantiles of the blend's errors [fold, step]."""
    sizes = np.abs(errors)
    folds = sizes.mean(axis=1)
    uneven = float(folds.max() / folds.mean()) if folds.any() else 1.0
    held, count = pooled(sizes)
    widths = []
    for level, factor, power in INTERVALS.values():
        place = np.minimum(count, np.ceil((count + 1) * level).astype(np.int64)) - 1
        widths.append(held[np.arange(len(held)), place] * factor * uneven**power)
    return np.array(widths)


def coverage(errors: Floats) -> dict[str, float]:
    """Share of the errors [fold, step] inside the intervals that the other folds give; empty with one fold."""
    if len(errors) < 2:
        return {}
    widths = [widths_of(np.delete(errors, fold, axis=0)) for fold in range(len(errors))]
    return {level: float(np.mean([np.abs(e) <= w[at] for e, w in zip(errors, widths, strict=True)])) for at, level in enumerate(INTERVALS)}
