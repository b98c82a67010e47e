"""The shipped detector as a member of the family."""

from typing import ClassVar

from forecasting.detectors.base import Detector, Scored
from forecasting.detectors.judge import judge
from forecasting.detectors.memory import Floats, Rows, Times


class Ensemble(Detector):
    label: ClassVar[str] = "Ensemble"
    description: ClassVar[str] = "Novelty and unlikeness together; which is trusted is judged from each series' own past. The default."

    def examine(self, t: Times, x: Floats) -> Scored:
        judged = judge(Rows(t), x)
        return Scored(judged.score, judged.low, judged.high, judged.reason)
