"""Piecewise straight trend, daily and weekly waves with Gaussian priors (Prophet's model), solved as one small linear system; the last
residuals are carried on and fade with their own autocorrelation."""

import numpy as np

from forecasting.cleaning import Floats, Regular
from forecasting.forecasters.base import Forecaster, Params, Told
from forecasting.forecasters.waves import waves

DAILY, WEEKLY = 10, 6  # pairs of waves
BENDS, FLEXIBILITY = 25, 0.02  # of the trend; the smaller, the straighter
WAVE = 0.01  # prior precision


class RidgeAr(Forecaster):
    label = "Trend and waves"

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        y, day = past.values, past.day
        scale = float(np.abs(y).max()) or 1.0
        columns, precision = design(len(y), day, horizon)
        weights = solve(columns[: len(y)], y / scale, precision)
        rest = y / scale - columns[: len(y)] @ weights
        level, decay = anchor(rest, day)
        mean = columns[len(y) :] @ weights + level * decay ** np.arange(1, horizon + 1)
        return Told(scale * mean, {"weights": weights, "scale": scale, "level": level, "decay": decay})


def design(rows: int, day: int, horizon: int) -> tuple[Floats, Floats]:
    """Columns [rows + horizon, k] and the prior precision of each."""
    t = np.arange(rows + horizon)[:, None] / rows
    bends = np.maximum(0, t - np.linspace(0, 0.8, BENDS + 1)[1:])
    daily = waves(len(t), day, min(DAILY, (day - 1) // 2))
    weekly = waves(len(t), 7 * day, WEEKLY if rows >= 14 * day else 0)
    precision: list[Floats] = [np.array([1e-6, 1 / 25]), np.full(BENDS, FLEXIBILITY**-2), np.full(daily.shape[1] + weekly.shape[1], WAVE)]
    return np.hstack([np.ones((len(t), 1)), t, bends, daily, weekly]), np.concatenate(precision)


def solve(columns: Floats, y: Floats, precision: Floats) -> Floats:
    """Weights; the noise level and they are found in turns."""
    gram, right, noise = columns.T @ columns, columns.T @ y, 0.1 * float(np.var(y)) + 1e-12
    weights: Floats = right
    for _ in range(3):
        weights = np.asarray(np.linalg.solve(gram + noise * np.diag(precision), right), np.float64)
        noise = float(np.mean((y - columns @ weights) ** 2)) + 1e-12
    return weights


def anchor(rest: Floats, day: int) -> tuple[float, float]:
    """Level of the last residuals and its fading per step, read a quarter day apart: robust to noise of single rows."""
    centred, apart = rest - rest.mean(), max(1, day // 4)
    alike = centred[apart:] @ centred[:-apart] / (centred @ centred + 1e-12)
    return float(np.mean(rest[-max(1, day // 8) :])), float(np.clip(alike, 0, 0.995) ** (1 / apart))
