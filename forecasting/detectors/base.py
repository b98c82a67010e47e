"""A detector is one class with one verb: `score(timestamps, values) -> Scored`; whatever it says of a row it says from that row and the
ones before."""

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.detectors.memory import Floats, Times, measured, seconds

DETECTORS = {
    "ensemble": "forecasting.detectors.ensemble.Ensemble",
    "residual": "forecasting.detectors.residual.Residual",
    "novelty": "forecasting.detectors.novelty.Novelty",
    "robust_z": "forecasting.detectors.robust_z.RobustZ",
    "iqr": "forecasting.detectors.iqr.Iqr",
    "isolation_forest": "forecasting.detectors.isolation_forest.IsolationForest",
}
DEFAULT = "ensemble"


class Scored(NamedTuple):
    """[rows]. Where there was no value: score 0, band NaN, no reason."""

    score: Floats  # 0..1; from 0.5 on it is worth a look
    low: Floats  # the expected band; NaN where nothing is expected yet
    high: Floats
    reason: NDArray[np.int8]  # code in REASONS


REASONS = (
    "Nothing unusual", "Above its range", "Below its range", "High for this time of day",
    "Low for this time of day", "Level shift up", "Level shift down", "Spike", "Drop", "Unusual course",
)  # fmt: skip
RANGE, TIME_OF_DAY, LEVEL, STEP, COURSE = 1, 3, 5, 7, 9  # codes of a rise; of a fall one more; a course has no direction
WORTH = 0.5  # the score from which a reason is given


class Detector:
    label: ClassVar[str]
    description: ClassVar[str]

    def score(self, timestamps: NDArray, values: NDArray) -> Scored:
        """Of each row; `timestamps` datetime64 or epoch seconds, ascending. ValueError: different lengths."""
        times, x = np.asarray(timestamps), np.asarray(values, float)
        if times.shape != x.shape or x.ndim != 1:
            raise ValueError("Times and values must be two rows of one length.")
        there = np.flatnonzero(measured(x))
        wide = Scored(np.zeros(len(x)), np.full(len(x), np.nan), np.full(len(x), np.nan), np.zeros(len(x), np.int8))
        if len(there):
            found = self.examine(seconds(times[there]), x[there])
            wide.score[there], wide.low[there], wide.high[there], wide.reason[there] = found
        return wide

    def examine(self, t: Times, x: Floats) -> Scored:
        """The same for one row at least, all of them finite; `t` in seconds."""
        raise NotImplementedError


def graded(size: Floats, worth: float) -> Floats:
    """0..1 of how many times its usual size something is; `worth` times is 0.5."""
    return size / (size + worth)


def reason(score: Floats, code: int, up: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.where(score >= WORTH, code + ~up, 0).astype(np.int8)
