"""PromQL over a Source: all steps of a range query at once. Pure: no database, no settings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import promql_parser

from monitoring.query.errors import ExecutionError, ParseError
from monitoring.query.source import NAME, Matcher, Source
from monitoring.query.values import Matrix, Value, Vector
from monitoring.store.batch import Times, is_stale

LOOKBACK = 300_000
_OPS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


@dataclass(frozen=True)
class Limits:
    seconds: float = 30
    samples: int = 50_000_000
    cancel: Callable[[], bool] | None = None


def instant(query: str, source: Source, at: int, *, lookback: int = LOOKBACK, limits: Limits = Limits()) -> Value:
    found = _select(query, source, np.array([at]), lookback)
    kept = found.present[:, 0]
    return Vector([labels for labels, here in zip(found.labels, kept, strict=True) if here], at, found.v[kept, 0])


def range_query(
    query: str,
    source: Source,
    start: int,
    end: int,
    step: int,
    *,
    lookback: int = LOOKBACK,
    limits: Limits = Limits(),
) -> Matrix:
    return _select(query, source, np.arange(start, end + 1, step), lookback)


def _select(query: str, source: Source, steps: Times, lookback: int) -> Matrix:
    try:
        tree = promql_parser.parse(query)
    except ValueError as error:
        raise ParseError(str(error)) from error
    if not isinstance(tree, promql_parser.VectorSelector):
        raise ExecutionError("only simple selectors so far")
    matchers = [Matcher(m.name, _OPS[str(m.op)], m.value) for m in tree.matchers.matchers]
    matchers += [Matcher(NAME, "=", tree.name)] if tree.name else []
    series = source.select(matchers, int(steps[0]) - lookback + 1, int(steps[-1]))
    v = np.full((len(series), len(steps)), np.nan)
    present = np.zeros(v.shape, bool)
    for row, one in enumerate(series):
        last = one.t.searchsorted(steps, "right") - 1
        v[row] = one.v[last]
        present[row] = (last >= 0) & (one.t[last] > steps - lookback) & ~is_stale(one.v[last])
    return Matrix([one.labels for one in series], steps, v, present)
