"""Whether a result is the expected one, with the tolerance that Prometheus' tests allow."""

import math
import sys
from collections.abc import Sequence

from monitoring.query.frame import key_of
from monitoring.query.promqltest.reader import Eval
from monitoring.query.promqltest.series import Sample
from monitoring.query.source import SeriesData
from monitoring.query.values import Matrix, RangeVector, Scalar, Text, Value, Vector

EPSILON = 1e-6  # relative
_LEAST = sys.float_info.min  # smallest normal number


def almost_equal(a: float, b: float) -> bool:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    if math.isinf(a) or math.isinf(b):
        return False
    both, apart = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or both < _LEAST:
        return apart < EPSILON * _LEAST
    return apart / min(both, sys.float_info.max) < EPSILON


def difference(case: Eval, value: Value, *, ordered: bool) -> str | None:
    """What is wrong with the value, in words; None when it is as expected."""
    match value:
        case Text():
            return None if case.text == value.text else "another text"
        case Scalar():
            if case.scalar is None:
                return "a scalar was not expected"
            return None if almost_equal(case.scalar, value.v) else "another number"
        case Vector():
            got = [(labels, [(value.t, float(v))]) for labels, v in zip(value.labels, value.v, strict=True)]
            return _series(case, got, (value.t, value.t, 1), ordered=ordered)
        case Matrix():
            return _series(case, [_points(value.series(row)) for row in range(len(value.labels))], (case.start, case.end, case.step))
        case RangeVector():
            return _series(case, [_points(one) for one in value.series], case.window or (case.start, case.end, 1))
    return "an unknown kind of value"


def _points(series: SeriesData) -> tuple[dict[str, str], list[tuple[int, float]]]:
    return series.labels, list(zip(series.t.tolist(), series.v.tolist(), strict=True))


def _series(
    case: Eval, got: Sequence[tuple[dict[str, str], list[tuple[int, float]]]], times: tuple[int, int, int], *, ordered: bool = False
) -> str | None:
    if case.scalar is not None or case.text is not None:
        return "series were not expected"
    places = {key_of(labels): place for place, (labels, _) in enumerate(got)}
    wanted = {key_of(one.labels): one for one in case.series}
    for labels, _ in got:
        if key_of(labels) not in wanted:
            return f"unexpected series {labels}"
    for place, (key, one) in enumerate(wanted.items()):
        if key not in places:
            return f"missing series {one.labels}"
        if ordered and places[key] != place:
            return f"{one.labels} at place {places[key] + 1} instead of {place + 1}"
        wrong = _samples(one.samples, got[places[key]][1], times)
        if wrong:
            return f"{one.labels}: {wrong}"
    return None


def _samples(samples: Sequence[Sample], got: list[tuple[int, float]], times: tuple[int, int, int]) -> str | None:
    start, end, step = times
    if start + (len(samples) - 1) * step > end:
        return f"{len(samples)} values expected, more than there are steps"
    wanted = [(start + k * step, value) for k, value in enumerate(samples) if isinstance(value, float)]
    if [t for t, _ in wanted] != [t for t, _ in got]:
        return "values at other times"
    for (t, value), (_, found) in zip(wanted, got, strict=True):
        if not almost_equal(value, found):
            return f"{found!r} instead of {value!r} at {t / 1000:g}s"
    return None


def shown(value: Value) -> str:
    """A result on one line."""
    match value:
        case Text():
            return repr(value.text)
        case Scalar():
            return repr(value.v)
        case Vector():
            return "; ".join(f"{labels} {float(v)!r}" for labels, v in zip(value.labels, value.v, strict=True)) or "nothing"
        case Matrix():
            rows = [value.series(row) for row in range(len(value.labels))]
            return "; ".join(f"{row.labels} {row.v.tolist()} at {row.t.tolist()}" for row in rows) or "nothing"
        case RangeVector():
            return "; ".join(f"{one.labels} {one.v.tolist()} at {one.t.tolist()}" for one in value.series) or "nothing"
    return repr(value)
