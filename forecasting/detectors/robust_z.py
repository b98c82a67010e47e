"""Distance from a fading mean."""

from typing import ClassVar

import numpy as np

from forecasting.detectors.base import LEVEL, Detector, Scored, graded, reason
from forecasting.detectors.memory import Floats, Rows, Times

NEAR, LONG = 10.0, 500.0  # rows of the mean, and of its usual error
SIGMA = np.sqrt(np.pi / 2)  # of a normal distribution, in mean absolute errors
WORTH, QUIET = 4.0, 30  # sigmas; rows


class RobustZ(Detector):
    """EWMA chart (Roberts 1959) with the mean absolute error for its width, which one outlier moves less than a variance."""

    label: ClassVar[str] = "Robust z-score"
    description: ClassVar[str] = "How far a value is from the mean of the last minutes, in units of how far values usually are."

    def examine(self, t: Times, x: Floats) -> Scored:
        memory = Rows(t)
        middle = memory.mean(x, NEAR)[0]
        away = x - middle
        sigma = SIGMA * memory.mean(np.abs(away), LONG)[0]
        quiet = memory.age() < QUIET
        size = np.abs(away) / np.maximum(sigma, 1e-30 + 0.01 * memory.mean(np.abs(x), LONG)[0])
        score = np.where(quiet, 0.0, graded(size, WORTH))
        width = np.where(quiet, np.nan, WORTH * sigma)
        return Scored(score, middle - width, middle + width, reason(score, LEVEL, away > 0))
