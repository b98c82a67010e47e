"""An index of series by their labels, in memory. Pure: no database.

A metric's series are a table with one column of codes per label name; a code stands for a label's value, 0 for no such label. Tables
are never changed, only replaced, so that readers need no lock. A series takes 8 bytes in its table, 4 more per label, and about 110
in `marks`.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from monitoring.store.batch import Ids, Mask

NAME = "__name__"
Codes = NDArray[np.int32]


class Matcher(Protocol):
    """A label's name, one of = != =~ !~, and what it is compared with. A label that a series lacks counts as empty."""

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def value(self) -> str: ...

    def test(self) -> Callable[[str], bool]:
        """What a regex says of a value, both operators included."""


class Row(NamedTuple):
    sid: int
    metric: str
    labels: Mapping[str, str]
    mark: int  # tells whether an id still stands for the same labels
    seen: int  # seconds: a writer used it then or up to a day later


class Texts:
    """Label values and their codes. Only grows; what nobody uses any more leaves when the index is built anew."""

    def __init__(self) -> None:
        self.of = [""]
        self._codes = {"": 0}

    def code(self, text: str) -> int:
        found = self._codes.get(text)
        if found is None:
            found = self._codes[text] = len(self.of)
            self.of.append(text)
        return found

    def known(self, text: str) -> int:
        """-1 for a text that is no label's value."""
        return self._codes.get(text, -1)


@dataclass(frozen=True, eq=False)
class Table:
    """The series of one metric, in the order of their ids."""

    metric: str
    sids: Ids
    seen: Codes
    columns: dict[str, Codes]
    _distinct: dict[str, Codes] = field(default_factory=dict)

    @classmethod
    def of(cls, metric: str, rows: Sequence[Row], texts: Texts) -> "Table":
        names = sorted({name for row in rows for name in row.labels})
        columns = {name: np.array([texts.code(row.labels.get(name, "")) for row in rows], np.int32) for name in names}
        return cls(metric, np.array([row.sid for row in rows], np.int32), np.array([row.seen for row in rows], np.int32), columns)

    def distinct(self, name: str) -> Codes:
        """The codes in a column; asked for again and again by regexes."""
        found = self._distinct.get(name)
        if found is None:
            found = self._distinct[name] = np.unique(self.columns[name])
        return found

    def where(self, keep: NDArray[np.intp] | Mask) -> "Table":
        columns = {name: column[keep] for name, column in self.columns.items()}
        return Table(self.metric, self.sids[keep], self.seen[keep], columns)

    def extended(self, other: "Table") -> "Table":
        here, there = np.zeros_like(self.sids), np.zeros_like(other.sids)
        names = sorted(self.columns.keys() | other.columns.keys())
        columns = {name: np.concatenate([self.columns.get(name, here), other.columns.get(name, there)]) for name in names}
        joined = Table(self.metric, np.concatenate([self.sids, other.sids]), np.concatenate([self.seen, other.seen]), columns)
        in_order = bool((joined.sids[1:] > joined.sids[:-1]).all())
        return joined if in_order else joined.where(np.argsort(joined.sids))

    def seen_again(self, seen: Mapping[int, int]) -> "Table":
        at = np.searchsorted(self.sids, np.fromiter(seen, np.int32, len(seen)))
        when = np.fromiter(seen.values(), np.int32, len(seen))
        if (self.seen[at] == when).all():
            return self
        column = self.seen.copy()
        column[at] = when
        return Table(self.metric, self.sids, column, self.columns, self._distinct)


class _Column:
    """One matcher of a label, ready for any number of tables."""

    def __init__(self, matcher: Matcher, texts: Texts) -> None:
        self.name, self._texts = matcher.name, texts
        self._passes = _predicate(matcher)
        self.passes_blank = self._passes("")
        self._code = texts.known(matcher.value) if matcher.op in ("=", "!=") else None
        self._equal = matcher.op == "="
        self._verdicts = np.zeros(len(texts.of), np.int8) if self._code is None else None  # of a code: 0 not asked yet, 1 yes, 2 no

    def rows(self, table: Table) -> Mask | None:
        """None: all of them."""
        column = table.columns.get(self.name)
        if column is None:
            return None if self.passes_blank else np.zeros(len(table.sids), np.bool_)
        if self._verdicts is None:
            mask: Mask = column == self._code if self._equal else column != self._code
            return mask
        codes = table.distinct(self.name)
        unasked = codes[self._verdicts[codes] == 0]
        text, passes = self._texts.of, self._passes
        self._verdicts[unasked] = [1 if passes(text[code]) else 2 for code in unasked.tolist()]
        return self._verdicts[column] == 1


def _predicate(matcher: Matcher) -> Callable[[str], bool]:
    if matcher.op == "=":
        return matcher.value.__eq__
    return matcher.value.__ne__ if matcher.op == "!=" else matcher.test()


class Selection(NamedTuple):
    """Series of one metric."""

    table: Table
    rows: NDArray[np.intp]
    texts: Texts

    def sids(self) -> list[int]:
        found: list[int] = self.table.sids[self.rows].tolist()
        return found

    def labels(self, named: bool = False) -> list[dict[str, str]]:
        """A dict of one's own per series; `named` ones carry the metric as __name__."""
        head = {NAME: self.table.metric} if named else {}
        names, text = list(self.table.columns), self.texts.of
        columns = [self.table.columns[name][self.rows] for name in names]
        if not columns:
            return [head.copy() for _ in range(len(self.rows))]
        rows = zip(*([text[code] for code in column.tolist()] for column in columns), strict=True)
        if all(column.all() for column in columns):
            return [{**head, **dict(zip(names, row, strict=True))} for row in rows]
        return [head | {name: value for name, value in zip(names, row, strict=True) if value} for row in rows]

    def codes(self, name: str) -> Codes:
        """Of one label's values, without the blank."""
        if name not in self.table.columns:
            return np.empty(0, np.int32)
        whole = len(self.rows) == len(self.table.sids)
        found = self.table.distinct(name) if whole else np.unique(self.table.columns[name][self.rows])
        return found[found > 0]


class Labels:
    """The index. One thread at a time may change it; readers see the tables of before or after."""

    def __init__(self) -> None:
        self.texts = Texts()
        self.tables: dict[str, Table] = {}
        self.marks: dict[int, int] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Series that are new."""
        by_metric: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_metric[row.metric].append(row)
            self.marks[row.sid] = row.mark
        fresh = {metric: Table.of(metric, of_metric, self.texts) for metric, of_metric in by_metric.items()}
        joined = {metric: self.tables[metric].extended(table) for metric, table in fresh.items() if metric in self.tables}
        self.tables = {**self.tables, **fresh, **joined}

    def remove(self, sids: Collection[int]) -> None:
        gone = [sid for sid in sids if self.marks.pop(sid, None) is not None]
        if gone:
            left = {metric: table.where(~np.isin(table.sids, gone)) for metric, table in self.tables.items()}
            self.tables = {metric: table for metric, table in left.items() if len(table.sids)}

    def seen_again(self, seen: Mapping[str, Mapping[int, int]]) -> None:
        """When series were last seen, by metric and id."""
        for metric, of_metric in seen.items():
            table = self.tables[metric].seen_again(of_metric)
            if table is not self.tables[metric]:
                self.tables = {**self.tables, metric: table}

    def select(self, matchers: Sequence[Matcher], since: int | None = None) -> Iterator[Selection]:
        """Metric by metric in their names' order. With `since`, in seconds, without series last seen before."""
        tables = self._named(matchers)  # first: the columns then know every code in them
        columns = [_Column(matcher, self.texts) for matcher in matchers if matcher.name != NAME]
        for table in tables:
            rows = _rows(table, columns, since)
            if len(rows):
                yield Selection(table, rows, self.texts)

    def _named(self, matchers: Sequence[Matcher]) -> list[Table]:
        tables, named = self.tables, [matcher for matcher in matchers if matcher.name == NAME]
        if exact := [matcher.value for matcher in named if matcher.op == "="]:
            tables = {exact[0]: tables[exact[0]]} if exact[0] in tables else {}
        tests = [_predicate(matcher) for matcher in named]
        return [table for metric, table in sorted(tables.items()) if all(test(metric) for test in tests)]


def _rows(table: Table, columns: Sequence[_Column], since: int | None) -> NDArray[np.intp]:
    masks = [mask for column in columns if (mask := column.rows(table)) is not None]
    if since is not None:
        masks.append(table.seen >= since)
    if not masks:
        return np.arange(len(table.sids))
    return np.flatnonzero(np.logical_and.reduce(masks))


def values(found: Iterable[Selection], name: str) -> set[str]:
    """The values of one label."""
    if name == NAME:
        return {one.table.metric for one in found}
    codes: set[int] = set()
    texts: list[str] = []
    for one in found:
        texts = one.texts.of
        codes.update(one.codes(name).tolist())
    return {texts[code] for code in codes}


def names(found: Iterable[Selection]) -> set[str]:
    """The names of the labels these series have, __name__ among them."""
    result: set[str] = set()
    for one in found:
        result.add(NAME)
        result.update(name for name in one.table.columns if name not in result and len(one.codes(name)))
    return result


def cardinality(found: Iterable[Selection]) -> dict[str, int]:
    """How many values each label has among these series."""
    codes: defaultdict[str, set[int]] = defaultdict(set)
    metrics = 0
    for one in found:
        metrics += 1
        for name in one.table.columns:
            codes[name].update(one.codes(name).tolist())
    counts = {name: len(of_name) for name, of_name in codes.items() if of_name}
    return {NAME: metrics, **counts} if metrics else {}
