"""At which times there are samples: often lately, seldom long ago. Pure: no database.

Steps grow by at most three, so that a chart over two of them takes neither for a gap; all are multiples of the source's interval,
and two samples lie within five minutes everywhere, so that rate(…[5m]) has an answer everywhere.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
DAYS = 14
INTERVAL = 15  # seconds between two polls
STEPS = ((150, 18.0), (60, 3.0), (30, 0.5), (INTERVAL, 0.0))  # seconds between samples that are older than so many hours
Times = NDArray[np.int64]


class Stretch(NamedTuple):
    """Times of one UTC day, `step` ms apart."""

    t: Times
    step: int


def days(now: int, since: int) -> Iterator[tuple[int, list[Stretch]]]:
    """(start of the day, its stretches) from `since` up to now, oldest first."""
    for day, found in groupby(_stretches(now, since), key=lambda one: int(one.t[0]) // DAY * DAY):
        yield day, list(found)


def _stretches(now: int, start: int) -> Iterator[Stretch]:
    for seconds, hours in STEPS:
        step = seconds * SECOND
        end = (now - int(hours * HOUR)) // step * step + 1  # the next, finer stretch begins after it
        at = -(-start // step) * step
        while at < end:
            following = min((at // DAY + 1) * DAY, end)
            yield Stretch(np.arange(at, following, step, dtype=np.int64), step)
            at = -(-following // step) * step
        start = max(start, end)


def until(now: int) -> int:
    """The latest time on the grid of polls."""
    return now // (INTERVAL * SECOND) * INTERVAL * SECOND
