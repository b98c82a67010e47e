"""What travels to the store: keys of series, and samples as columns. Times are int64 milliseconds UTC, values float64."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]

_STALE_BITS = np.int64(0x7FF0000000000002)
# Prometheus' stale marker: this series has ended. Told from other NaNs by its bits alone.
STALE = float(np.array([_STALE_BITS]).view(np.float64)[0])


def is_stale(v: Values) -> Mask:
    bits: Mask = np.ascontiguousarray(v, np.float64).view(np.int64) == _STALE_BITS
    return bits


class SeriesKey(NamedTuple):
    """Identity of a series: labels sorted by name, without __name__."""

    metric: str
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, metric: str, labels: Mapping[str, str]) -> "SeriesKey":
        """A label without a value is no label, as in Prometheus."""
        return cls(metric, tuple(sorted(label for label in labels.items() if label[1])))


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples as columns; index[i] is the position in keys of sample i's series.

    Of two samples of one series with the same time the later one in the batch counts.
    """

    keys: Sequence[SeriesKey]
    index: Ids
    t: Times
    v: Values
    resources: Sequence[int | None] | None = None  # Resource id per key

    def __len__(self) -> int:
        return len(self.t)

    @classmethod
    def of(cls, samples: Iterable[tuple[str, Mapping[str, str], int, float]], resource: int | None = None) -> "Batch":
        """From (metric, labels, time, value) of one resource."""
        at: dict[SeriesKey, int] = {}
        index, t, v = [], [], []
        for metric, labels, when, value in samples:
            index.append(at.setdefault(SeriesKey.of(metric, labels), len(at)))
            t.append(when)
            v.append(value)
        columns = np.array(index, np.int32), np.array(t, np.int64), np.array(v, np.float64)
        return cls(list(at), *columns, [resource] * len(at))


@dataclass(frozen=True)
class Written:
    accepted: int
    refused: dict[str, int] = field(default_factory=dict)  # reason -> samples: future, expired, invalid, engine
