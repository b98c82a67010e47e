"""Turns rows of a file into facts, column by column, and says which it cannot keep."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings

from monitoring.measurements import dates, facts
from monitoring.measurements.facts import Columns, Pair, Refused
from monitoring.measurements.reading import LONG, METRICS, Reading
from monitoring.measurements.rows import Cells

_BAD = np.iinfo(np.int64).min  # a time that is none


class Refusal(NamedTuple):
    row: int
    column: str
    reason: str
    text: str


class Converted(NamedTuple):
    facts: Columns
    refused: list[Refusal]


class Converter:
    """Remembers names and times: a file repeats them."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._parse = dates.parser(reading.date, reading.zone)
        self._zone = ZoneInfo(reading.zone) if reading.zone != "UTC" else UTC
        self._times: dict[Any, int] = {}
        self._names: dict[tuple[str, Any], str | Refused] = {}

    def convert(self, numbered: Sequence[tuple[int, Cells]], now: int) -> Converted:
        return _Portion(self, self._reading, numbered, now).converted()

    def time(self, cell: Any) -> int:
        """ms; _BAD for what is no time."""
        found = self._times.get(cell)
        if found is None:
            if len(self._times) > 200_000:
                self._times.clear()
            found = self._times[cell] = self._read_time(cell)
        return found

    def _read_time(self, cell: Any) -> int:
        try:
            if isinstance(cell, date):
                return dates.milliseconds(cell, self._zone)
            found = self._parse(_text(cell))
        except (ValueError, OverflowError):
            return _BAD
        return found if abs(found) < 1 << 42 else _BAD

    def name(self, field: str, cell: Any) -> str | Refused:
        found = self._names.get((field, cell))
        if found is None:
            try:
                found = facts.name(field, _text(cell))
            except Refused as refusal:
                found = refusal
            self._names[field, cell] = found
        return found

    def number(self, cell: Any) -> float:
        """NaN for what is no number; nothing at all is None to its caller."""
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            return float(cell)
        text = _text(cell).removesuffix("%").rstrip("\u00a0 ")
        try:
            return float(text.replace(",", ".") if self._reading.decimal == "," else text)
        except ValueError:
            return math.nan


class _Portion:
    def __init__(self, converter: Converter, reading: Reading, numbered: Sequence[tuple[int, Cells]], now: int) -> None:
        self._converter, self._reading, self._now = converter, reading, now
        width = len(reading.columns)
        kept = [(number, cells) for number, cells in numbered if any(cells) or any(cell not in ("", None) for cell in cells)]
        self._numbers = [number for number, _cells in kept]
        self._rows = [cells if len(cells) >= width else [*cells, *[""] * (width - len(cells))] for _number, cells in kept]
        self.refused: list[Refusal] = []

    def converted(self) -> Converted:
        times = self._times()
        if self._reading.layout == LONG:
            value = self._reading.value or 0
            parts = [self._column(times, value, self._metrics(), self._vms(), empty=False)]
        else:
            parts = [self._of_heading(times, place) for place in self._reading.values]
        return Converted(_joined(parts), sorted(self.refused))

    def _times(self) -> np.ndarray:
        place = self._reading.timestamp or 0
        found = np.array([self._converter.time(cells[place]) for cells in self._rows], np.int64)
        self._refuse(found == _BAD, place, "not a time")
        future, old = found > self._now, (found < facts.oldest(self._now)) & (found != _BAD)
        self._refuse(future, place, "in the future")
        self._refuse(old, place, "too old")
        found[future | old] = _BAD
        return found

    def _vms(self) -> list[str | Refused]:
        return self._names("vm", self._reading.vm, self._reading.vm_name)

    def _metrics(self) -> list[str | Refused]:
        return self._names("metric", self._reading.metric, self._reading.metric_name)

    def _names(self, field: str, place: int | None, fixed: str) -> list[str | Refused]:
        if place is None:
            return [self._converter.name(field, fixed)] * len(self._rows)
        name = self._converter.name
        return [name(field, cells[place]) for cells in self._rows]

    def _of_heading(self, times: np.ndarray, place: int) -> Columns:
        """One column of a wide file."""
        heading = self._reading.columns[place]
        if self._reading.headings == METRICS:
            return self._column(times, place, [self._converter.name("metric", heading)] * len(times), self._vms(), empty=True)
        return self._column(times, place, self._metrics(), [self._converter.name("vm", heading)] * len(times), empty=True)

    def _column(self, times: np.ndarray, place: int, metrics: list[str | Refused], vms: list[str | Refused], *, empty: bool) -> Columns:
        """`empty`: a cell without a value is no fact, and no fault either."""
        at: dict[tuple[Any, Any], int] = {}
        index = np.array([at.setdefault(pair, len(at)) for pair in zip(vms, metrics, strict=True)], np.int32)
        values = self._values(place)
        keep = times != _BAD
        absent = np.array([cells[place] is None or cells[place] == "" for cells in self._rows], np.bool_)
        if not empty:
            self._refuse(keep & absent, place, "value is missing")
        keep &= ~absent
        self._refuse(keep & np.isnan(values), place, "not a number")
        low, high = settings.FACTS_VALUE_RANGE
        outside = (values < low) | (values > high)
        self._refuse(keep & outside, place, "value out of range")
        keep &= ~np.isnan(values) & ~outside & self._named(at, index, keep)
        return _compact(list(at), index[keep], times[keep], values[keep])

    def _values(self, place: int) -> np.ndarray:
        cells = [row[place] for row in self._rows]
        try:
            return np.array(list(map(float, cells)), np.float64)  # the usual file: nothing but numbers
        except (TypeError, ValueError):
            number: Callable[[Any], float] = self._converter.number
            return np.array([number(cell) for cell in cells], np.float64)

    def _named(self, at: dict[tuple[Any, Any], int], index: np.ndarray, keep: np.ndarray) -> np.ndarray:
        """Marks rows whose VM and metric have names that can be kept."""
        good = np.ones(len(index), np.bool_)
        for pair, place in at.items():
            wrong = next((part for part in pair if isinstance(part, Refused)), None)
            if wrong is not None:
                mine = index == place
                good &= ~mine
                self._refuse(keep & mine, self._reading.vm if wrong.field == "vm" else self._reading.metric, wrong.reason)
        return good

    def _refuse(self, which: np.ndarray, place: int | None, reason: str) -> None:
        column = "" if place is None else self._reading.columns[place]
        for row in np.flatnonzero(which).tolist():
            text = "" if place is None else _text(self._rows[row][place])[:300].replace("\0", "")
            self.refused.append(Refusal(self._numbers[row], column[:255], reason, text))


def _compact(pairs: list[tuple[Any, Any]], index: np.ndarray, t: np.ndarray, v: np.ndarray) -> Columns:
    """Without the pairs that no fact is left of."""
    used, index = np.unique(index, return_inverse=True)
    return Columns([Pair(*pairs[place]) for place in used.tolist()], index.astype(np.int32), t, v)


def _joined(parts: list[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    at: dict[Pair, int] = {}
    index = [np.array([at.setdefault(pair, len(at)) for pair in part.pairs], np.int32)[part.index] for part in parts if len(part)]
    if not index:
        return Columns([], np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))
    some = [part for part in parts if len(part)]
    return Columns(list(at), np.concatenate(index), np.concatenate([part.t for part in some]), np.concatenate([part.v for part in some]))


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # spreadsheets know no whole numbers
    return "" if cell is None else str(cell).strip()
