"""Series that have the very same array of times are counted once; what they answer is the same as with arrays of their own."""

import numpy as np
import pytest

from monitoring.query.evaluate import range_query
from monitoring.query.source import MemorySource, SeriesData
from monitoring.query.values import Matrix
from monitoring.store.batch import STALE

pytestmark = pytest.mark.once

QUERIES = [
    "m",
    "rate(m[90s])",
    "max_over_time(m[47s])",
    "sum by (g)(increase(m[2m]))",
    "m offset 33s",
    "count_over_time(m[1m:20s])",
    "m @ 300",
]


def sources(stale: bool) -> tuple[MemorySource, MemorySource]:
    """The same samples, with times shared as the store shares them, and with copies."""
    chance = np.random.default_rng(7)
    grids = [np.sort(chance.choice(np.arange(0, 900_000, 500), size, replace=False)) for size in (60, 0, 1)]
    shared, own = MemorySource(), MemorySource()
    for place in range(12):
        t = grids[(place % 4) % 3]
        v = np.round(np.cumsum(chance.random(len(t))), 3)
        if stale and place == 5 and len(v):
            v[-1] = STALE
        labels = {"__name__": "m", "n": str(place), "g": str(place % 2)}
        shared.series.append(SeriesData(labels, t, v))
        own.series.append(SeriesData(labels, t.copy(), v))
    shared.select = lambda matchers, start, end: shared.series  # type: ignore[method-assign]  # uncut, or every series had a slice of its own
    return shared, own


def seen(found: Matrix) -> list[tuple[dict[str, str], list[int], list[float]]]:
    return [(labels, (one := found.series(row)).t.tolist(), one.v.tolist()) for row, labels in enumerate(found.labels)]


@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize("query", QUERIES)
def test_the_answers_are_the_same(query: str, stale: bool) -> None:
    shared, own = sources(stale)
    for start, end, step in [(0, 900_000, 30_000), (200_000, 700_000, 7_000), (890_000, 2_000_000, 60_000)]:
        assert seen(range_query(query, shared, start, end, step)) == seen(range_query(query, own, start, end, step))
