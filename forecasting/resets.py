"""Counters that started anew: a rate over such a moment has lost what was counted before it, which is no anomaly."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import promql_parser as promql

from forecasting.anomalies import Mask
from forecasting.models import Watch
from monitoring.query.evaluate import Limits
from monitoring.query.stored import run_instant
from monitoring.query.values import Vector
from monitoring.store.batch import SeriesKey

RATES = ("rate", "irate", "increase")
LIMITS = Limits(seconds=5, samples=5_000_000)


@lru_cache(500)
def counters(expr: str) -> tuple[str, ...]:
    """Range selectors of the counters in an expression, each once."""
    return tuple(dict.fromkeys(_counters(promql.parse(expr))))


def _counters(node: Any) -> Iterator[str]:
    if isinstance(node, promql.Call) and node.func.name in RATES:
        yield node.args[0].prettify()
        return
    for part in ("expr", "lhs", "rhs", "param"):
        if (inner := getattr(node, part, None)) is not None:
            yield from _counters(inner)
    for inner in getattr(node, "args", None) or ():
        yield from _counters(inner)


def of(watch: Watch, t: int, keys: Sequence[SeriesKey | None]) -> Mask:
    """Which of these series, None = not asked for, rest on a counter that was reset just before `t` (ms). Raises QueryError."""
    found = [labels for selector in counters(watch.expr) for labels in _reset(selector, t)]
    asked = ((key is not None and any(_agree(dict(key.labels), labels) for labels in found)) for key in keys)
    return np.fromiter(asked, np.bool_, len(keys))


def _reset(selector: str, t: int) -> list[dict[str, str]]:
    answer = run_instant(f"resets({selector}) > 0", t, within=LIMITS)
    return answer.labels if isinstance(answer, Vector) else []


def _agree(series: Mapping[str, str], counter: Mapping[str, str]) -> bool:
    """Labels that both have are the same, and there is one at least."""
    both = series.keys() & counter.keys()
    return bool(both) and all(series[name] == counter[name] for name in both)
