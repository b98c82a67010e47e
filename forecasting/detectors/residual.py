"""Unlike the same time of the day, or of the week where the past is long enough and the week foretells better."""

from typing import ClassVar

import numpy as np

from forecasting.detectors.base import TIME_OF_DAY, Detector, Scored, graded, reason
from forecasting.detectors.memory import DAY, Floats, Rows, Times

LONG = 500.0  # rows of the usual error
WORTH = 4.0  # times the usual error
WEEKS = 2  # of history before the week is asked


class Residual(Detector):
    label: ClassVar[str] = "Seasonal residual"
    description: ClassVar[str] = "How far a value is from what is usual at this time of the day, or of the week once weeks are known."

    def examine(self, t: Times, x: Floats) -> Scored:
        memory = Rows(t)
        usual = self.usual(memory, t, x)
        known = np.isfinite(usual)
        away = np.where(known, x - usual, 0.0)
        error = np.sqrt(memory.mean(away * away, LONG)[0] / np.maximum(memory.mean(known.astype(float), LONG)[0], 1e-9))
        ripe = known & (t - t[0] >= 2 * DAY)
        size = np.abs(away) / np.maximum(error, 1e-30 + 0.01 * memory.mean(np.abs(x), LONG)[0])
        score = np.where(ripe, graded(size, WORTH), 0.0)
        width = np.where(ripe, WORTH * error, np.nan)
        return Scored(score, usual - width, usual + width, reason(score, TIME_OF_DAY, away > 0))

    def usual(self, memory: Rows, t: Times, x: Floats) -> Floats:
        """A week is looked at as if it were a day of slower seconds."""
        by_day, by_week = memory.usual(x), Rows(t // 7, memory.step / 7).usual(x)
        errors = [memory.mean(np.where(np.isfinite(usual), np.abs(x - usual), 0.0), LONG)[0] for usual in (by_day, by_week)]
        asked = np.isfinite(by_week) & (t - t[0] >= WEEKS * 7 * DAY) & (errors[1] < errors[0])
        return np.where(asked, by_week, by_day)
