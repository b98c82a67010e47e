"""The same time yesterday, and the same time a week ago."""

from typing import ClassVar

import numpy as np

from forecasting.cleaning import Regular
from forecasting.forecasters.base import Forecaster, Params, Told


class Day(Forecaster):
    label = "Same time yesterday"
    days: ClassVar[int] = 1
    span: ClassVar[int] = 1  # days

    def forecast(self, past: Regular, horizon: int, earlier: Params | None = None) -> Told:
        return Told(np.resize(past.values[-self.span * past.day :], horizon), {"days": self.span})


class Week(Day):
    label = "Same time last week"
    days = 28  # with two weeks of history the week before is a bad guess: measured
    span = 7
