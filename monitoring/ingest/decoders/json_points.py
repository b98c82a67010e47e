"""The generic JSON door: {"host", "ts", "metrics": {…}}, or one object per point {"host", "ts", "metric", "value"}; one, an array, or
one a line (NDJSON). A telegraf body, {"metrics": [{"name", "tags", "fields", "timestamp"}]}, is read here too.

A body in which every object has the shape it should is validated by msgspec while it is decoded; in any other each object is
looked at by itself, so that one cannot cost the others.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from monitoring.ingest import naming, times
from monitoring.ingest.decoded import Columns, Decoded, Layout, Memory
from monitoring.ingest.decoders.line_protocol import layout_of
from monitoring.ingest.errors import Malformed, Undecodable
from monitoring.store.batch import SeriesKey


class Item(msgspec.Struct):
    """Either form; what a sender may call otherwise has a field for each name."""

    host: str = ""
    hostname: str = ""
    instance: str = ""
    ts: int | float | str | None = None
    timestamp: int | float | str | None = None
    time: int | float | str | None = None
    metrics: dict[str, Any] | None = None
    metric: str = ""
    name: str = ""
    value: Any = None
    labels: dict[str, str] = {}
    tags: dict[str, str] = {}


class Point(msgspec.Struct):
    """A metric of telegraf's JSON."""

    name: str
    fields: dict[str, Any]
    tags: dict[str, str] = {}
    timestamp: int | float | str | None = None


class Flush(msgspec.Struct):
    metrics: list[Point]


class Plain(msgspec.Struct, forbid_unknown_fields=True):
    """The nested form as most send it: nothing but numbers. Anything else is an Item."""

    metrics: dict[str, float]
    host: str = ""
    ts: int | None = None


_reports = msgspec.json.Decoder(list[Plain])
_items, _points = msgspec.json.Decoder(list[Item]), msgspec.json.Decoder(Flush)
_plain = msgspec.json.Decoder()
_FAR = 1 << 1000  # larger whole numbers are refused rather than turned into infinity
_About = tuple[str, str, str]  # measurement, host, instance; each may be empty
_FAULTS = (msgspec.DecodeError, RecursionError)


def decode(body: bytes, memory: Memory, *, now: int, most: int) -> Decoded:
    """Nested, flat, array or NDJSON. `now` in ms is the time of objects without one. Raises Undecodable for what is no JSON."""
    if body.startswith(b"[") and (found := _plainly(body, _Reading(memory, now, most))) is not None:
        return found
    reading = _Reading(memory, now, most)
    try:
        items: Iterable[Any] = _items.decode(body) if body.lstrip()[:1] == b"[" else _lines(body, reading)
    except (*_FAULTS, UnicodeDecodeError):
        items = _loose(body)
    for place, item in enumerate(items, 1):
        reading.take(reading.item, item, Item, place)
    return reading.decoded()


def _plainly(body: bytes, reading: "_Reading") -> Decoded | None:
    """A body of which nothing has to be refused, in half the time; None for any other, of which nothing is taken then."""
    try:
        for one in _reports.decode(body):
            reading.report(one)
    except (*_FAULTS, UnicodeDecodeError, Malformed):
        return None
    found = reading.decoded()
    return found if np.isfinite(found.v).all() else None


def decode_telegraf(body: bytes, memory: Memory, *, now: int, most: int) -> Decoded:
    """What `outputs.http` sends with data_format = "json": a batch, or one metric."""
    reading = _Reading(memory, now, most)
    try:
        points: Iterable[Any] = _points.decode(body).metrics
    except (*_FAULTS, UnicodeDecodeError):
        given = _whole(body)
        points = given["metrics"] if isinstance(given, dict) and isinstance(given.get("metrics"), list) else [given]
    for place, point in enumerate(points, 1):
        reading.take(reading.point, point, Point, place)
    return reading.decoded()


def _whole(body: bytes) -> Any:
    try:
        return _plain.decode(body)
    except (*_FAULTS, UnicodeDecodeError) as fault:
        raise Undecodable(f"The JSON cannot be read: {_told(fault)}.") from None


def _loose(body: bytes) -> list[Any]:
    given = _whole(body)
    return given if isinstance(given, list) else [given]


def _lines(body: bytes, reading: "_Reading") -> list[Any]:
    """One object, or one a line. A line that is no JSON is refused by itself, unless none is."""
    try:
        return [_plain.decode(body)]
    except (*_FAULTS, UnicodeDecodeError) as fault:
        whole = fault
    found = []
    for number, line in enumerate(body.split(b"\n"), 1):
        try:
            if line.strip():
                found.append(_plain.decode(line))
        except (*_FAULTS, UnicodeDecodeError) as fault:
            reading.columns.refuse(Malformed("syntax", f"the JSON cannot be read: {_told(fault)}"), line.decode(errors="replace"), number)
    if not found:
        raise Undecodable(f"The JSON cannot be read: {_told(whole)}.")
    return found


def _told(fault: BaseException) -> str:
    return "it nests too deeply" if isinstance(fault, RecursionError) else str(fault).rstrip(".")[:200]


class _Reading:
    def __init__(self, memory: Memory, now: int, most: int) -> None:
        self.columns, self.now = Columns(memory, most), now
        self.known = memory.young.get
        self.values: list[float] = []
        self.times: list[int] = []
        self.counts: list[int] = []
        self.seen: dict[Any, int] = {}  # a body has few times, and they repeat

    def decoded(self) -> Decoded:
        t = np.repeat(np.array(self.times, np.int64), self.counts)
        return self.columns.decoded(t, np.array(self.values, np.float64))

    def take(self, read: Callable[[Any], None], given: Any, shape: type[Any], place: int) -> None:
        """One object; what is wrong with it is its own fault."""
        try:
            read(given if isinstance(given, shape) else msgspec.convert(given, shape))
        except msgspec.ValidationError as fault:
            self.columns.refuse(Malformed("type", _told(fault)), str(given), place)
        except Malformed as fault:
            shown = given if not isinstance(given, shape) else msgspec.to_builtins(given)
            self.columns.refuse(fault, str(shown), place)

    def item(self, item: Item) -> None:
        name = item.metric or item.name
        if item.metrics is None and not name:
            raise Malformed("syntax", "neither metrics nor a metric with its value")
        values = {name: item.value} if item.metrics is None else item.metrics
        labels = {**item.tags, **item.labels} if item.tags or item.labels else item.labels
        time = item.ts if item.ts is not None else item.timestamp if item.timestamp is not None else item.time
        self._add(("", item.host or item.hostname, item.instance), labels, values, time)

    def report(self, report: Plain) -> None:
        self._keep(("", report.host, ""), {}, report.metrics, self._time(report.ts))

    def point(self, point: Point) -> None:
        if not point.name:
            raise Malformed("syntax", "the metric has no name")
        self._add((point.name, "", ""), point.tags, point.fields, point.timestamp)

    def _add(self, about: _About, labels: dict[str, str], values: dict[str, Any], time: Any) -> None:
        at = self._time(time)
        numbers = values if _all_numbers(values) else self._numbers(values)
        layout = self._keep(about, labels, numbers, at)
        if len(numbers) < len(values) and (texts := {name: value for name, value in values.items() if isinstance(value, str)}):
            self.columns.describe(layout.host, texts)

    def _keep(self, about: _About, labels: dict[str, str], numbers: Mapping[str, float], at: int) -> Layout:
        key = (about, *numbers, None, *labels.items()) if labels else (about, *numbers)
        layout = self.known(key) or self.columns.layout(key, lambda: self._layout(about, labels, list(numbers)))
        if numbers:
            self.columns.add(layout)
            self.values += numbers.values()
            self.times.append(at)
            self.counts.append(len(numbers))
        return layout

    def _time(self, given: Any) -> int:
        if given is None:
            return self.now
        at = self.seen.get(given)
        if at is None:
            at = self.seen[given] = times.read(given)
        return at

    def _numbers(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Numbers, and booleans as 1 and 0. What is neither these nor a text is refused by itself."""
        numbers = {}
        for name, value in values.items():
            if isinstance(value, bool | int | float) and abs(value) < _FAR:
                numbers[name] = float(value)
            elif not isinstance(value, str):
                self.columns.refuse(Malformed("type", f"the value of {name[:60]!r} is neither a number nor a text"), f"{name}: {value}")
        return numbers

    def _layout(self, about: _About, tags: dict[str, str], names: list[str]) -> Layout:
        measurement, host, instance = about
        named = {name: value for name, value in (("host", host), ("instance", instance)) if value}
        labels = naming.labels({**tags, **named}.items())
        if measurement:
            return layout_of(measurement, labels, names, self.columns)
        metrics = [naming.metric(name) for name in names]
        if "" in metrics or len(set(metrics)) < len(metrics):
            raise Malformed("labels", "a metric has no name, or two become the same")
        identity = SeriesKey.of("", labels).labels
        return Layout([SeriesKey(metric, identity) for metric in metrics], self.columns.host(labels))


def _all_numbers(values: Mapping[str, Any]) -> bool:
    kinds = set(map(type, values.values()))
    return kinds == {float} or (kinds <= {float, int} and all(-_FAR < value < _FAR for value in values.values()))
