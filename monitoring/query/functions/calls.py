"""Calls of functions: arguments evaluated, the function looked up and applied, names dropped."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from monitoring.query import select
from monitoring.query.aggregate import warn_quantile
from monitoring.query.context import Context
from monitoring.query.errors import ExecutionError
from monitoring.query.frame import Frame, concat, drop_names, merge_same
from monitoring.query.functions import elements, histograms, labels, trends
from monitoring.query.functions.info import enriched
from monitoring.query.functions.table import EXTENDED, NATIVE_HISTOGRAMS, RANGE, Result, expanded, filled, sounds_like_counter
from monitoring.query.numerals import share_text
from monitoring.query.parse.plan import Call, Node, RangeSelector, Selector, String
from monitoring.query.source import NAME, Matcher
from monitoring.query.windows import Windows
from monitoring.store.batch import Values


class Evaluator(Protocol):
    def frame(self, node: Node) -> Frame: ...
    def scalar(self, node: Node) -> Values: ...
    def windows(self, node: Node) -> Windows: ...


def call(node: Call, context: Context, evaluator: Evaluator) -> Frame | Values:
    """What the function answers, per step. Raises ExecutionError."""
    if node.name in NATIVE_HISTOGRAMS:
        raise ExecutionError(f"{node.name}() works on native histograms, which are not supported")
    if node.name in RANGE:
        return _range_function(node, context, evaluator)
    if node.name in elements.PLAIN or node.name in elements.CALENDAR:
        return _element_function(node, context, evaluator)
    special = _SPECIAL.get(node.name)
    if special is None:
        raise ExecutionError(f"the function {node.name}() is not supported")
    return special(node, context, evaluator)


def _range_function(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    function = RANGE[node.name]
    at = next(k for k, arg in enumerate(node.args) if not isinstance(arg, String) and _is_range(arg))
    windows = evaluator.windows(node.args[at])
    params = [evaluator.scalar(arg) for k, arg in enumerate(node.args) if k != at]
    if node.name == "quantile_over_time":
        warn_quantile(params[0], context)
    if params and len(windows.ends) < context.steps:
        windows = expanded(windows)
    compute = _extended(node, node.args[at]) or function.compute
    v, present = filled(*compute(windows, *params), context.steps)
    frame = Frame(windows.columns.labels, v, present, windows.unnamed).compact()
    if function.counter:
        _remark_on_names(frame, context)
    return frame if function.keeps_name else drop_names(frame, delayed=context.semantics.delayed_names)


def _extended(node: Call, arg: Node) -> Callable[..., Result] | None:
    """The function's other form for an anchored or smoothed range."""
    if not isinstance(arg, RangeSelector) or not arg.mode:
        return None
    forms = EXTENDED[arg.mode]
    if node.name not in forms:
        raise ExecutionError(f"{arg.mode} modifier can only be used with: {', '.join(forms)} - not with {node.name}")
    return forms[node.name]


def _is_range(node: Node) -> bool:
    return type(node).__name__ in ("RangeSelector", "Subquery")


def _remark_on_names(frame: Frame, context: Context) -> None:
    for name in {found.get(NAME, "") for found in frame.labels}:
        if name and not sounds_like_counter(name):
            context.notes.inform(f'metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "{name}"')


def _predict_linear(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    _extended(node, node.args[0])
    windows = expanded(evaluator.windows(node.args[0]))
    v, present = trends.predicted(windows, context.times, evaluator.scalar(node.args[1]))
    frame = Frame(windows.columns.labels, v, present, windows.unnamed).compact()
    return drop_names(frame, delayed=context.semantics.delayed_names)


def _element_function(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    if node.name in elements.PLAIN:
        return _mapped(evaluator.frame(node.args[0]), elements.PLAIN[node.name], context)
    frame = evaluator.frame(node.args[0]) if node.args else _of_scalar(context.seconds, context)

    def dated(v: Values) -> Values:
        return np.where(np.isfinite(v), elements.CALENDAR[node.name](v).astype(np.float64), np.nan)

    return _mapped(frame, dated, context)


def _mapped(frame: Frame, compute: Callable[[Values], Values], context: Context) -> Frame:
    return drop_names(frame.with_values(compute(frame.v)), delayed=context.semantics.delayed_names)


def _of_scalar(v: Values, context: Context) -> Frame:
    return Frame([{}], v[None, :], np.ones((1, context.steps), bool), [False])


def _clamp(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    frame = evaluator.frame(node.args[0])
    bounds = [evaluator.scalar(arg) for arg in node.args[1:]]
    low = bounds[0] if node.name != "clamp_max" else np.full(context.steps, -np.inf)
    high = bounds[-1] if node.name != "clamp_min" else np.full(context.steps, np.inf)
    if node.name == "clamp":
        frame = Frame(frame.labels, frame.v, frame.present & ~(low > high), frame.unnamed).compact()
    return _mapped(frame, lambda v: elements.clamped(v, low, high), context)


def _round(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    nearest = evaluator.scalar(node.args[1]) if len(node.args) > 1 else 1.0
    return _mapped(evaluator.frame(node.args[0]), lambda v: elements.rounded(v, nearest), context)


def _time(node: Call, context: Context, evaluator: Evaluator) -> Values:
    return context.seconds


def _pi(node: Call, context: Context, evaluator: Evaluator) -> Values:
    return np.full(context.steps, np.pi)


def _query_time(node: Call, context: Context, evaluator: Evaluator) -> Values:
    """start(), end(), range() and step() of the whole query, in seconds."""
    found = {"start": context.start, "end": context.end, "range": context.end - context.start, "step": context.step}
    return np.full(context.steps, found[node.name] / 1000.0)


def _extreme_of(node: Call, context: Context, evaluator: Evaluator) -> Values:
    choose = elements.smaller if node.name == "min_of" else elements.larger
    first, second = (evaluator.scalar(arg) for arg in node.args)
    return choose(first, second)


def _vector(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    return _of_scalar(evaluator.scalar(node.args[0]), context)


def _scalar(node: Call, context: Context, evaluator: Evaluator) -> Values:
    """The value of a vector that has exactly one, else NaN."""
    frame = evaluator.frame(node.args[0])
    alone = frame.present.sum(axis=0) == 1
    return np.where(alone, np.where(frame.present, frame.v, 0.0).sum(axis=0), np.nan)


def _timestamp(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    if isinstance(node.args[0], Selector):
        frame = select.sample_times(node.args[0], context)
    else:
        found = evaluator.frame(node.args[0])
        frame = found.with_values(np.broadcast_to(context.seconds, found.v.shape))
    return drop_names(frame, delayed=context.semantics.delayed_names)


def _absent(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    """1 with the labels asked for, at steps where nothing is found."""
    if node.name == "absent":
        found = np.logical_or.reduce(evaluator.frame(node.args[0]).present, axis=0)
    else:
        windows = evaluator.windows(node.args[0])
        found = np.broadcast_to(np.logical_or.reduce(windows.at_least(1), axis=0), (context.steps,))
    return Frame([_agreed(node.args[0])], np.ones((1, context.steps)), ~found[None, :], [False]).compact()


def _agreed(node: Node) -> dict[str, str]:
    selector = node.selector if isinstance(node, RangeSelector) else node
    return labels.agreed(selector.matchers) if isinstance(selector, Selector) else {}


def _texts(nodes: tuple[Node, ...]) -> list[str]:
    return [node.text for node in nodes if isinstance(node, String)]


def _label_replace(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    target, replacement, source, pattern = _texts(node.args[1:])
    return labels.replace(evaluator.frame(node.args[0]), target, replacement, source, pattern)


def _label_join(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    target, separator, *sources = _texts(node.args[1:])
    return labels.join(evaluator.frame(node.args[0]), target, separator, sources)


def _sort(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    """Order shows in instant queries only: series of a range query are ordered by their labels."""
    frame = evaluator.frame(node.args[0])
    if _sorts_in_vain(context):
        return frame
    v = frame.v[:, 0] if node.name == "sort" else -frame.v[:, 0]
    return frame.take(np.argsort(v, kind="stable"))


def _sorts_in_vain(context: Context) -> bool:
    if context.step:
        context.notes.warn("sort is ineffective for range queries since results are always ordered by labels")
    return context.steps != 1


def _sort_by_label(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    frame = evaluator.frame(node.args[0])
    if _sorts_in_vain(context):
        return frame
    return frame.take(labels.order_by(frame, _texts(node.args[1:]), descending=node.name.endswith("_desc")))


def _histogram_quantile(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    share = evaluator.scalar(node.args[0])
    warn_quantile(share, context)
    found = histograms.quantiles(evaluator.frame(node.args[1]), share, context)
    return drop_names(found, delayed=context.semantics.delayed_names)


def _histogram_quantiles(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    """Several quantiles at once, told apart by a label."""
    frame, (label,) = evaluator.frame(node.args[0]), _texts(node.args[1:2])
    parts = [Frame.empty(context.steps)]
    for arg in node.args[2:]:
        share = evaluator.scalar(arg)
        warn_quantile(share, context)
        found = histograms.quantiles(frame, share, context)
        for value in np.unique(share):
            here = found.present & ((share == value) | (np.isnan(share) & np.isnan(value)))
            named = [{**labels_, label: share_text(value)} for labels_ in found.labels]
            parts.append(Frame(named, found.v, here, found.unnamed).compact())
    return drop_names(merge_same(concat(parts)), delayed=context.semantics.delayed_names)


def _histogram_fraction(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    low, high = evaluator.scalar(node.args[0]), evaluator.scalar(node.args[1])
    found = histograms.fractions(evaluator.frame(node.args[2]), low, high, context)
    return drop_names(found, delayed=context.semantics.delayed_names)


def _info(node: Call, context: Context, evaluator: Evaluator) -> Frame:
    wanted: tuple[Matcher, ...] = ()
    if len(node.args) > 1:
        if not isinstance(node.args[1], Selector):
            raise ExecutionError("the second argument of info() must be a label selector")
        wanted = node.args[1].matchers
    return enriched(evaluator.frame(node.args[0]), wanted, context)


_SPECIAL: dict[str, Callable[[Call, Context, Evaluator], Frame | Values]] = {
    "absent": _absent,
    "absent_over_time": _absent,
    "clamp": _clamp,
    "clamp_max": _clamp,
    "clamp_min": _clamp,
    "end": _query_time,
    "histogram_fraction": _histogram_fraction,
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    "info": _info,
    "label_join": _label_join,
    "label_replace": _label_replace,
    "max_of": _extreme_of,
    "min_of": _extreme_of,
    "pi": _pi,
    "predict_linear": _predict_linear,
    "range": _query_time,
    "round": _round,
    "scalar": _scalar,
    "sort": _sort,
    "sort_by_label": _sort_by_label,
    "sort_by_label_desc": _sort_by_label,
    "sort_desc": _sort,
    "start": _query_time,
    "step": _query_time,
    "time": _time,
    "timestamp": _timestamp,
    "vector": _vector,
}
