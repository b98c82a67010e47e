"""Whether a condition on metrics holds now, asked of the evaluator that alert rules are asked with. "No data" is an answer of its own."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from monitoring.alerts.thresholds import Threshold, threshold
from monitoring.query import stored
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import LOOKBACK
from monitoring.query.values import Scalar, Value, Vector
from monitoring.store import StoreUnavailable
from remediation.plan import Check

_BOOL, _ABSENT = re.compile(r"\bbool\b"), re.compile(r"\babsent(_over_time)?\s*\(")


class NotAnswered(Exception):
    """The store did not answer; it will be asked again."""


@dataclass(frozen=True)
class Reading:
    """`holds` is None where it cannot be told: there is no data, or the query is none."""

    holds: bool | None
    words: str
    value: float | None = None
    must: str = ""  # < 80


def look(check: Check, now: datetime, not_before: datetime | None = None) -> Reading:
    """What was measured before `not_before` does not count. Raises NotAnswered."""
    limit = threshold(check.query)
    at, lookback = round(now.timestamp() * 1000), LOOKBACK
    if not_before is not None:
        lookback = min(LOOKBACK, max(1, round((now - not_before) / timedelta(milliseconds=1))))
    name, must = check.name or check.query, f"{limit.op} {limit.value:g}" if limit else ""
    try:
        found = stored.run_instant(check.query, at, lookback=lookback)
        of = stored.run_instant(limit.query, at, lookback=lookback) if limit else found
    except QueryError as fault:
        return Reading(None, f"{name}: {fault.message}", must=must)
    except StoreUnavailable as fault:
        raise NotAnswered(f"{name}: the metric store does not answer") from fault
    value = _value(of, limit)
    return Reading(_holds(check.query, limit, found, of), _words(name, value, must, _answers(of)), value, must)


def _holds(query: str, limit: Threshold | None, found: Value, of: Value) -> bool | None:
    numbers = _numbers(found)
    if limit and not _BOOL.search(query):
        return True if numbers.size else None if not _answers(of) else False
    if numbers.size:
        return bool(np.any((numbers != 0) & ~np.isnan(numbers)))
    return False if _ABSENT.search(query) else None


def _answers(value: Value) -> bool:
    return _numbers(value).size > 0


def _numbers(value: Value) -> np.ndarray:
    if isinstance(value, Vector):
        return np.asarray(value.v)
    return np.array([value.v]) if isinstance(value, Scalar) else np.array([])


def _value(of: Value, limit: Threshold | None) -> float | None:
    """Of several series the one that is nearest to holding, as one that holds is enough."""
    numbers = _numbers(of)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return None
    if limit and limit.op in (">", ">=", "<", "<="):
        return float(numbers.max() if limit.op.startswith(">") else numbers.min())
    return float(numbers[0])


def _words(name: str, value: float | None, must: str, answers: bool) -> str:
    said = f"{value:.6g}" if value is not None else "no number" if answers else "no data"
    return f"{name}: {said}" + (f", must be {must}" if must else "")


def since(before: str | None, reading: Reading, now: datetime) -> datetime | None:
    """Since when it holds without a break; None while it does not. A time ahead of the clock, which was set back, begins anew."""
    if not reading.holds:
        return None
    known = datetime.fromisoformat(before) if before else now
    return min(known, now)
