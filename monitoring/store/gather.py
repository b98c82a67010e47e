"""Samples of many series, as arrays per series: what a query reads.

Chunks of one window mostly share their times. Equal columns of times are decoded once and, where whole series agree, are one and the
same array in all of them: whoever works on many series can make use of that. They cannot be written to.
"""

from collections import defaultdict
from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from monitoring.store import codec, fetch
from monitoring.store.batch import Times, Values, is_stale
from monitoring.store.codec import Column
from monitoring.store.database import Row
from monitoring.store.protocol import Series
from monitoring.store.samples import runs, settle


class _Span(NamedTuple):
    """What a range wants of one chunk's times: part = t[i:j], from its first to its last."""

    t: Times
    i: int
    j: int
    first: int
    last: int


class _Part(NamedTuple):
    span: _Span
    kind: int
    numbers: Column


def series(sids: Collection[int], a: int, b: int, *, stale: bool = False) -> dict[int, Series]:
    """Samples in [a, b), settled; series without any are missing. `stale` keeps the markers of ended series."""
    chunks, hot = fetch.rows(sids, a, b)
    return _Gathering(a, b, stale).run(chunks, hot, sids)


class _Gathering:
    def __init__(self, a: int, b: int, stale: bool) -> None:
        self._a, self._b, self._stale = a, b, stale
        self._spans: dict[tuple[int, bytes], _Span] = {}
        self._recent: dict[bytes, Times] = {}
        self._joined: dict[tuple[int, ...], Times] = {}

    def run(self, chunks: list[Row], hot: list[Row], sids: Collection[int]) -> dict[int, Series]:
        parts: defaultdict[int, list[_Part]] = defaultdict(list)
        for _, _, sid, _, data in chunks:
            part = self._part(data)
            if part.span.j > part.span.i:
                parts[sid].append(part)
        recent = self._hot(hot, sids)
        found = {sid: self._series(of_series, recent.pop(sid, None)) for sid, of_series in parts.items()} | recent
        return found if self._stale else _alive(found)

    def _part(self, data: bytes) -> _Part:
        t_kind, t_body, kind, body = codec.pair(data)
        span = self._spans.get((t_kind, t_body))
        if span is None:
            span = self._spans[t_kind, t_body] = self._span(codec.unscaled(t_kind, codec.numbers(t_kind, t_body)))
        numbers = codec.numbers(kind, body)
        return _Part(span, kind, numbers if len(numbers) == len(span.t) else numbers[span.i : span.j])

    def _span(self, t: Times) -> _Span:
        i, j = np.searchsorted(t, (self._a, self._b)).tolist()
        t = t[i:j]
        return _Span(_sealed(t), i, j, int(t[0]), int(t[-1])) if j > i else _Span(t, 0, 0, 0, 0)

    def _hot(self, rows: list[Row], sids: Collection[int]) -> dict[int, Series]:
        samples = fetch.hot_samples(rows, sids, self._a, self._b).settled()
        found = {}
        for i, j in zip(*runs(samples.sid), strict=True):
            t = samples.t[i:j]
            found[int(samples.sid[i])] = (self._recent.setdefault(t.tobytes(), _sealed(t)), samples.v[i:j])
        return found

    def _series(self, parts: list[_Part], recent: Series | None) -> Series:
        """In the order written: of equal times the last counts."""
        t, v = [part.span.t for part in parts], _values(parts)
        ends = [(part.span.first, part.span.last) for part in parts]
        if recent is not None:
            t.append(recent[0])
            v.append(recent[1])
            ends.append((int(recent[0][0]), int(recent[0][-1])))
        values = v[0] if len(v) == 1 else np.concatenate(v)
        if any(later[0] <= earlier[1] for earlier, later in pairwise(ends)):
            return settle(np.concatenate(t), values)
        return self._times(t), values

    def _times(self, parts: list[Times]) -> Times:
        if len(parts) == 1:
            return parts[0]
        key = tuple(map(id, parts))  # of arrays that live as long as this object
        found = self._joined.get(key)
        if found is None:
            found = self._joined[key] = _sealed(np.concatenate(parts))
        return found


def _sealed(t: Times) -> Times:
    t.flags.writeable = False
    return t


def _values(parts: list[_Part]) -> list[Values]:
    """Scaled back at once where all parts have one scale."""
    kind = parts[0].kind & ~codec.EVEN
    if len(parts) > 1 and all(part.kind & ~codec.EVEN == kind for part in parts):
        return [codec.unscaled(kind, np.concatenate([part.numbers for part in parts]))]
    return [codec.unscaled(part.kind, part.numbers) for part in parts]


def _alive(found: dict[int, Series]) -> dict[int, Series]:
    alive = {}
    for sid, (t, v) in found.items():
        ended = is_stale(v)
        if not ended.any():
            alive[sid] = (t, v)
        elif not ended.all():
            alive[sid] = (t[~ended], v[~ended])
    return alive
