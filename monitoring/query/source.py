"""Where samples come from. Times are int64 milliseconds UTC, values float64."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from monitoring.query.regex import matcher
from monitoring.store.batch import Times, Values

NAME = "__name__"
# What names a metric: goes when the name goes, and plays no part in matching.
NAMING = (NAME, "__type__", "__unit__")


class Matcher(NamedTuple):
    """op is one of = != =~ !~; a label that a series lacks counts as empty, regexes match the whole value."""

    name: str
    op: str
    value: str

    def test(self) -> Callable[[str], bool]:
        """Raises ParseError for a regex that RE2 would refuse."""
        if self.op == "=":
            return self.value.__eq__
        if self.op == "!=":
            return self.value.__ne__
        matches = matcher(self.value)
        return matches if self.op == "=~" else lambda text: not matches(text)


class SeriesData(NamedTuple):
    """t ascends without repeats. v may hold stale markers: see store.batch.is_stale."""

    labels: dict[str, str]
    t: Times
    v: Values


class Source(Protocol):
    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Sequence[SeriesData]:
        """Samples with start <= t <= end of the series that all matchers accept; those without any may be missing."""
        ...


def accepts(matchers: Sequence[Matcher]) -> Callable[[Mapping[str, str]], bool]:
    tests = [(matcher.name, matcher.test()) for matcher in matchers]
    return lambda labels: all(test(labels.get(name, "")) for name, test in tests)


class MemorySource:
    """Series held in memory, for tests and for queries over computed data."""

    def __init__(self, series: Iterable[SeriesData] = ()) -> None:
        self.series = list(series)

    def add(self, labels: dict[str, str], t: Sequence[int] | Times, v: Sequence[float] | Values) -> None:
        self.series.append(SeriesData(labels, np.asarray(t, np.int64), np.asarray(v, np.float64)))

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> list[SeriesData]:
        wanted = accepts(matchers)
        return [part for one in self.series if wanted(one.labels) and len((part := _between(one, start, end)).t)]


def _between(series: SeriesData, start: int, end: int) -> SeriesData:
    a, b = series.t.searchsorted((start, end + 1))
    return SeriesData(series.labels, series.t[a:b], series.v[a:b])
