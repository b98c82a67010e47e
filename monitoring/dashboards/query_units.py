"""The unit of what a query answers, told from the metrics in it and what is done to them. "" where nothing tells it."""

from collections.abc import Callable, Mapping
from typing import Any

import promql_parser as promql

from monitoring.dashboards.promql_tokens import tokens

UNIT_WORDS = {  # how metadata and names say it -> how pages write it
    "seconds": "s", "second": "s", "s": "s", "milliseconds": "ms", "millis": "ms", "ms": "ms", "microseconds": "µs",
    "temperature": "°C", "temp": "°C", "bytes": "B", "byte": "B", "by": "B", "ratio": "ratio", "percent": "%", "percentage": "%", "%": "%",
    "celsius": "°C", "watts": "W", "watt": "W", "joules": "J", "volts": "V", "amperes": "A", "hertz": "Hz", "hz": "Hz", "rpm": "rpm",
}  # fmt: skip
OF_NAMES = {word for word in UNIT_WORDS if len(word) > 3} | {"rpm", "hz"}  # "ms" or "by" may be anything
PARTS = ("_total", "_bucket", "_count", "_sum", "_info", "_created")
PER_SECOND = {"rate", "irate", "deriv"}
SAME = {
    "abs", "avg_over_time", "ceil", "clamp", "clamp_max", "clamp_min", "delta", "double_exponential_smoothing", "floor",
    "holt_winters", "idelta", "increase", "label_join", "label_replace", "last_over_time", "max_over_time", "min_over_time",
    "predict_linear", "quantile_over_time", "round", "scalar", "sort", "sort_desc", "stddev_over_time", "sum_over_time",
}  # fmt: skip
SECONDS = {"time", "timestamp"}
FACTORS = {("ratio", 100): "%", ("B", 8): "bit", ("B/s", 8): "bit/s", ("s", 1000): "ms"}
AGGREGATES = {"sum", "avg", "min", "max", "topk", "bottomk", "quantile", "stddev"}
DEEPENING, MOST_LEVELS = {"open", "sign", "operator", "compare", "name"}, 400  # what may begin a level of the tree
Said = Callable[[str], str]  # metric -> unit as metadata has it, "" for none


def unit_of(query: str, said: Said = lambda metric: "") -> str:
    """A unit as pages write it: s, B, B/s, %, ratio, °C, W …"""
    tree = parsed(query)
    return (_unit(tree, said) or "") if tree is not None else ""


def parsed(query: str) -> Any:
    """The parser's tree; None for what it refuses, and for trees so deep that walking them exhausts the stack."""
    if sum(token.kind in DEEPENING for token in tokens(query)) > MOST_LEVELS:
        return None
    try:
        return promql.parse(query)
    except ValueError:
        return None


def of_metric(metric: str, said: str = "") -> str:
    """From what metadata says, else from the name's own words; a count of anything has none."""
    if said:
        return UNIT_WORDS.get(said.lower(), said)
    if metric.endswith("_count"):
        return ""
    if metric.endswith("_per_second"):
        return per_second(of_metric(metric.removesuffix("_per_second")))
    name = metric
    for part in PARTS:
        name = name.removesuffix(part)
    words = name.lower().split("_")
    return next((UNIT_WORDS[word] for word in reversed(words[-3:]) if word in OF_NAMES), "")


def metrics_of(query: str) -> list[str]:
    """Names of the metrics a query reads, each once; none of one that cannot be read."""
    tree = parsed(query)
    return [] if tree is None else _names_in(tree)


def _names_in(node: Any) -> list[str]:
    found: list[str] = []
    _collect(node, found)
    return list(dict.fromkeys(name for name in found if name))


def _collect(node: Any, found: list[str]) -> None:
    if isinstance(node, promql.VectorSelector | promql.MatrixSelector):
        selector = node.vector_selector if isinstance(node, promql.MatrixSelector) else node
        found.append(_name(selector))
        return
    for part in ("expr", "lhs", "rhs", "param"):
        if (inner := getattr(node, part, None)) is not None:
            _collect(inner, found)
    for inner in getattr(node, "args", None) or ():
        _collect(inner, found)


def _name(selector: Any) -> str:
    if selector.name:
        return str(selector.name)
    return next((str(one.value) for one in selector.matchers.matchers if one.name == "__name__" and one.op == promql.MatchOp.Equal), "")


def _unit(node: Any, said: Said) -> str | None:
    """None: a plain number, which takes the unit of what stands beside it."""
    if isinstance(node, promql.NumberLiteral):
        return None
    if isinstance(node, promql.VectorSelector):
        name = _name(node)
        return of_metric(name, said(name))
    if isinstance(node, promql.MatrixSelector):
        return _unit(node.vector_selector, said)
    if isinstance(node, promql.BinaryExpr):
        return _of_two(str(node.op), _unit(node.lhs, said), _unit(node.rhs, said), node)
    if isinstance(node, promql.Call):
        return _of_call(node, said)
    if isinstance(node, promql.AggregateExpr):
        return _unit(node.expr, said) if str(node.op) in AGGREGATES else ""
    inner = getattr(node, "expr", None)
    return _unit(inner, said) if inner is not None else ""


def _of_call(node: Any, said: Said) -> str | None:
    name = node.func.name
    if name in SECONDS:
        return "s"
    if name == "histogram_quantile":  # of what was observed, not of how often
        return next((of_metric(metric, said(metric)) for metric in _names_in(node)), "")
    if name not in PER_SECOND | SAME or not node.args:
        return ""
    series = [arg for arg in node.args if not isinstance(arg, promql.NumberLiteral | promql.StringLiteral)]
    unit = _unit(series[0], said) if series else ""
    return per_second(unit or "") if name in PER_SECOND else unit


def per_second(unit: str) -> str:
    """Seconds per second are a share; anything else gets "/s"."""
    return {"s": "ratio", "": "/s"}.get(unit, f"{unit}/s")


def _of_two(operator: str, left: str | None, right: str | None, node: Any) -> str | None:
    if operator in {"+", "-", "%", "and", "or", "unless", "==", "!=", ">", "<", ">=", "<="} or "bool" in operator:
        return left if left else right
    if operator == "/" and right is not None:
        return _divided(left or "", right)
    if operator in {"*", "/"}:
        return _scaled(operator, left, right, node)
    return ""


def _divided(left: str, right: str) -> str:
    """Equal units cancel out; so does the time in two rates: bytes per second over requests per second are bytes per request."""
    if left and left == right:
        return "ratio"
    if right == "/s":
        return "s" if left == "ratio" else left.removesuffix("/s") if left.endswith("/s") else ""
    return ""


def _scaled(operator: str, left: str | None, right: str | None, node: Any) -> str:
    """Times or by a number: most change the unit to one nobody can name."""
    unit, number = (left, node.rhs) if right is None else (right, node.lhs) if left is None else ("", None)
    factor = getattr(number, "val", None)
    if factor is None or unit is None:
        return ""
    return unit if factor == 1 else FACTORS.get((unit, factor if operator == "*" else 1 / factor if factor else 0), "")


def said_by(units: Mapping[str, str]) -> Said:
    return lambda metric: units.get(metric, "")
