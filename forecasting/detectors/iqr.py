"""Outside the quartiles of the rows before."""

from typing import ClassVar

import numpy as np

from forecasting.detectors.base import RANGE, Detector, Scored, graded, reason
from forecasting.detectors.memory import Floats, Times

WINDOW, QUIET = 288, 30  # rows
FENCE = 1.5  # quartile ranges beyond the quartiles (Tukey 1977, Exploratory Data Analysis)
AT_ONCE = 4096  # rows whose windows are sorted together: bounds the memory


class Iqr(Detector):
    label: ClassVar[str] = "Quartile range"
    description: ClassVar[str] = "How far a value is outside the middle half of the rows before it, in units of that half's width."

    def examine(self, t: Times, x: Floats) -> Scored:
        first, third = quartiles(x)
        width = np.maximum(third - first, 1e-30 + 0.01 * np.abs((first + third) / 2))
        beyond = np.maximum(np.maximum(x - third, first - x), 0.0) / width
        quiet = np.arange(len(x)) < QUIET
        score = np.where(quiet, 0.0, graded(beyond, FENCE))
        fence = np.where(quiet, np.nan, FENCE * width)
        return Scored(score, first - fence, third + fence, reason(score, RANGE, x > third))


def quartiles(x: Floats) -> tuple[Floats, Floats]:
    """First and third quartile of up to WINDOW rows before each row; its own value at the first row."""
    padded = np.concatenate((np.full(WINDOW, np.inf), x))[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    known = np.minimum(np.arange(len(x)), WINDOW)
    first, third = x.copy(), x.copy()
    for start in range(1, len(x), AT_ONCE):
        rows = np.arange(start, min(start + AT_ONCE, len(x)))
        ordered = np.sort(windows[rows], axis=1)  # unknown rows go to the end
        for into, share in ((first, 0.25), (third, 0.75)):
            into[rows] = ordered[np.arange(len(rows)), (share * (known[rows] - 1)).astype(int)]
    return first, third
