"""The figures, as pure functions over columns: no database, no clock. Times are whole seconds since 1970; 0 = not yet."""

from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
RANKS = ("low", "medium", "high", "critical")  # severity of a row is the place here


@dataclass(frozen=True)
class Period:
    """[start, end)"""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        return self.end - self.start

    @property
    def before(self) -> "Period":
        """As long, and just before it."""
        return Period(self.start - self.seconds, self.start)

    def parts(self, count: int) -> Ints:
        """count + 1 limits."""
        return np.linspace(self.start, self.end, count + 1).astype(np.int64)


@dataclass(frozen=True)
class Troubles:
    """Alerts or incidents, a column each. `resource` 0: none is known; `name` is a place in `names`."""

    id: Ints
    began: Ints  # when it began to hurt
    opened: Ints  # when it was noticed: the alert fired
    acknowledged: Ints
    resolved: Ints
    severity: Ints
    resource: Ints
    name: Ints
    acted: Bools  # somebody did something about it
    lapsed: Bools  # it ended because its rule or its sender went away: nobody knows when it was over
    quiet: Bools  # was silenced, or in maintenance, at some time
    flapped: Bools
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.id)

    def where(self, mask: Bools) -> "Troubles":
        kept = {column.name: getattr(self, column.name)[mask] for column in fields(self) if column.name != "names"}
        return replace(self, **kept)

    def within(self, period: Period) -> "Troubles":
        """Those that opened in it."""
        return self.where((self.opened >= period.start) & (self.opened < period.end))

    def count(self, severity: str) -> int:
        return int((self.severity == RANKS.index(severity)).sum())


# -- times ---------------------------------------------------------------------------------------------------------------
class Spread(NamedTuple):
    """Of n values: all None where there is none."""

    n: int
    mean: float | None
    median: float | None
    p90: float | None


def spread(values: npt.NDArray[np.int64]) -> Spread:
    if not len(values):
        return Spread(0, None, None, None)
    median, p90 = np.percentile(values, [50, 90])
    return Spread(len(values), float(values.mean()), float(median), float(p90))


class Lengths(NamedTuple):
    """How long something took, of the rows where it is known; with the rows' ids and when they opened."""

    id: Ints
    opened: Ints
    seconds: Ints

    @property
    def spread(self) -> Spread:
        return spread(self.seconds)


def _lengths(rows: Troubles, since: Ints, until: Ints, known: Bools | None = None) -> Lengths:
    at: Any = slice(None) if known is None else known
    return Lengths(rows.id[at], rows.opened[at], np.maximum(until[at] - since[at], 0))


def to_detect(rows: Troubles) -> Lengths:
    """From when it began to when it was noticed, of every row."""
    return _lengths(rows, rows.began, rows.opened)


def to_acknowledge(rows: Troubles) -> Lengths:
    """From when it was noticed to when somebody acknowledged it, of those that were acknowledged."""
    return _lengths(rows, rows.opened, rows.acknowledged, rows.acknowledged > 0)


def to_resolve(rows: Troubles) -> Lengths:
    """From when it was noticed to when it was over, of those that are; without those that lapsed."""
    return _lengths(rows, rows.opened, rows.resolved, (rows.resolved > 0) & ~rows.lapsed)


# -- noise ---------------------------------------------------------------------------------------------------------------
class Noise(NamedTuple):
    over: Bools  # which rows are over
    ignored: Bools  # of these, those that nobody acted on

    @property
    def share(self) -> float | None:
        """Per cent ignored of over."""
        over = int(self.over.sum())
        return 100 * int(self.ignored.sum()) / over if over else None


def noise(rows: Troubles) -> Noise:
    over = rows.resolved > 0
    return Noise(over, over & ~rows.acted)


def share(mask: Bools) -> float | None:
    """Per cent of the rows; None of no rows."""
    return float(100 * mask.mean()) if len(mask) else None


# -- intervals -----------------------------------------------------------------------------------------------------------
class Spans(NamedTuple):
    """[start, end) of resources."""

    resource: Ints
    start: Ints
    end: Ints

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).sum())

    def where(self, mask: Bools) -> "Spans":
        return Spans(self.resource[mask], self.start[mask], self.end[mask])

    def cut(self, period: Period) -> "Spans":
        """What of them lies in the period."""
        start, end = np.maximum(self.start, period.start), np.minimum(self.end, period.end)
        return Spans(self.resource, start, end).where(end > start)


def spans(rows: list[tuple[int, int, int]]) -> Spans:
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return Spans(*columns.T)


def joined(*parts: Spans) -> Spans:
    return reduce(lambda one, two: Spans(*map(np.concatenate, zip(one, two, strict=True))), parts)


def without(spans: Spans, left_out: Spans) -> Spans:
    """Their union per resource, less what is left out, in order; touching ones are one. One sweep over all their ends."""
    many, none = len(spans.start), len(left_out.start)
    resource = np.concatenate((spans.resource, spans.resource, left_out.resource, left_out.resource))
    at = np.concatenate((spans.start, spans.end, left_out.start, left_out.end))
    inside = np.concatenate((np.ones(many), -np.ones(many), np.zeros(2 * none))).astype(np.int64)
    outside = np.concatenate((np.zeros(2 * many), np.ones(none), -np.ones(none))).astype(np.int64)
    order = np.lexsort((at, resource))
    resource, at = resource[order], at[order]
    # Sums run on over all resources: each ends what it began, so that the next starts from nothing.
    held = (inside[order].cumsum() > 0) & (outside[order].cumsum() == 0)
    pieces = np.flatnonzero(held[:-1] & (at[1:] > at[:-1])) if len(at) else np.empty(0, np.int64)
    return _glued(Spans(resource[pieces], at[pieces], at[pieces + 1]))


def _glued(pieces: Spans) -> Spans:
    """Pieces in order; those that touch become one."""
    if not len(pieces.start):
        return pieces
    fresh = np.append(True, (pieces.resource[1:] != pieces.resource[:-1]) | (pieces.start[1:] != pieces.end[:-1]))
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(fresh)) - 1
    return Spans(pieces.resource[first], pieces.start[first], pieces.end[last])


# -- availability --------------------------------------------------------------------------------------------------------
class Uptime(NamedTuple):
    """Of some resources in a period. Seconds of all of them together."""

    resources: int
    observed: int  # watched, and not in maintenance
    down: int
    failures: int  # times one of them went down in the period

    @property
    def percent(self) -> float | None:
        return 100 * (1 - self.down / self.observed) if self.observed else None

    @property
    def between_failures(self) -> float | None:
        """Mean seconds of being up for each failure."""
        return (self.observed - self.down) / self.failures if self.failures else None


class Ledger(NamedTuple):
    """What a period held for each resource, a column each, by rising id."""

    resource: Ints
    observed: Ints
    down: Ints
    failures: Ints

    def uptime(self, of: Ints | None = None) -> Uptime:
        """`of`: resource ids, None = all."""
        at: Any = slice(None) if of is None else self._places(of)
        observed = self.observed[at]
        return Uptime(int((observed > 0).sum()), int(observed.sum()), int(self.down[at].sum()), int(self.failures[at].sum()))

    def _places(self, of: Ints) -> Ints:
        at = np.searchsorted(self.resource, of)
        inside = at < len(self.resource)
        return at[inside][self.resource[at[inside]] == of[inside]]


def ledger(watched: Spans, outages: Spans, period: Period) -> Ledger:
    """Of spans that are free of maintenance."""
    seen, down = watched.cut(period), outages.cut(period)
    begun = outages.where((outages.start >= period.start) & (outages.start < period.end))
    who = np.unique(np.concatenate((seen.resource, down.resource)))
    return Ledger(who, _added(seen, who), _added(down, who), np.bincount(np.searchsorted(who, begun.resource), None, len(who)))


def _added(spans: Spans, who: Ints) -> Ints:
    """Seconds of each."""
    found: Ints = np.bincount(np.searchsorted(who, spans.resource), spans.end - spans.start, len(who)).astype(np.int64)
    return found


def budget_left(percent: float | None, objective: float) -> float | None:
    """Per cent of the downtime that the objective allows that is still unused; below 0 it is overdrawn."""
    if percent is None or objective >= 100:
        return None
    return 100 * (1 - (100 - percent) / (100 - objective))


# -- trends --------------------------------------------------------------------------------------------------------------
def counted(opened: Ints, limits: Ints) -> Ints:
    """How many opened between two limits and the next."""
    found: Ints = np.histogram(opened, limits)[0].astype(np.int64)
    return found


def means(lengths: Lengths, limits: Ints) -> list[float | None]:
    """Mean seconds of those that opened between two limits; None where there is none."""
    counts = np.histogram(lengths.opened, limits)[0]
    sums = np.histogram(lengths.opened, limits, weights=lengths.seconds)[0]
    return [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]


def open_for(rows: Troubles, period: Period) -> Ints:
    """Seconds each was open, up to the period's end."""
    until = np.where(rows.resolved > 0, np.minimum(rows.resolved, period.end), period.end)
    return np.maximum(until - rows.opened, 0)


class Top(NamedTuple):
    key: int  # place of the name, or resource id
    rows: int
    seconds: int  # open within the period, added up


def top(keys: Ints, rows: Troubles, period: Period, most: int) -> list[Top]:
    """The keys with most rows."""
    if not len(rows):
        return []
    found, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    seconds = np.bincount(place, open_for(rows, period), len(found)).astype(np.int64)
    first = np.lexsort((found, -seconds, -counts))[:most]
    return [Top(int(found[at]), int(counts[at]), int(seconds[at])) for at in first]
