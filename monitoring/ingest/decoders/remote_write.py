"""Prometheus remote write 1.0, inflated: WriteRequest{1: TimeSeries{1: Label, 2: Sample, 3: Exemplar, 4: Histogram}, 3: MetricMetadata}.

A series that was seen before and has one sample costs one dictionary look-up: its label bytes are the key, unparsed, and the
samples of all series are taken out of their bytes at once. Any other frame is read field by field.
"""

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitoring.ingest.decoded import Columns, Decoded, Layout, Memory, too_many
from monitoring.ingest.decoders.wire import BROKEN, fields, signed, varint
from monitoring.ingest.errors import Malformed, Undecodable
from monitoring.ingest.naming import NOBODY
from monitoring.ingest.times import LAST
from monitoring.store.batch import SeriesKey, Times

LONGEST_LABELS = 16 * 1024  # bytes: more is kept by no store
_SERIES, _METADATA = 0x0A, 0x1A
_LABEL, _SAMPLE = 0x0A, 0x12
_NOT_KEPT = {0x1A: "exemplar", 0x22: "native_histogram"}
_FULL, _ZERO = b"\x12\x10\x09", b"\x12\x07\x10"  # how a sample with a value begins, and one whose value is 0, which is left out
_ZERO_VALUE = b"\x09" + bytes(8)
_REST = 15  # bytes of value and time behind _FULL
_TIME_BYTES = 6  # of a varint from 1971 to 2109
_TAIL = np.dtype([("v_tag", "u1"), ("v", "<f8"), ("t_tag", "u1"), ("t", "u1", (_TIME_BYTES,))])
_SHIFTS = np.int64(1) << (7 * np.arange(_TIME_BYTES, dtype=np.int64))
_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
_Sample = tuple[int, float]  # ms, value


def decode(body: bytes, memory: Memory, *, most: int) -> Decoded:
    """Raises Undecodable for a broken message and for more than `most` samples.

    A series whose labels cannot be kept is refused by itself.
    """
    try:
        return _Reading(memory, most, fast=True).read(body)
    except IndexError:
        raise Undecodable(BROKEN) from None
    except _OtherShape:
        return _Reading(memory, most, fast=False).read(body)


class _OtherShape(Exception):
    """What looked like samples of the common shape are others."""


class _Reading:
    def __init__(self, memory: Memory, most: int, fast: bool) -> None:
        self.columns, self.most = Columns(memory, most), most
        self.known: Callable[[bytes], Layout | None] = memory.young.get if fast else lambda labels: None
        self.layouts: list[Layout] = []  # of frames of the common shape
        self.ends: list[int] = []  # of the same, in the body
        self.zeros: dict[int, bytes] = {}  # place among them -> tail, of those whose value is left out
        self.first = memory.recent.setdefault(b"", Layout([], NOBODY)) if fast else Layout([], NOBODY)
        self.others: list[tuple[Layout, list[_Sample]]] = []  # frames of any shape
        self.metadata: dict[str, tuple[str, str, str]] = {}

    def read(self, b: bytes) -> Decoded:
        at, end = 0, len(b)
        layouts, ends, begins, last = self.layouts, self.ends, b.startswith, self.first
        while at < end:
            following = last.follower
            if following is not None and begins(following.frame, at):
                at += len(following.frame) + _REST
                layouts.append(following)
                ends.append(at)
                last = following
            elif b[at] == _SERIES:
                at, last = self._series(b, at, end, last)
            else:
                at = self._beside(b, at, end)
        if at > end:
            raise Undecodable(BROKEN)
        return self._decoded(b)

    def _series(self, b: bytes, at: int, end: int, last: Layout) -> tuple[int, Layout]:
        """A frame that is not the expected one. Returns the place behind it, and its layout where it has the common shape, else `last`."""
        size, start = b[at + 1], at + 2
        if size > 127:  # a frame's length has one or two bytes; a call for each would cost a third of the whole
            size, start = (size & 127 | b[start] << 7, start + 1) if b[start] < 128 else varint(b, at + 1)
        begun, at = at, start + size
        if at > end:
            raise Undecodable(BROKEN)
        full = b[at - 18 : at - 15] == _FULL
        labels = b[start : at - 18] if full else b[start : at - 9] if b[at - 9 : at - 6] == _ZERO else None
        layout = None if labels is None else self.known(labels)
        if layout is None:
            self._any(b, start, at)
            return at, last
        if full:
            layout.frame = b[begun : at - _REST]
            last.follower = layout
        else:
            self.zeros[len(self.layouts)] = _ZERO_VALUE + b[at - 7 : at]
        self.layouts.append(layout)
        self.ends.append(at)
        return at, layout

    def _any(self, b: bytes, start: int, end: int) -> None:
        labels, samples = self._frame(b, start, end)
        if not samples:
            return
        try:
            layout = self.columns.memory.young.get(labels) or self.columns.layout(labels, lambda: self._layout(labels))
            if not all(-LAST < t < LAST for t, _ in samples):
                raise Malformed("timestamp", "a timestamp is out of range")
        except Malformed as fault:
            self.columns.refuse(fault, labels.decode(errors="replace"), count=len(samples))
            return
        self.others.append((layout, samples))

    def _frame(self, b: bytes, start: int, end: int) -> tuple[bytes, list[_Sample]]:
        """The label fields as they stand, and the samples."""
        labels, samples = [], []
        for tag, first, at, after in fields(b, start, end):
            if tag == _LABEL:
                labels.append(b[first:after])
            elif tag == _SAMPLE:
                samples.append(_sample(b, at, after))
            elif tag in _NOT_KEPT:
                self.columns.skipped[_NOT_KEPT[tag]] += 1
        return b"".join(labels), samples

    def _layout(self, labels: bytes) -> Layout:
        found = _labels(labels)
        metric = found.pop("__name__", "")
        if not metric:
            raise Malformed("labels", "the series has no name")
        return Layout([SeriesKey.of(metric, found)], self.columns.host(found))

    def _beside(self, b: bytes, at: int, end: int) -> int:
        """Reads a field of the request that is no series; returns the place behind it."""
        tag, _, start, after = next(fields(b, at, end))
        if tag == _METADATA:
            name, *told = _metadata(b, start, after)
            self.metadata[name] = (told[0], told[1], told[2])
        return after

    def _tails(self, b: bytes) -> NDArray[np.void]:
        """The last bytes of every frame of the common shape, from the value on."""
        if not self.ends:
            return np.empty(0, _TAIL)
        every = np.ndarray(len(b) - _TAIL.itemsize + 1, _TAIL, b, strides=(1,))  # the tail that ends at every byte
        tails = every[np.array(self.ends) - _TAIL.itemsize]
        if self.zeros:
            tails[list(self.zeros)] = np.frombuffer(b"".join(self.zeros.values()), _TAIL)
        return tails

    def _decoded(self, b: bytes) -> Decoded:
        tails = self._tails(b)
        columns = self.columns
        columns.layouts = self.layouts
        index, times, values = [], [], []
        for layout, samples in self.others:
            index += [len(columns.layouts)] * len(samples)
            columns.layouts.append(layout)
            times += [t for t, _ in samples]
            values += [v for _, v in samples]
        if len(tails) + len(index) > self.most:
            raise too_many(self.most)
        t, v = np.append(_times(tails), np.array(times, np.int64)), np.append(tails["v"], values)
        found = columns.decoded(t, v, np.append(np.arange(len(tails), dtype=np.int32), np.array(index, np.int32)))
        found.metadata = self.metadata
        return found


def _times(tails: NDArray[np.void]) -> Times:
    """Raises _OtherShape where the fields of a sample are not those of the common shape."""
    t = tails["t"]
    more = t >= 0x80
    if not ((tails["v_tag"] == 0x09) & (tails["t_tag"] == 0x10) & more[:, :-1].all(1) & ~more[:, -1]).all():
        raise _OtherShape
    times: Times = (t & 0x7F).astype(np.int64) @ _SHIFTS
    return times


def _sample(b: bytes, at: int, end: int) -> _Sample:
    value, time = 0.0, 0
    for tag, _, start, after in fields(b, at, end):
        if tag == 0x09:
            value = struct.unpack_from("<d", b, start)[0]
        elif tag == 0x10:
            time = signed(varint(b, start)[0])
        elif after > end:
            raise Undecodable(BROKEN)
    return time, value


def _labels(raw: bytes) -> dict[str, str]:
    """Raises Malformed for labels that name one thing twice, nothing, or are no UTF-8."""
    if len(raw) > LONGEST_LABELS:
        raise Malformed("labels", f"the labels are longer than {LONGEST_LABELS} bytes")
    found: dict[str, str] = {}
    for _, _, at, after in fields(raw, 0, len(raw)):
        parts = {tag: raw[start:end] for tag, _, start, end in fields(raw, at, after)}
        try:
            name, value = parts.get(0x0A, b"").decode(), parts.get(0x12, b"").decode()
        except UnicodeDecodeError:
            raise Malformed("encoding", "a label is not UTF-8") from None
        if not name:
            raise Malformed("labels", "a label has no name")
        if name in found:
            raise Malformed("labels", f"the label {name[:60]!r} is there twice")
        found[name] = value
    return found


def _metadata(b: bytes, start: int, end: int) -> tuple[str, str, str, str]:
    """Metric, type, unit, help."""
    found = {tag: b[at:after] for tag, _, at, after in fields(b, start, end)}
    kind = varint(found.get(0x08, b"\0"), 0)[0]
    name, told, unit = (found.get(tag, b"").decode(errors="replace") for tag in (0x12, 0x22, 0x2A))
    return name, _TYPES[kind] if kind < len(_TYPES) else _TYPES[0], unit, told
