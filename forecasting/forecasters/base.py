"""A forecaster is one class with one verb: `forecast(past, horizon, earlier) -> Told`."""

from typing import Any, ClassVar, NamedTuple

from forecasting.cleaning import Floats, Regular

Params = dict[str, Any]  # numbers, strings, lists, arrays: what can be kept as a row

FORECASTERS = {
    "seasonal_naive": "forecasting.forecasters.seasonal_naive.Day",
    "seasonal_naive_week": "forecasting.forecasters.seasonal_naive.Week",
    "ridge_ar": "forecasting.forecasters.ridge_ar.RidgeAr",
    "lag_ridge": "forecasting.forecasters.lag_ridge.LagRidge",
    "lag_ridge_log": "forecasting.forecasters.lag_ridge.LogLagRidge",
    "slot_median": "forecasting.forecasters.steady.SlotMedian",
    "day_median": "forecasting.forecasters.steady.DayMedian",
    "last_value": "forecasting.forecasters.steady.LastValue",
    "theta": "forecasting.forecasters.theta.Theta",
    "mstl": "forecasting.forecasters.mstl.Mstl",
    "auto_ets": "forecasting.forecasters.auto_ets.AutoEts",
    "prophet": "forecasting.forecasters.prophet.Prophet",
}


class Told(NamedTuple):
    mean: Floats  # [horizon], one value per step after the last row
    params: Params  # of the fit; given back as `earlier` they make the next fit cheaper


class Forecaster:
    label: ClassVar[str]
    days: ClassVar[int] = 2  # of history below which it is not asked
    heavy: ClassVar[bool] = False  # brings a library of its own and takes tenths of a second

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        """Continues `past` by `horizon` steps. May raise anything: the caller leaves the model out then."""
        raise NotImplementedError
