"""How complete facts are that should come at an interval."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from monitoring.measurements.facts import Pair
from monitoring.measurements.read import Span, Wanted, arrays, moment
from monitoring.store.windows import MINUTE

MOST_SLOTS = 20_000_000  # intervals of all series together


class Gap(NamedTuple):
    """[start, end) ms without a fact, whole intervals."""

    pair: Pair
    start: int
    end: int
    missing: int


class TooFine(ValueError):
    pass


def slots(span: Span, minutes: int) -> int:
    """Intervals in the range; a last one that is cut short counts when it has begun."""
    return -(-(span.b - span.a) // (minutes * MINUTE))


def _filled(wanted: Wanted, span: Span, minutes: int) -> dict[Pair, np.ndarray]:
    """For every VM and metric, whether each interval has a fact."""
    count = slots(span, minutes)
    if count * len(wanted.series) > MOST_SLOTS:
        raise TooFine("That is too many intervals; take a longer interval, a shorter range, one VM or one metric.")
    filled = {pair: np.zeros(count, np.bool_) for pair in wanted.series.values()}
    for pair, t, _v in arrays(wanted, span):
        filled[pair][(t - span.a) // (minutes * MINUTE)] = True
    return filled


def completeness(wanted: Wanted, span: Span, minutes: int) -> list[dict[str, Any]]:
    return [_ratio(int(there.sum()), len(there)) | pair._asdict() for pair, there in _filled(wanted, span, minutes).items()]


def together(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return _ratio(sum(row["actual"] for row in rows), sum(row["expected"] for row in rows))


def _ratio(actual: int, expected: int) -> dict[str, Any]:
    percent = round(100 * actual / expected, 2) if expected else 0.0
    return {"expected": expected, "actual": actual, "missing": expected - actual, "completeness": percent}


def missing(wanted: Wanted, span: Span, minutes: int) -> list[Gap]:
    return [gap for pair, there in _filled(wanted, span, minutes).items() for gap in _gaps(pair, there, span, minutes * MINUTE)]


def _gaps(pair: Pair, there: np.ndarray, span: Span, step: int) -> Iterator[Gap]:
    edges = np.flatnonzero(np.diff(np.concatenate(([True], there, [True])).astype(np.int8)))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield Gap(pair, span.a + first * step, min(span.a + end * step, span.b), end - first)


def shown(gap: Gap) -> dict[str, Any]:
    return {"vm": gap.pair.vm, "metric": gap.pair.metric, "start": moment(gap.start), "end": moment(gap.end), "missing": gap.missing}
