"""PromQL over a Source: all steps of a range query at once. Pure: no database, no settings.

An expression is a scalar (one number per step), text, or a Frame (an instant vector per step); range vectors live only as
arguments of functions.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from monitoring.query import aggregate, arithmetic, matching, select
from monitoring.query.context import LOOKBACK, Budget, Context, Limits, Notes, Semantics, TooWide
from monitoring.query.errors import ExecutionError, ParseError
from monitoring.query.frame import Frame, beside, drop_marked, drop_names
from monitoring.query.functions import calls
from monitoring.query.functions.labels import sorted_items
from monitoring.query.parse.plan import (
    Aggregate,
    Binary,
    Call,
    Negation,
    Node,
    Number,
    RangeSelector,
    Selector,
    String,
    Subquery,
    plan,
)
from monitoring.query.source import Source
from monitoring.query.values import Matrix, RangeVector, Scalar, Text, Value, Vector
from monitoring.query.windows import Windows
from monitoring.store.batch import Values

__all__ = ["LOOKBACK", "Limits", "Semantics", "instant", "range_query"]

_LIMITS = Limits()
_SEMANTICS = Semantics()


def instant(
    query: str, source: Source, at: int, *, lookback: int = LOOKBACK, limits: Limits = _LIMITS, semantics: Semantics = _SEMANTICS
) -> Value:
    """A Vector, Scalar, Text or RangeVector at one time (ms). Raises QueryError."""
    context = _context(source, at, at, 0, lookback, limits, semantics)
    with _computing():
        value = _instant_value(plan(query), context)
    value.warnings, value.infos = list(context.notes.warnings), list(context.notes.infos)
    return value


def range_query(
    query: str,
    source: Source,
    start: int,
    end: int,
    step: int,
    *,
    lookback: int = LOOKBACK,
    limits: Limits = _LIMITS,
    semantics: Semantics = _SEMANTICS,
) -> Matrix:
    """Values at start, start + step … up to end (ms); series in the order of their labels. Raises QueryError."""
    if step <= 0 or end < start:
        raise ExecutionError("the step must be positive and the end not before the start")
    context = _context(source, start, end, step, lookback, limits, semantics)
    with _computing():
        matrix = _matrix(_vector_or_scalar(plan(query, step, end - start), context), context)
    matrix.warnings, matrix.infos = list(context.notes.warnings), list(context.notes.infos)
    return matrix


@contextmanager
def _computing() -> Iterator[None]:
    """Infinities and NaN are values like others."""
    try:
        with np.errstate(all="ignore"):
            yield
    except RecursionError:
        raise ExecutionError("the query is nested too deeply") from None


def _context(source: Source, start: int, end: int, step: int, lookback: int, limits: Limits, semantics: Semantics) -> Context:
    times = np.arange(start, end + 1, step or 1, dtype=np.int64)
    return Context(source, times, start, end, step, lookback, semantics, Budget.of(limits), Notes())


def _instant_value(node: Node, context: Context) -> Value:
    at = int(context.times[0])
    if isinstance(node, String):
        return Text(at, node.text)
    if isinstance(node, RangeSelector | Subquery):
        return RangeVector(select.samples_of(windows(node, context)))
    found = evaluate(node, context)
    if not isinstance(found, Frame):
        return Scalar(at, float(found[0]))
    kept = drop_marked(found).compact()
    return Vector(kept.labels, at, np.ascontiguousarray(kept.v[:, 0]))


def in_parts(node: Node, context: Context) -> Frame | Values:
    """All steps at once, or one part of them after the other when that would take too much memory."""
    held = context.budget.samples
    try:
        return evaluate(node, context)
    except TooWide as wide:
        context.budget.samples = held
        portions = np.array_split(context.times, wide.parts)
    found = []
    for times in portions:
        part = in_parts(node, context.at(times))
        held += np.size(part.v if isinstance(part, Frame) else part)
        context.budget.samples = held
        found.append(part)
    frames = [part for part in found if isinstance(part, Frame)]
    return beside(frames) if frames else np.concatenate([np.asarray(part) for part in found])


def _vector_or_scalar(node: Node, context: Context) -> Frame | Values:
    if isinstance(node, String | RangeSelector | Subquery):
        kind = "string" if isinstance(node, String) else "range vector"
        raise ParseError(f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector')
    return in_parts(node, context)


def _matrix(found: Frame | Values, context: Context) -> Matrix:
    if not isinstance(found, Frame):
        v = np.broadcast_to(found, (1, context.steps)).copy()
        return Matrix([{}], context.times, v, np.ones(v.shape, bool))
    kept = drop_marked(found).compact()
    order = sorted(range(len(kept.labels)), key=lambda row: sorted_items(kept.labels[row]))
    ordered = kept.take(order)
    return Matrix(ordered.labels, context.times, ordered.v, ordered.present)


def evaluate(node: Node, context: Context) -> Frame | Values:
    """A frame, or of a scalar expression its number per step."""
    context.budget.check()
    match node:
        case Number():
            return np.full(context.steps, node.value)
        case Selector():
            return select.instant_vector(node, context)
        case Negation():
            return _negated(evaluate(node.expr, context), context)
        case Binary():
            return _binary(node, context)
        case Aggregate():
            return _aggregated(node, context)
        case Call():
            return calls.call(node, context, _Evaluator(context))
    raise ExecutionError("a range vector cannot be used here")


class _Evaluator:
    """What functions evaluate their arguments with."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def frame(self, node: Node) -> Frame:
        return _frame(node, self.context)

    def scalar(self, node: Node) -> Values:
        return _scalar(node, self.context)

    def windows(self, node: Node) -> Windows:
        return windows(node, self.context)


def _frame(node: Node, context: Context) -> Frame:
    found = evaluate(node, context)
    assert isinstance(found, Frame)
    return found


def _scalar(node: Node, context: Context) -> Values:
    found = evaluate(node, context)
    assert not isinstance(found, Frame)
    return found


def windows(node: Node, context: Context) -> Windows:
    """The windows of a range selector or a subquery."""
    if isinstance(node, RangeSelector):
        return select.range_windows(node, context)
    assert isinstance(node, Subquery)
    ends = select.looked_at(node.when, context)
    step = node.step or context.subquery_step
    # A subquery's own steps are multiples of its step, whenever the query runs.
    oldest = int(ends[0]) - node.range - (1 if context.semantics.closed_ranges else 0)
    times = np.arange((oldest // step + 1) * step, int(ends[-1]) + 1, step, dtype=np.int64)
    if not len(times):
        return select.subquery_windows(Frame.empty(0), times, ends, node.range, context)
    frame = in_parts(node.expr, context.at(times))
    assert isinstance(frame, Frame)
    context.budget.spend(frame.v.size)
    return select.subquery_windows(frame, times, ends, node.range, context)


def _negated(found: Frame | Values, context: Context) -> Frame | Values:
    if not isinstance(found, Frame):
        return -found
    return drop_names(found.with_values(-found.v), delayed=context.semantics.delayed_names)


def _binary(node: Binary, context: Context) -> Frame | Values:
    left, right = evaluate(node.left, context), evaluate(node.right, context)
    if isinstance(left, Frame) and isinstance(right, Frame):
        if node.op in arithmetic.SETS:
            return matching.set_operation(node, left, right)
        return matching.vector_operation(node, left, right, context)
    if isinstance(left, Frame):
        return _beside_scalar(node, left, right, context, scalar_left=False)
    if isinstance(right, Frame):
        return _beside_scalar(node, right, left, context, scalar_left=True)
    return arithmetic.combine(node.op, left, right, as_bool=node.as_bool)[0]


def _beside_scalar(node: Binary, frame: Frame, scalar: Frame | Values, context: Context, *, scalar_left: bool) -> Frame:
    assert not isinstance(scalar, Frame)
    found = matching.scalar_operation(node, frame, scalar, scalar_left=scalar_left)
    if node.op in arithmetic.COMPARISON and not node.as_bool:
        return found
    return drop_names(found, delayed=context.semantics.delayed_names)


def _aggregated(node: Aggregate, context: Context) -> Frame:
    param: Values | str | None = None
    if isinstance(node.param, String):
        param = node.param.text
    elif node.param is not None:
        param = _scalar(node.param, context)
    return aggregate.aggregate(node, _frame(node.expr, context), param, context)
