"""Facts on the way out: pages in the order of VM, metric and time; the latest; statistics."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson

from monitoring.measurements.facts import Fact, Pair, fact_id
from monitoring.measurements.models import FactSeries
from monitoring.store import extent, reader
from monitoring.store.batch import Ids, Times, Values
from monitoring.store.windows import HOUR, now_ms

SERIES_AT_ONCE = 64
RECENT = 3 * HOUR
MOST_SAMPLES = 10_000_000  # of one question


class Span(NamedTuple):
    """[a, b) ms."""

    a: int
    b: int


class Wanted(NamedTuple):
    """What is asked about (None: all), and its series in the order of VM and metric."""

    vm: str | None
    metric: str | None
    series: dict[int, Pair]


class Cursor(NamedTuple):
    """The fact a page ended with."""

    pair: Pair
    t: int

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([*self.pair, self.t])).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        """None for what no page gave out."""
        try:
            vm, metric, t = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (ValueError, TypeError, binascii.Error):
            return None
        return cls(Pair(vm, metric), t) if isinstance(vm, str) and isinstance(metric, str) and isinstance(t, int) else None


class Page(NamedTuple):
    rows: list[Any]
    next: Cursor | None


class TooMuch(ValueError):
    """The question needs more samples than one answer may read."""


def shown(sid: int, pair: Pair, t: Times, v: Values) -> list[dict[str, Any]]:
    """Facts of one series as they are answered."""
    moments = np.datetime_as_string(t.astype("datetime64[ms]"), unit="ms").tolist()
    return [
        {"id": fact_id(sid, at), "vm": pair.vm, "timestamp": f"{moment}Z", "metric": pair.metric, "value": value}
        for at, moment, value in zip(t.tolist(), moments, v.tolist(), strict=True)
    ]


def one(sid: int, t: int) -> dict[str, Any] | None:
    """The fact with this id."""
    row = FactSeries.objects.filter(pk=sid).first()
    times, values = reader.raw(sid, t, t + 1) if row else (np.empty(0, np.int64), np.empty(0))
    return shown(sid, Pair(row.vm, row.metric), times, values)[0] if row and len(times) else None


def described(sid: int, fact: Fact) -> dict[str, Any]:
    return shown(sid, fact.pair, np.array([fact.t]), np.array([fact.value]))[0]


def page(wanted: Wanted, span: Span, limit: int, after: Cursor | None = None) -> Page:
    """At most `limit` facts; `next` is None when they are the last."""
    rows: list[dict[str, Any]] = []
    last: Cursor | None = None
    for sid, pair, t, v in _samples(wanted, span, limit, after):
        if len(rows) == limit:
            return Page(rows, last)
        room = limit - len(rows)
        rows += shown(sid, pair, t[:room], v[:room])
        last = Cursor(pair, int(t[:room][-1]))
        if len(t) > room:
            return Page(rows, last)
    return Page(rows, None)


def _samples(wanted: Wanted, span: Span, limit: int, after: Cursor | None = None) -> Iterator[tuple[int, Pair, Times, Values]]:
    """Series by series, those without samples left out; of the one that the page before ended in, what comes behind."""
    sids = list(wanted.series)
    if after and sids and wanted.series[sids[0]] == after.pair:
        yield from _group(wanted, sids[:1], Span(max(span.a, after.t + 1), span.b))
        sids = sids[1:]
    size = SERIES_AT_ONCE if limit > SERIES_AT_ONCE else 8
    for place in range(0, len(sids), size):
        yield from _group(wanted, sids[place : place + size], span)


def _group(wanted: Wanted, sids: list[int], span: Span) -> Iterator[tuple[int, Pair, Times, Values]]:
    found = reader.raw_many(sids, *span)
    for sid in sids:
        if sid in found:
            yield sid, wanted.series[sid], *found[sid]


def latest(wanted: Wanted, since: int, limit: int, after: Cursor | None = None) -> Page:
    """The newest fact of every VM and metric that has one since then."""
    pairs = {sid: pair for sid, pair in wanted.series.items() if after is None or pair != after.pair}
    newest = _newest(list(pairs), since)
    rows: list[dict[str, Any]] = []
    pair = None
    for sid in pairs:
        if sid not in newest:
            continue
        if len(rows) == limit and pair:
            return Page(rows, Cursor(pair, 0))
        pair = pairs[sid]
        rows.append(newest[sid] | {"vm": pair.vm, "metric": pair.metric})
    return Page(rows, None)


def _newest(sids: list[int], since: int) -> dict[int, dict[str, Any]]:
    if not sids:
        return {}
    sid, t, v = _last(sids, since)
    moments = np.datetime_as_string(t.astype("datetime64[ms]"), unit="ms").tolist()
    columns = zip(sid.tolist(), t.tolist(), moments, v.tolist(), strict=True)
    return {
        one: {"id": fact_id(one, at), "vm": "", "timestamp": f"{moment}Z", "metric": "", "value": value}
        for one, at, moment, value in columns
    }


def _last(sids: list[int], since: int) -> tuple[Ids, Times, Values]:
    """Most series have a sample of the last hours: only for the others is the whole time read."""
    recent = reader.latest(sids, max(since, now_ms() - RECENT))
    late = sorted(set(sids) - set(recent[0].tolist()))
    if not late:
        return recent
    older = reader.latest(late, since)
    return np.concatenate([recent[0], older[0]]), np.concatenate([recent[1], older[1]]), np.concatenate([recent[2], older[2]])


def arrays(wanted: Wanted, span: Span) -> Iterator[tuple[Pair, Times, Values]]:
    """Every series' samples in the range, a few series at a time. Raises TooMuch."""
    read = 0
    for _sid, pair, t, v in _samples(wanted, span, SERIES_AT_ONCE + 1):
        read += len(t)
        if read > MOST_SAMPLES:
            raise TooMuch(f"That is more than {MOST_SAMPLES:,} facts; name a VM, a metric or a shorter range.")
        yield pair, t, v


def statistics(wanted: Wanted, span: Span) -> dict[str, Any] | None:
    """Of all matching facts together; None without any. Standard deviation is that of the whole population."""
    parts = list(arrays(wanted, span))
    if not parts:
        return None
    t, v = np.concatenate([t for _pair, t, _v in parts]), np.concatenate([v for _pair, _t, v in parts])
    low, p5, q1, median, q3, p95, p99, high = np.percentile(v, [0, 5, 25, 50, 75, 95, 99, 100]).tolist()
    return {
        "count": len(v),
        "min": low,
        "max": high,
        "avg": float(v.mean()),
        "median": median,
        "stddev": float(v.std()),
        "p5": p5,
        "p25": q1,
        "p75": q3,
        "p95": p95,
        "p99": p99,
        "first": moment(int(t.min())),
        "last": moment(int(t.max())),
    }


def totals() -> dict[str, Any]:
    """What there is of facts as a whole."""
    known = list(FactSeries.objects.values_list("series_id", "vm", "metric"))
    reach = extent.measure([sid for sid, _vm, _metric in known])
    return {
        "facts": reach.count,
        "vms": len({vm for _sid, vm, _metric in known}),
        "metrics": len({metric for _sid, _vm, metric in known}),
        "series": len(known),
        "first": None if reach.first is None else moment(reach.first),
        "last": None if reach.last is None else moment(reach.last),
    }


def moment(t: int) -> str:
    return f"{np.datetime64(t, 'ms')}Z"
