"""Bytes of a Prometheus remote write request, version 0.1.0.

WriteRequest{1: TimeSeries{1: Label{1: name, 2: value}, 2: Sample{1: value, 2: ms}}}.
Written by hand: objects of generated code cost ten times the CPU.
"""

from collections.abc import Mapping

import cramjam
import numpy as np

from monitoring.store.batch import SeriesKey
from monitoring.store.samples import Samples, runs

# Times from 1971 to 2109 are varints of six bytes, so that every sample has the same shape.
_TIME_BYTES = 6
_SAMPLE = np.dtype([("field", "u1"), ("size", "u1"), ("v_field", "u1"), ("v", "<f8"), ("t_field", "u1"), ("t", "u1", (_TIME_BYTES,))])
_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def headers() -> dict[str, str]:
    return dict(_HEADERS)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _text(field: int, text: str) -> bytes:
    data = text.encode()
    return bytes([field << 3 | 2]) + _varint(len(data)) + data


def label_bytes(key: SeriesKey) -> bytes:
    """The labels of a TimeSeries; receivers want them sorted by name."""
    parts = []
    for name, value in sorted([*key.labels, ("__name__", key.metric)]):
        label = _text(1, name) + _text(2, value)
        parts.append(b"\x0a" + _varint(len(label)) + label)
    return b"".join(parts)


def encode(samples: Samples, labels: Mapping[int, bytes]) -> bytes:
    """Settled samples and the label bytes of their series -> a compressed request."""
    frames = np.empty(len(samples), _SAMPLE)
    frames["field"], frames["size"], frames["v_field"], frames["t_field"] = 0x12, _SAMPLE.itemsize - 2, 0x09, 0x10
    frames["v"] = samples.v
    for place in range(_TIME_BYTES):
        more = 0x80 if place < _TIME_BYTES - 1 else 0
        frames["t"][:, place] = samples.t >> 7 * place & 0x7F | more
    parts = []
    for i, j in zip(*runs(samples.sid), strict=True):
        head, body = labels[int(samples.sid[i])], frames[i:j].tobytes()
        parts += [b"\x0a", _varint(len(head) + len(body)), head, body]
    return bytes(cramjam.snappy.compress_raw(b"".join(parts)))
