"""Linear in its own past: the last rows, the same time yesterday, the day before and a week ago, and a few daily waves; ridge regression,
iterated over the horizon. The second form does the same with logarithms: its errors are shares, which suits counts with peaks."""

import numpy as np

from forecasting.cleaning import Floats, Regular
from forecasting.forecasters.base import Forecaster, Params, Told
from forecasting.forecasters.waves import waves

NEAR = 24  # rows
WAVES = 4
SHRINK = 5.0  # against a sum of squares over standardised rows
MOST_ROWS = 4_000  # learnt from
WEEKLY_DAYS = 21
FARTHEST = 8.0  # standard deviations


class LagRidge(Forecaster):
    label = "Own past"
    days = 4

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        mean, params = iterated(past.values, past.day, horizon)
        return Told(mean, params)


class LogLagRidge(LagRidge):
    label = "Own past, logarithms"

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        y = past.values
        low = float(y.min())
        unit = float(np.median(y - low)) + 1e-9 * float(np.abs(y).max()) + 1e-12
        mean, params = iterated(np.log1p((y - low) / unit), past.day, horizon)
        return Told(np.expm1(np.clip(mean, -1.0, 50.0)) * unit + low, params | {"low": low, "unit": unit})


def lags_of(day: int, rows: int) -> np.ndarray:
    """In rows, each once."""
    lags = [*range(1, min(day, NEAR) + 1), day - 1, day, day + 1, 2 * day]
    if rows >= WEEKLY_DAYS * day:
        lags += [7 * day - 1, 7 * day, 7 * day + 1]
    return np.unique([lag for lag in lags if lag > 0])


def iterated(y: Floats, day: int, horizon: int) -> tuple[Floats, Params]:
    """Mean of the next rows, and the fit. Needs more than two days."""
    centre, spread = float(y.mean()), float(y.std()) + 1e-12
    z = (y - centre) / spread
    lags = lags_of(day, len(z))
    first = max(int(lags[-1]), len(z) - MOST_ROWS)
    daily = waves(len(z) + horizon, day, WAVES)
    columns = np.column_stack([*(z[first - lag : len(z) - lag] for lag in lags), np.ones(len(z) - first), daily[first : len(z)]])
    shrink = np.full(columns.shape[1], SHRINK)
    shrink[len(lags)] *= 1e-3  # the constant
    fit = np.linalg.solve(columns.T @ columns + np.diag(shrink), columns.T @ z[first:])
    own, ahead = fit[: len(lags)], fit[len(lags)] + daily[len(z) :] @ fit[len(lags) + 1 :]
    path = np.concatenate([z, np.empty(horizon)])
    for step in range(horizon):
        at = len(z) + step
        path[at] = min(max(path[at - lags] @ own + ahead[step], -FARTHEST), FARTHEST)
    return path[len(z) :] * spread + centre, {"fit": fit, "lags": lags, "centre": centre, "spread": spread}
