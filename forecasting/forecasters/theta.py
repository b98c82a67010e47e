"""Dynamic optimised Theta of statsforecast (Fiorucci et al. 2016)."""

import numpy as np

from forecasting.cleaning import Regular
from forecasting.forecasters.base import Forecaster, Params, Told

DAYS = 10  # of history: with more it is no better and takes twice the time, measured


class Theta(Forecaster):
    label = "Theta"
    heavy = True

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        from statsforecast.models import DynamicOptimizedTheta

        told = DynamicOptimizedTheta(season_length=past.day).forecast(y=past.values[-DAYS * past.day :], h=horizon)
        return Told(np.asarray(told["mean"], np.float64), {"season": past.day})
