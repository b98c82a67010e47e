"""A Source for all rules of one moment: what several of them look at is read once, in one go, and recorded results are seen at once."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from monitoring.query.errors import QueryError
from monitoring.query.evaluate import LOOKBACK
from monitoring.query.parse.plan import Aggregate, Binary, Call, Negation, Node, RangeSelector, Selector, Subquery, When, plan
from monitoring.query.source import Matcher, SeriesData, accepts
from monitoring.query.stored import StoredSource
from monitoring.store import matching, reader
from monitoring.store.batch import Times, Values

NEAR = 900_000  # ms: windows that reach no further back are read together
MOST_SERIES = 200_000  # read together; beyond, each selection is read by itself
PORTION = 20_000  # series in one statement


_planned = lru_cache(4096)(plan)  # rules ask the same every few seconds


class Look(NamedTuple):
    """What a selector wants: samples with start <= t <= end."""

    matchers: tuple[Matcher, ...]
    start: int
    end: int


def looks(node: Node, low: int, high: int) -> Iterator[Look]:
    """Of a query asked from `low` to `high`, ms."""
    if isinstance(node, Selector):
        yield _look(node.matchers, node.when, low, high, LOOKBACK)
    elif isinstance(node, RangeSelector):
        yield _look(node.selector.matchers, node.selector.when, low, high, node.range)
    elif isinstance(node, Subquery):
        inner = _look((), node.when, low, high, node.range + (node.step or 60_000))
        yield from looks(node.expr, inner.start, inner.end)
    else:
        for child in _children(node):
            yield from looks(child, low, high)


def metrics_of(expr: str) -> frozenset[str]:
    """The metrics an expression looks at; none where a selector leaves its metric open. Raises ParseError."""
    found = [[one.value for one in look.matchers if one.name == "__name__" and one.op == "="] for look in looks(plan(expr), 0, 0)]
    return frozenset(names[0] for names in found) if all(found) else frozenset()


def _look(matchers: tuple[Matcher, ...], when: When, low: int, high: int, span: int) -> Look:
    if isinstance(when.at, int):
        low = high = when.at
    return Look(matchers, low - when.offset - span, high - when.offset)


def _children(node: Node) -> Iterable[Node]:
    if isinstance(node, Call):
        return node.args
    if isinstance(node, Aggregate):
        return (node.expr,) if node.param is None else (node.expr, node.param)
    if isinstance(node, Negation):
        return (node.expr,)
    return (node.left, node.right) if isinstance(node, Binary) else ()


class SharedSource:
    """`source` answers what lies further back, and stops a query at its limits."""

    def __init__(self, at: int, source: StoredSource | None = None) -> None:
        self.at = at
        self.source = source or StoredSource()
        self._found: dict[tuple[object, ...], list[SeriesData]] = {}
        self._samples: dict[int, tuple[Times, Values]] = {}
        self._read: set[int] = set()
        self._recorded: dict[str, list[dict[str, str]]] = {}
        self._values: dict[str, list[float]] = {}

    def prepare(self, queries: Iterable[str]) -> None:
        """Reads what these will look at. A query that cannot be read is passed over: it is told of when it is evaluated."""
        wanted: set[int] = set()
        for matchers in self._near(queries):
            for selection in matching.select(matchers):
                wanted.update(selection.sids())
            if len(wanted) > MOST_SERIES:
                return
        self._fetch(wanted)

    def _near(self, queries: Iterable[str]) -> set[tuple[Matcher, ...]]:
        found: set[tuple[Matcher, ...]] = set()
        for query in queries:
            try:
                node = _planned(query)
            except QueryError:
                continue
            found.update(look.matchers for look in looks(node, self.at, self.at) if self._is_near(look.start, look.end))
        return found

    def _is_near(self, start: int, end: int) -> bool:
        return self.at - NEAR <= start and end <= self.at

    def _fetch(self, wanted: set[int]) -> None:
        missing = sorted(wanted - self._read)
        for place in range(0, len(missing), PORTION):
            self._samples |= reader.raw_many(missing[place : place + PORTION], self.at - NEAR, self.at + 1, stale=True)
        self._read.update(missing)

    def record(self, metric: str, labels: dict[str, str], value: float) -> None:
        """A recording rule's result: seen by those evaluated after it."""
        self._recorded.setdefault(metric, []).append({"__name__": metric, **labels})
        self._values.setdefault(metric, []).append(value)
        self._found = {key: found for key, found in self._found.items() if not _may_name(key[0], metric)}

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> list[SeriesData]:
        key = (tuple(matchers), start, end)
        found = self._found.get(key)
        if found is None:
            found = self._near_series(matchers, start, end) if self._is_near(start, end) else self.source.select(matchers, start, end)
            if self._recorded and start <= self.at <= end:
                found = self._with_recorded(found, matchers)
            self._found[key] = found
        return found

    def _near_series(self, matchers: Sequence[Matcher], start: int, end: int) -> list[SeriesData]:
        selections = list(matching.select(matchers))
        self._fetch({sid for one in selections for sid in one.sids()})
        found = []
        for one in selections:
            for sid, labels in zip(one.sids(), one.labels(named=True), strict=True):
                samples = self._samples.get(sid)
                if samples is not None:
                    t, v = samples
                    a, b = t.searchsorted((start, end + 1))
                    if b > a:
                        found.append(SeriesData(labels, t[a:b], v[a:b]))
        return found

    def _with_recorded(self, found: list[SeriesData], matchers: Sequence[Matcher]) -> list[SeriesData]:
        wanted = accepts(matchers)
        fresh = {
            tuple(sorted(labels.items())): (labels, value)
            for metric, rows in self._recorded.items()
            if _may_name(matchers, metric)
            for labels, value in zip(rows, self._values[metric], strict=True)
            if wanted(labels)
        }
        if not fresh:
            return found
        joined = [self._joined(one, fresh.pop(tuple(sorted(one.labels.items())), None)) for one in found]
        return joined + [SeriesData(labels, np.array([self.at]), np.array([value])) for labels, value in fresh.values()]

    def _joined(self, one: SeriesData, fresh: tuple[dict[str, str], float] | None) -> SeriesData:
        if fresh is None or (len(one.t) and one.t[-1] >= self.at):
            return one
        return SeriesData(one.labels, np.append(one.t, self.at), np.append(one.v, fresh[1]))


def _may_name(matchers: object, metric: str) -> bool:
    named = [one for one in matchers if one.name == "__name__"]  # type: ignore[attr-defined]
    return all(one.test()(metric) for one in named)
