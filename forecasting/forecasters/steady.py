"""Guesses that use one number or one day: the last value, the median of the last day, the median of each time of the day."""

import numpy as np

from forecasting.cleaning import Regular
from forecasting.forecasters.base import Forecaster, Params, Told

DAYS = 14


class LastValue(Forecaster):
    label = "Stays as it is"

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        return Told(np.full(horizon, past.values[-1]), {"level": float(past.values[-1])})


class DayMedian(Forecaster):
    label = "Median of the last day"

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        level = float(np.median(past.values[-past.day :]))
        return Told(np.full(horizon, level), {"level": level})


class SlotMedian(Forecaster):
    label = "Median of this time of the day"

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        days = min(DAYS, len(past.values) // past.day)
        profile = np.median(past.values[-days * past.day :].reshape(days, past.day), axis=0)
        return Told(np.resize(profile, horizon), {"profile": profile})
