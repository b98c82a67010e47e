"""Seasons taken out by repeated loess (MSTL, Bandara et al. 2021), what is left continued by exponential smoothing with additive
errors (multiplicative ones overshoot, measured); by statsforecast."""

import numpy as np

from forecasting.cleaning import Regular
from forecasting.forecasters.base import Forecaster, Params, Told

DAYS = 14  # of history: with twice as many it is as good and takes twice the time, measured


class Mstl(Forecaster):
    label = "MSTL"
    heavy = True

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        from statsforecast.models import MSTL, AutoETS

        told = MSTL([past.day], trend_forecaster=AutoETS(model="AZN")).forecast(y=past.values[-DAYS * past.day :], h=horizon)
        return Told(np.asarray(told["mean"], np.float64), {"season": past.day})
