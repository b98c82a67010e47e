"""Sines and cosines, computed once for all series of about the same length."""

from functools import lru_cache

import numpy as np

from forecasting.cleaning import Floats

BLOCK = 512  # rows: lengths in between share a table


def waves(rows: int, period: int, pairs: int) -> Floats:
    """[rows, 2 × pairs], from row 0 on; period in rows. Not to be written to."""
    return _table(-(-rows // BLOCK) * BLOCK, period, pairs)[:rows]


@lru_cache(maxsize=16)
def _table(rows: int, period: int, pairs: int) -> Floats:
    angle = 2 * np.pi / period * np.arange(rows)[:, None] * np.arange(1, pairs + 1)
    table = np.hstack([np.sin(angle), np.cos(angle)])
    table.setflags(write=False)
    return table
