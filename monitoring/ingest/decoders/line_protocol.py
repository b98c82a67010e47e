"""InfluxDB's line protocol: measurement,tag=a,tag=b field=1,field=2i 1700000000000000000

Metric <measurement>_<field>, labels the tags. A line of numbers without escapes whose head and fields were seen before costs
no more than splitting it and one conversion of all values; any other line goes through the grammar (line_syntax).
"""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import orjson

from monitoring.ingest import naming
from monitoring.ingest.decoded import Columns, Decoded, Layout, Memory, too_many
from monitoring.ingest.decoders import line_syntax
from monitoring.ingest.errors import Malformed
from monitoring.ingest.times import within
from monitoring.store.batch import SeriesKey, Values

NS = (1, 1_000_000)
# Unit -> what a time is multiplied with and divided by to be milliseconds. InfluxDB 1 says n and u, InfluxDB 2 ns and us.
PRECISIONS = {
    **{"ns": NS, "n": NS, "": NS, "us": (1, 1000), "u": (1, 1000), "µ": (1, 1000)},
    **{"ms": (1, 1), "s": (1000, 1), "m": (60_000, 1), "h": (3_600_000, 1)},
}
_FIELDS = re.compile(rb"([^=, ]++=)([^, ]*+)")
WIDEST = 500  # fields of a line that is worth a pattern


def decode(body: bytes, memory: Memory, *, precision: str, now: int, most: int) -> Decoded:
    """`now` in ms is the time of lines without one; an unknown precision counts as nanoseconds, as in InfluxDB.

    Raises Undecodable when there are more than `most` samples. A line that cannot be read is refused by itself.
    """
    scale = PRECISIONS.get(precision, NS)
    if body.count(b"\n") > 2 * most:
        raise too_many(most)
    try:
        return _Reading(memory, scale, now, most).read(body, fast=True)
    except _NotPlain:
        return _Reading(memory, scale, now, most).read(body, fast=False)


class _NotPlain(Exception):
    """What looked like numbers are none: somewhere is a line for the grammar."""


class _Reading:
    def __init__(self, memory: Memory, scale: tuple[int, int], now: int, most: int) -> None:
        self.columns = Columns(memory, most)
        self.scale, self.now = scale, now
        self.known, self.recent = memory.young.get, memory.recent.get
        self.values: list[bytes] = []
        self.times: list[int] = []
        self.counts: list[int] = []
        self.seen: dict[bytes, int] = {}  # a body has few times, and they repeat

    def read(self, body: bytes, fast: bool) -> Decoded:
        lines = line_syntax.lines(body) if b'"' in body else enumerate(body.split(b"\n"), 1)
        for number, line in lines:
            if not (fast and self._plain(line)) and line.strip() and not line.lstrip().startswith(b"#"):
                self._any(number, line)
        t = np.repeat(np.array(self.times, np.int64), self.counts)
        return self.columns.decoded(t, self._numbers())

    def _plain(self, line: bytes) -> bool:
        """Takes a line of the common shape; False for any other, of which nothing was taken then."""
        head, _, rest = line.partition(b" ")
        layout = self.recent(head)
        found = layout.frame(rest) if layout is not None else None
        if found is None and (known := self._shape(head, rest)) is not None:
            layout, found = known
        if layout is None or found is None:
            return False
        *numbers, stamp = found.groups()
        if (time := self.seen.get(stamp)) is None:
            try:
                time = self.seen[stamp] = self._time(stamp)
            except Malformed:
                return False
        self._take(layout, time)
        self.values += numbers
        return True

    def _shape(self, head: bytes, rest: bytes) -> tuple[Layout, re.Match[bytes]] | None:
        """A layout that was seen before, though not lately with this head."""
        fields = _FIELDS.findall(rest)
        layout = self.known((head, *[name for name, _ in fields])) if b"\\" not in head else None
        if layout is None or len(fields) != len(layout.keys) or len(fields) > WIDEST:
            return None
        found = _pattern(tuple([(name, value.endswith(b"i")) for name, value in fields])).fullmatch(rest)
        if found is None:
            return None
        layout.frame = found.re.fullmatch
        self.columns.memory.recent[head] = layout
        return layout, found

    def _take(self, layout: Layout, time: int) -> None:
        self.columns.add(layout)
        self.times.append(time)
        self.counts.append(len(layout.keys))

    def _any(self, number: int, line: bytes) -> None:
        try:
            parsed = line_syntax.split(line)
            values = {name: line_syntax.value(raw) for name, raw in parsed.fields}  # of a field given twice the last counts, as in InfluxDB
            numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
            layout = self._layout(parsed.head, tuple(numbers))
            time = self._time(parsed.time)
        except Malformed as fault:
            self.columns.refuse(fault, line.decode(errors="replace"), number)
            return
        if len(numbers) < len(values):
            texts = {line_syntax.unescaped(name): value for name, value in values.items() if isinstance(value, str)}
            self.columns.describe(layout.host, texts)
        if numbers:
            self._take(layout, time)
            self.values.append(b",".join([b"%r" % number for number in numbers.values()]))

    def _layout(self, head: bytes, names: tuple[bytes, ...]) -> Layout:
        key = (head, *(name + b"=" for name in names))
        return self.known(key) or self.columns.layout(key, lambda: self._made(head, names))

    def _made(self, head: bytes, names: tuple[bytes, ...]) -> Layout:
        measurement, tags = line_syntax.series(head)
        return layout_of(measurement, naming.labels(tags), [line_syntax.unescaped(name) for name in names], self.columns)

    def _numbers(self) -> Values:
        """All at once: plain numbers are JSON, which is read five times as fast as numbers one by one."""
        text = b",".join([*self.values, b""])
        try:
            found = np.array(orjson.loads(b"[" + text[:-1] + b"]"), np.float64)
        except (ValueError, TypeError):
            raise _NotPlain from None
        if not np.isfinite(found).all():
            raise _NotPlain
        return found

    def _time(self, raw: bytes) -> int:
        """Milliseconds."""
        if not raw:
            return self.now
        if len(raw) > 20 or not -(1 << 63) <= int(raw) < 1 << 63:
            raise Malformed("timestamp", f"time {raw[:30].decode()} is out of range")
        return within(int(raw) * self.scale[0] // self.scale[1])


@lru_cache(maxsize=5_000)
def _pattern(fields: tuple[tuple[bytes, bool], ...]) -> re.Pattern[bytes]:
    """Of what stands behind the head of a line with these fields, integers or not: the digits of each value, and the time, are groups."""
    values = [re.escape(name) + (rb"(-?\d++)i" if integer else rb"([-+.0-9eE]++)") for name, integer in fields]
    return re.compile(b",".join(values) + rb" (\d++)")


def layout_of(measurement: str, labels: Mapping[str, str], names: list[str], columns: Columns) -> Layout:
    """The series of a point of InfluxDB's data model. Raises Malformed where two fields would be one series."""
    metrics = [naming.metric(f"{measurement}_{name}") for name in names]
    twice = [metric for metric, count in Counter(metrics).items() if count > 1] if len(set(metrics)) < len(metrics) else []
    if twice:
        raise Malformed("labels", f"two fields become the same metric {twice[0][:100]!r}")
    identity = SeriesKey.of("", labels).labels
    return Layout([SeriesKey(metric, identity) for metric in metrics], columns.host(labels))
