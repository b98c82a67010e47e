"""Exponential smoothing, the form chosen by information criterion (AutoETS of statsforecast). Seasons longer than 24 rows are taken out
first: their states cannot be estimated."""

import numpy as np

from forecasting.cleaning import Floats, Regular
from forecasting.forecasters.base import Forecaster, Params, Told

LONGEST_SEASON = 24


class AutoEts(Forecaster):
    label = "AutoETS"
    heavy = True

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        from statsforecast.models import AutoETS

        season = 1 if past.day > LONGEST_SEASON else past.day
        shape = slots(past) if season == 1 else np.zeros(past.day)
        rows = np.arange(len(past.values) + horizon) % past.day
        model = (earlier or {}).get("model") or ("ZZN" if season == 1 else "ZZZ")
        told = AutoETS(season_length=season, model=model).forecast(y=past.values - shape[rows[:-horizon]], h=horizon)
        return Told(np.asarray(told["mean"], np.float64) + shape[rows[-horizon:]], {"model": model})


def slots(past: Regular) -> Floats:
    """Mean of each time of the day above the day's own mean, [day]."""
    days = len(past.values) // past.day
    table = past.values[: days * past.day].reshape(days, past.day)
    return (table - table.mean(axis=1, keepdims=True)).mean(axis=0)
