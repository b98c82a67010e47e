"""The shipped detector over a whole series; needs no Django set-up.

`score` is for charts and ranking: how strange is it now. `alarm` is one alarm per event: 0 while there is nothing new to say, 0.5 and more
is an alarm. Both are causal: a row's value depends on that row and the ones before.
"""

import numpy as np
from numpy.typing import NDArray

from forecasting.detectors.judge import Judged, judge, spread
from forecasting.detectors.memory import Floats, Rows, measured, seconds


def examine(timestamps: NDArray, values: NDArray, explained: bool = True) -> Judged:
    """Everything there is to say of each row [rows]; `timestamps` datetime64 or epoch seconds, ascending. Rows without a value (NaN,
    infinite) are not judged: score 0, band NaN. Without an explanation there is no band and no reason. ValueError: different lengths."""
    times, x = np.asarray(timestamps), np.asarray(values, float)
    if times.shape != x.shape or x.ndim != 1:
        raise ValueError("Times and values must be two rows of one length.")
    there = np.flatnonzero(measured(x))
    judged = judge(Rows(seconds(times[there])), x[there], explained) if len(there) else None
    if len(there) == len(x) and judged is not None:
        return judged
    wide = spread(judged, there, len(x))
    return wide._replace(score=np.nan_to_num(wide.score), strength=np.nan_to_num(wide.strength))


def score(timestamps: NDArray, values: NDArray) -> Floats:
    """How strange each row is, 0 to 1."""
    return examine(timestamps, values, explained=False).score


def alarm(timestamps: NDArray, values: NDArray) -> Floats:
    """The de-duplicated alarm stream, 0 to 1."""
    return examine(timestamps, values, explained=False).strength
