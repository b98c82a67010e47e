"""What travels to the store: keys of series, and samples as columns. Times are int64 milliseconds UTC, values float64."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import NamedTuple, overload

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


@lru_cache(maxsize=50_000)
def _one_and_the_same(metrics: frozenset[str]) -> frozenset[str]:
    return metrics


class Bundle:
    """Series that come together again and again, all of one resource, and the ids they had last: see series.ids_of."""

    __slots__ = ("ids", "keys", "metrics")

    def __init__(self, keys: list[SeriesKey]) -> None:
        self.keys = keys
        self.metrics = _one_and_the_same(frozenset([key.metric for key in keys]))
        self.ids: bytes | None = None  # of an array of int32

    @property
    def resource(self) -> int | None:
        return None


class Bundled(Sequence[SeriesKey]):
    """The keys of bundles, laid out when somebody looks at them: nearly always nobody does."""

    def __init__(self, bundles: Sequence[Bundle]) -> None:
        self.bundles = bundles

    @cached_property
    def flat(self) -> list[SeriesKey]:
        return list(chain.from_iterable([bundle.keys for bundle in self.bundles]))

    def __len__(self) -> int:
        return len(self.flat)

    @overload
    def __getitem__(self, place: int) -> SeriesKey: ...
    @overload
    def __getitem__(self, place: slice) -> list[SeriesKey]: ...
    def __getitem__(self, place: int | slice) -> SeriesKey | list[SeriesKey]:
        return self.flat[place]

    @property
    def metrics(self) -> set[str]:
        return set().union(*{bundle.metrics for bundle in self.bundles})

    @property
    def resources(self) -> list[int | None]:
        return [resource for bundle in self.bundles for resource in [bundle.resource] * len(bundle.keys)]


def metrics_of(keys: Sequence[SeriesKey]) -> set[str]:
    return keys.metrics if isinstance(keys, Bundled) else {key.metric for key in keys}


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples as columns; index[i] is the position in keys of sample i's series.

    Of two samples of one series with the same time the later one in the batch counts.
    """

    keys: Sequence[SeriesKey]
    index: Ids
    t: Times
    v: Values
    resources: Sequence[int | None] | None = None  # Resource id per key; bundled keys have theirs

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
