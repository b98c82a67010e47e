"""The shipped forecast: a blend of simple models, weighted by their backtest errors, with conformal intervals.

`forecast` answers arrays, `blend` all there is to tell, `refit` keeps a blend's weights and widths and fits the models anew.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from forecasting import backtest, packing
from forecasting.cleaning import FEWEST, Floats, Regular, Unpredictable, long_enough, moving, regular
from forecasting.forecasters.base import Params, Told

__all__ = ["Blended", "Unpredictable", "blend", "forecast", "refit"]

NUMPY = (
    "seasonal_naive", "seasonal_naive_week", "ridge_ar", "lag_ridge", "lag_ridge_log", "slot_median", "day_median", "last_value",
)  # fmt: skip
FULL = (*NUMPY, "theta", "mstl")
LEVELS = {"full": FULL, "numpy": NUMPY}
BASELINE = "seasonal_naive"
LEAST_DAYS = 2
MOST_ROWS = 10_000  # of history that is looked at
Z80, Z95 = 1.2816, 1.96
BANDS = ("lo80", "hi80", "lo95", "hi95")


@dataclass
class Blended:
    """A forecast and the model behind it. Arrays are [horizon], one value per step after `origin`."""

    mean: Floats
    lo80: Floats
    hi80: Floats
    lo95: Floats
    hi95: Floats
    origin: np.datetime64  # the last row known
    step: int  # seconds
    rows: int  # trained on
    weights: dict[str, float]
    errors: dict[str, dict[str, float]]  # of each rival, the blend itself and the baseline: mae, mase; empty without a backtest
    ratio: float | None  # backtest MAE of the blend / of the same time yesterday
    coverage: dict[str, float]  # share of the backtest inside "80" and "95", each fold judged by the others
    folds: int
    reason: str  # one sentence when it is not predictable, else empty
    widths: Floats = field(repr=False)  # [2, horizon] half widths of 80 % and 95 %
    params: dict[str, Params] = field(repr=False)  # of each model
    faults: dict[str, str] = field(default_factory=dict)  # models that failed, and why
    notes: list[str] = field(default_factory=list)  # what was done to the series
    cpu_seconds: float = 0.0

    @property
    def predictable(self) -> bool:
        """Whether the backtest beats the same time yesterday: else nobody may be alarmed by it."""
        return not self.reason

    def bands(self) -> dict[str, Floats]:
        """mean, lo80, hi80, lo95, hi95."""
        return {name: getattr(self, name) for name in ("mean", *BANDS)}

    def pack(self) -> bytes:
        """For a row's binary column; `unpack` is its inverse."""
        return packing.pack(vars(self) | {"origin": int(self.origin.astype("datetime64[s]").astype(np.int64))})

    @classmethod
    def unpack(cls, packed: bytes) -> "Blended":
        """Raises ValueError when the bytes are none of `pack`."""
        held = packing.unpack(packed)
        return cls(**held | {"origin": np.datetime64(held["origin"], "s")})


def forecast(
    timestamps: ArrayLike, values: ArrayLike, horizon: int, level: str = "full", floor: float | None = None, ceiling: float | None = None
) -> dict[str, Floats]:
    """mean, lo80, hi80, lo95, hi95, each [horizon]. Raises Unpredictable."""
    return blend(timestamps, values, horizon, level=level, floor=floor, ceiling=ceiling).bands()


def blend(
    timestamps: ArrayLike,
    values: ArrayLike,
    horizon: int,
    *,
    level: str = "full",
    models: Sequence[str] = (),
    floor: float | None = None,
    ceiling: float | None = None,
    earlier: Blended | None = None,
) -> Blended:
    """Backtests, weighs and fits. models: by name instead of the level's; earlier: a blend whose parameters warm the fits.

    A model that fails is left out and told in `faults`. Raises Unpredictable, also when all of them fail.
    """
    begun = time.process_time()
    series = prepared(timestamps, values, horizon)
    known = earlier.params if earlier else {}
    names = list(models) or pool(series, level)
    told, faults = fitted(series, horizon, names, known)
    ends = backtest.origins(len(series.values), series.day, horizon)
    errors: dict[str, Floats] = {}
    for name in dict.fromkeys((BASELINE, *told)) if ends else ():
        try:
            errors[name] = backtest.errors_of(name, series, horizon, ends, known.get(name))
        except Exception as fault:
            faults[name] = str(fault) or type(fault).__name__
    told = {name: each for name, each in told.items() if name in errors or not ends}
    if not told:
        raise Unpredictable(no_model(faults))
    blended = weighed(series, told, errors)
    blended.faults, blended.cpu_seconds = faults, time.process_time() - begun
    return clipped(blended, floor, ceiling)


def weighed(series: Regular, told: dict[str, Told], errors: dict[str, Floats]) -> Blended:
    """The blend of what the models tell. errors: [fold, step] of each and of the baseline; empty without a backtest."""
    rated = {name: errors[name] for name in told} if errors else {}
    unit = backtest.scale_of(series) or 1.0
    weights = backtest.weights_of(rated, unit) if rated else dict.fromkeys(told, 1 / len(told))
    mean = np.sum([weights[name] * told[name].mean for name in told], axis=0)
    mixed = np.sum([weights[name] * e for name, e in rated.items()], axis=0) if rated else None
    widths = rough_widths(series, len(mean)) if mixed is None else backtest.widths_of(mixed)
    sizes = {name: float(np.abs(e).mean()) for name, e in (errors | ({"blend": mixed} if mixed is not None else {})).items()}
    ratio = sizes["blend"] / max(sizes[BASELINE], tiny(series)) if sizes else None
    return Blended(
        mean=mean,
        **around(mean, widths),
        origin=series.times[-1],
        step=series.step,
        rows=len(series.values),
        weights=weights,
        errors={name: {"mae": size, "mase": size / unit} for name, size in sizes.items()},
        ratio=ratio,
        coverage=backtest.coverage(mixed) if mixed is not None else {},
        folds=0 if mixed is None else len(mixed),
        reason=why_not(ratio),
        widths=widths,
        params={name: each.params for name, each in told.items()},
        notes=series.notes,
    )


def why_not(ratio: float | None) -> str:
    if ratio is None:
        return "Not predictable yet: there is too little history to test a forecast on."
    return "" if ratio < 1 else "Not predictable yet: no model does better than the same time yesterday."


def no_model(faults: dict[str, str]) -> str:
    return f"No model could be fitted: {'; '.join(f'{name}: {fault}' for name, fault in faults.items())}."


def tiny(series: Regular) -> float:
    return 1e-9 * float(np.abs(series.values).mean()) + 1e-12


def rough_widths(series: Regular, horizon: int) -> Floats:
    """Without a backtest: the spread of single steps, growing like a random walk."""
    spread = np.std(np.diff(series.values)) * np.sqrt(np.arange(1, horizon + 1))
    return np.array([Z80 * spread, Z95 * spread])


def around(mean: Floats, widths: Floats) -> dict[str, Any]:
    return {"lo80": mean - widths[0], "hi80": mean + widths[0], "lo95": mean - widths[1], "hi95": mean + widths[1]}


def stretched(widths: Floats, horizon: int) -> Floats:
    """Half widths for another horizon: beyond the tested one they grow like a random walk."""
    known = widths.shape[1]
    beyond = np.sqrt(np.arange(known + 1, horizon + 1) / known)
    return np.hstack([widths, widths[:, -1:] * beyond])[:, :horizon]


def clipped(blended: Blended, floor: float | None, ceiling: float | None) -> Blended:
    """Nothing below the floor or above the ceiling of what is measured."""
    if floor is None and ceiling is None:
        return blended
    bands: dict[str, Any] = {name: np.clip(band, floor, ceiling) for name, band in blended.bands().items()}
    return replace(blended, **bands)


def refit(
    timestamps: ArrayLike, values: ArrayLike, horizon: int, kept: Blended, *, floor: float | None = None, ceiling: float | None = None
) -> Blended:
    """Fits the models of a blend anew, with its weights and widths: a quarter of the work. Raises Unpredictable."""
    begun = time.process_time()
    series = prepared(timestamps, values, horizon)
    told, faults = fitted(series, horizon, list(kept.weights), kept.params)
    if not told:
        raise Unpredictable(no_model(faults))
    total = sum(kept.weights[name] for name in told)
    mean = np.sum([kept.weights[name] / total * told[name].mean for name in told], axis=0)
    blended = replace(
        kept,
        mean=mean,
        **around(mean, stretched(kept.widths, horizon)),
        origin=series.times[-1],
        rows=len(series.values),
        params={name: each.params for name, each in told.items()},
        faults=faults,
        notes=series.notes,
        cpu_seconds=time.process_time() - begun,
    )
    return clipped(blended, floor, ceiling)


def prepared(timestamps: ArrayLike, values: ArrayLike, horizon: int) -> Regular:
    if horizon < 1:
        raise Unpredictable("The horizon must be one step at least.")
    series = regular(timestamps, values)
    return moving(long_enough(series, max(FEWEST, LEAST_DAYS * series.day)).latest(MOST_ROWS))


def pool(series: Regular, level: str) -> list[str]:
    """The level's models that this much history allows."""
    days = len(series.values) / series.day
    return [name for name in LEVELS[level] if days >= backtest.forecaster(name).days]


def fitted(series: Regular, horizon: int, names: Sequence[str], known: dict[str, Params]) -> tuple[dict[str, Told], dict[str, str]]:
    """What each model tells, and why others do not."""
    told, faults = {}, {}
    for name in names:
        try:
            told[name] = backtest.guarded(name, series, horizon, known.get(name))
        except Exception as fault:
            faults[name] = str(fault) or type(fault).__name__
    return told, faults
