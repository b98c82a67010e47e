"""The limit in an expression, where it has one: what is compared, how, and with which number."""

from typing import Any, NamedTuple

import promql_parser

COMPARISONS = (">", "<", ">=", "<=", "==", "!=")


class Threshold(NamedTuple):
    query: str  # PromQL of what is compared
    op: str
    value: float


def threshold(expr: str) -> Threshold | None:
    """Of `a > 80`, also within `a > 80 and b`; None where there is no comparison with a number."""
    try:
        return _of(promql_parser.parse(expr))
    except (ValueError, RecursionError):
        return None


def _of(tree: Any) -> Threshold | None:
    if isinstance(tree, promql_parser.ParenExpr):
        return _of(tree.expr)
    if not isinstance(tree, promql_parser.BinaryExpr):
        return None
    op = str(tree.op).strip()
    if op in ("and", "unless"):
        return _of(tree.lhs)
    if op not in COMPARISONS:
        return None
    number = _number(tree.rhs)
    return None if number is None else Threshold(tree.lhs.prettify(), op, number)


def _number(tree: Any) -> float | None:
    if isinstance(tree, promql_parser.ParenExpr):
        return _number(tree.expr)
    if isinstance(tree, promql_parser.UnaryExpr):
        inner = _number(tree.expr)
        return None if inner is None else -inner
    return float(tree.val) if isinstance(tree, promql_parser.NumberLiteral) else None
