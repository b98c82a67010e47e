"""Results as the JSON of Prometheus' HTTP API: numbers as its clients know them, a thousand series in tens of milliseconds."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import orjson

from monitoring.query.source import SeriesData
from monitoring.query.values import Labels, Matrix, RangeVector, Scalar, Text, Value, Vector
from monitoring.store.batch import Mask, Values, is_stale


class Result:
    """`json` is the object with resultType and result; `cut` tells that `limit` left series out."""

    def __init__(self, found: Value, limit: int = 0) -> None:
        kind, rows = _rows(found)
        kept = rows if not limit or isinstance(rows, bytes) else rows[:limit]
        self.cut = len(kept) < len(rows)
        body = kept if isinstance(kept, bytes) else b"[" + b",".join(row for row in kept) + b"]"
        self.json = b'{"resultType":"' + kind + b'","result":' + body + b"}"


def _rows(found: Value) -> tuple[bytes, list[bytes] | bytes]:
    if isinstance(found, Vector):
        return b"vector", list(_vector(found))
    if isinstance(found, Matrix):
        return b"matrix", list(_matrix(found))
    if isinstance(found, RangeVector):
        return b"matrix", list(_range_vector(found.series))
    if isinstance(found, Scalar):
        return b"scalar", _point(found.t, numbers(np.array([found.v]))[0])
    assert isinstance(found, Text)
    return b"string", b"[" + stamp(found.t) + b"," + orjson.dumps(_clean(found.text)) + b"]"


def _vector(found: Vector) -> Iterator[bytes]:
    for labels, text in zip(found.labels, numbers(found.v), strict=True):
        yield b'{"metric":' + _object(labels) + b',"value":' + _point(found.t, text) + b"}"


def _matrix(found: Matrix) -> Iterator[bytes]:
    """Series in the order of their labels, without those that have no value."""
    whole = [_head(t) for t in found.t.tolist()]
    heads = np.array(whole, object)
    counts = np.count_nonzero(found.present, axis=1).tolist()
    for row in _in_order(found.labels):
        if counts[row] == len(whole) > 0:
            yield _series(found.labels[row], whole, found.v[row])
        elif counts[row]:
            kept = found.present[row]
            yield _series(found.labels[row], heads[kept], found.v[row][kept])


def _range_vector(found: Sequence[SeriesData]) -> Iterator[bytes]:
    for row in _in_order([series.labels for series in found]):
        alive = ~is_stale(found[row].v)
        if alive.any():
            heads = [_head(t) for t in found[row].t[alive].tolist()]
            yield _series(found[row].labels, heads, found[row].v[alive])


def _in_order(labels: Sequence[Labels]) -> list[int]:
    keys = [sorted(of_series.items()) for of_series in labels]
    return sorted(range(len(keys)), key=keys.__getitem__)


def _series(labels: Labels, heads: Iterable[bytes], v: Values) -> bytes:
    parts = [b""] * (2 * len(v))
    parts[0::2], parts[1::2] = heads, numbers(v)
    return b'{"metric":' + _object(labels) + b',"values":[' + b"".join(parts)[3:] + b'"]]}'


def _object(labels: Labels) -> bytes:
    try:
        return orjson.dumps(labels)
    except orjson.JSONEncodeError:  # a function may have made what is no UTF-8
        return orjson.dumps({_clean(name): _clean(value) for name, value in labels.items()})


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _head(t: int) -> bytes:
    """What stands between one value and the next; the first one's beginning is cut off."""
    return b'"],[' + stamp(t) + b',"'


def _point(t: int, text: bytes) -> bytes:
    return b"[" + stamp(t) + b',"' + text + b'"]'


def stamp(t: int) -> bytes:
    """Seconds, with three decimals where there are any."""
    seconds, ms = divmod(abs(t), 1000)
    return b"%s%d%s" % (b"-" if t < 0 else b"", seconds, b".%03d" % ms if ms else b"")


def numbers(v: Values) -> list[bytes]:
    """Every value in the fewest digits that mean it, without exponent from 1e-6 up to 1e21."""
    if not len(v):
        return []
    text = orjson.dumps(np.ascontiguousarray(v, np.float64), option=orjson.OPT_SERIALIZE_NUMPY)
    found = (text[1:-1] + b",").replace(b".0,", b",")[:-1].split(b",")
    for place in np.flatnonzero(~_usual(v)).tolist():
        found[place] = number(float(v[place])).encode()
    return found


def _usual(v: Values) -> Mask:
    """Values that JSON writes the same way."""
    size = np.abs(v)
    usual: Mask = (v == 0) | ((size >= 1e-5) & (size < 1e16))
    return usual


def number(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (np.inf, -np.inf):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return np.format_float_positional(value, trim="-")
    return repr(value)
