"""What a set of series has in common: metric, labels of each row, whose they are, and how the values of a moment are read."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from monitoring.demo.curves import Matrix

Labels = dict[str, str]
Key = tuple[str, str]  # kind and name of a resource


class Family(NamedTuple):
    metric: str
    rows: Sequence[Labels]  # complete: with those that say where they come from
    owners: Sequence[Key]
    read: Callable[[Any], Any]  # state of the moments -> values that broadcast to (rows, moments)

    def values(self, state: Any, moments: int) -> Matrix:
        return np.broadcast_to(np.asarray(self.read(state), np.float64), (len(self.rows), moments))


def steps(values: Matrix, size: float) -> Matrix:
    """Counted in whole steps, as the kernel counts sectors, ticks and pages."""
    return np.floor(values / size) * size


def nearest(values: Matrix, decimals: int) -> Matrix:
    return np.round(values, decimals)


def each(values: Sequence[float]) -> Matrix:
    """One constant per row."""
    return np.array(values, np.float64).reshape(-1, 1)
