"""Windows that a few random cuts tell from all others."""

from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from forecasting.detectors.base import COURSE, WORTH, Detector, Scored
from forecasting.detectors.memory import Floats, Rows, Times

WINDOW = 8  # rows that are looked at together
FIRST, GROWTH = 256, 1.5  # rows of the first fit; the next is when the past is so many times as long
TREES, SAMPLE = 50, 256  # Liu, Ting and Zhou 2008: more of either changes little
COMMON, STRANGE = 0.45, 0.75  # path lengths as scores: what most windows have, what is surely strange
WIDTH = 4.0  # times the usual step, of the band


class IsolationForest(Detector):
    label: ClassVar[str] = "Isolation Forest"
    description: ClassVar[str] = "How easily the last rows' course is told from all courses before, by random trees."

    def examine(self, t: Times, x: Floats) -> Scored:
        memory = Rows(t)
        near, usual_size = memory.mean(x, 10.0)[0], memory.mean(np.abs(x - memory.previous(x)), 500.0)[0]
        score = np.zeros(len(x))
        for start, stop in fits(len(x)):
            past, now = courses(x[:start]), courses(x[start - WINDOW + 1 : stop])
            score[start:stop] = strangeness(self._fitted(past), now) if np.ptp(x[:start]) else (now != past[0]).any(axis=1)
        band = np.where(np.arange(len(x)) >= FIRST, WIDTH * usual_size, np.nan)
        return Scored(score, near - band, near + band, np.where(score >= WORTH, COURSE, 0).astype(np.int8))

    def _fitted(self, windows: Floats) -> Any:
        from sklearn import ensemble  # heavy: seconds and a hundred megabytes

        return ensemble.IsolationForest(n_estimators=TREES, max_samples=min(SAMPLE, len(windows)), random_state=0).fit(windows)


def fits(rows: int) -> list[tuple[int, int]]:
    """From which row to which a fit on the rows before the first of them serves."""
    starts = [FIRST]
    while starts[-1] < rows:
        starts.append(int(starts[-1] * GROWTH))
    return [(start, min(stop, rows)) for start, stop in pairwise(starts) if start < rows]


def courses(x: Floats) -> Floats:
    """[windows, WINDOW + 1]: the values of each window, and how much they move."""
    windows = np.lib.stride_tricks.sliding_window_view(x, WINDOW)
    return np.concatenate((windows, windows.std(axis=1, keepdims=True)), axis=1)


def strangeness(forest: Any, windows: Floats) -> Floats:
    return np.clip((-forest.score_samples(windows) - COMMON) / (STRANGE - COMMON), 0.0, 1.0)
