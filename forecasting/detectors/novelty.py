"""Never seen before."""

from typing import ClassVar

import numpy as np

from forecasting.detectors.base import Detector, Scored
from forecasting.detectors.judge import NOVELTY, judge
from forecasting.detectors.memory import Floats, Rows, Times


class Novelty(Detector):
    label: ClassVar[str] = "Range novelty"
    description: ClassVar[str] = "How far a value, its means and its distance from this time of day go beyond everything seen in weeks."

    def examine(self, t: Times, x: Floats) -> Scored:
        judged = judge(Rows(t), x)
        novel = judged.loudness[: len(NOVELTY)].sum(axis=0)
        score = novel / (1 + novel)
        return Scored(score, judged.low, judged.high, np.where(score > 0, judged.reason, 0).astype(np.int8))
