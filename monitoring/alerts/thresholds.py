"""The limit in an expression, where it has one: what is compared, how, and with which number."""

import re
from typing import Any, NamedTuple

import promql_parser

COMPARISONS = (">", "<", ">=", "<=", "==", "!=")
_LIMIT = re.compile(r"(>=|<=|==|!=|>|<)(\s*(?:bool\s+)?)([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+))(?![\w.])", re.IGNORECASE)
_SENTINEL = 918273645.5


class Threshold(NamedTuple):
    query: str  # PromQL of what is compared
    op: str
    value: float


class Limit(NamedTuple):
    """The comparison of an expression, and where its sign and number stand in the text: characters [start, end) each."""

    query: str
    op: str
    value: float
    op_start: int
    op_end: int
    start: int
    end: int

    @property
    def ordered(self) -> bool:
        """Values lie on one side of it or the other."""
        return self.op not in ("==", "!=")

    def beyond(self, value: float) -> bool:
        return value > self.value if self.op.startswith(">") else value < self.value


def threshold(expr: str) -> Threshold | None:
    """Of `a > 80`, also within `a > 80 and b`; None where there is no comparison with a number."""
    try:
        return _of(promql_parser.parse(expr))
    except (ValueError, RecursionError):
        return None


def limit_of(expr: str) -> Limit | None:
    """The place is found by trying: the number whose change is the threshold's change."""
    found = threshold(expr)
    if found is None:
        return None
    for match in _LIMIT.finditer(expr):
        tried = threshold(f"{expr[: match.start(3)]}{_SENTINEL}{expr[match.end(3) :]}")
        if tried is not None and tried.value == _SENTINEL:
            return Limit(*found, *match.span(1), *match.span(3))
    return None


def moved(expr: str, value: float) -> str | None:
    """The same expression with another limit; None where it has none."""
    limit = limit_of(expr)
    return f"{expr[: limit.start]}{value!r}{expr[limit.end :]}" if limit else None


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
