"""What a query answers. Times are int64 milliseconds UTC, values float64; labels include __name__ where it was kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring.query.source import SeriesData
from monitoring.store.batch import Mask, Times, Values

Labels = dict[str, str]


@dataclass(kw_only=True)
class Value:
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)


@dataclass
class Vector(Value):
    """v[i] is the value of labels[i] at t."""

    labels: list[Labels]
    t: int
    v: Values


@dataclass
class Matrix(Value):
    """v[i, k] is the value of labels[i] at t[k] where present[i, k]; elsewhere it means nothing."""

    labels: list[Labels]
    t: Times
    v: Values
    present: Mask

    def series(self, row: int) -> SeriesData:
        kept = self.present[row]
        return SeriesData(self.labels[row], self.t[kept], self.v[row][kept])


@dataclass
class RangeVector(Value):
    """The raw samples that an instant query of a range selector finds."""

    series: Sequence[SeriesData]


@dataclass
class Scalar(Value):
    t: int
    v: float


@dataclass
class Text(Value):
    t: int
    text: str
