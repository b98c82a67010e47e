"""What a query asks for, as plain data: the parser's tree with exact times, unquoted strings and checked matchers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import promql_parser
from promql_parser import AtModifierType, MatchOp, VectorMatchCardinality

from monitoring.query.errors import ParseError
from monitoring.query.parse.rewrite import ANY_MATCHERS, Piece, Tables
from monitoring.query.parse.syntax import parse, placed
from monitoring.query.source import NAME, Matcher

_OPS = {str(MatchOp.Equal): "=", str(MatchOp.NotEqual): "!=", str(MatchOp.Re): "=~", str(MatchOp.NotRe): "!~"}


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class String:
    text: str


@dataclass(frozen=True)
class When:
    """Which time a selector looks at: offset in ms; at = a fixed time in ms, "start", "end" or None for the step's own."""

    offset: int = 0
    at: int | str | None = None


@dataclass(frozen=True)
class Selector:
    matchers: tuple[Matcher, ...]
    when: When
    smoothed: bool = False


@dataclass(frozen=True)
class RangeSelector:
    selector: Selector
    range: int  # ms
    mode: str = ""  # anchored, smoothed or neither


@dataclass(frozen=True)
class Subquery:
    expr: "Node"
    range: int  # ms
    step: int | None  # ms; None for the default
    when: When


@dataclass(frozen=True)
class Call:
    name: str
    args: tuple["Node", ...]


@dataclass(frozen=True)
class Aggregate:
    op: str
    expr: "Node"
    param: "Node | None"
    labels: tuple[str, ...]
    without: bool


@dataclass(frozen=True)
class Negation:
    expr: "Node"


@dataclass(frozen=True)
class Matching:
    """How a binary operation pairs the series of its sides."""

    card: str  # one-to-one, many-to-one, one-to-many or many-to-many
    on: bool
    labels: tuple[str, ...]
    include: tuple[str, ...]  # copied from the "one" side
    fill_left: float | None
    fill_right: float | None


@dataclass(frozen=True)
class Binary:
    op: str
    left: "Node"
    right: "Node"
    as_bool: bool
    matching: Matching


Node = Number | String | Selector | RangeSelector | Subquery | Call | Aggregate | Negation | Binary

_CARDS = {
    str(VectorMatchCardinality.OneToOne): "one-to-one",
    str(VectorMatchCardinality.ManyToOne): "many-to-one",
    str(VectorMatchCardinality.OneToMany): "one-to-many",
    str(VectorMatchCardinality.ManyToMany): "many-to-many",
}


def plan(query: str, step: int = 0, span: int = 0) -> Node:
    """Raises ParseError with the place. `step` and `span` (ms) are those of the range query, for step() and range() in durations."""
    tree, tables, pieces = parse(query, step, span)
    return _Planner(query, tables, pieces).node(tree)


class _Planner:
    def __init__(self, query: str, tables: Tables, pieces: Sequence[Piece]) -> None:
        self.query = query
        self.tables = tables
        self.pieces = pieces

    def node(self, tree: Any) -> Node:
        found: Node = getattr(self, f"_{type(tree).__name__}")(tree)
        return found

    def _ParenExpr(self, tree: promql_parser.ParenExpr) -> Node:  # noqa: N802
        return self.node(tree.expr)

    def _NumberLiteral(self, tree: promql_parser.NumberLiteral) -> Node:  # noqa: N802
        return Number(tree.val)

    def _StringLiteral(self, tree: promql_parser.StringLiteral) -> Node:  # noqa: N802
        return String(self.tables.text(tree.val))

    def _UnaryExpr(self, tree: promql_parser.UnaryExpr) -> Node:  # noqa: N802
        return Negation(self.node(tree.expr))

    def _VectorSelector(self, tree: promql_parser.VectorSelector) -> Selector:  # noqa: N802
        smoothed = tree.offset is not None and bool(self.tables.mode(tree.offset.total_seconds()))
        return Selector(self._matchers(tree), self._when(tree), smoothed)

    def _MatrixSelector(self, tree: promql_parser.MatrixSelector) -> Node:  # noqa: N802
        span = tree.range.total_seconds()
        return RangeSelector(self._VectorSelector(tree.vector_selector), self.tables.duration(span), self.tables.mode(span))

    def _SubqueryExpr(self, tree: promql_parser.SubqueryExpr) -> Node:  # noqa: N802
        assert tree.range is not None
        step = None if tree.step is None else self.tables.duration(tree.step.total_seconds())
        return Subquery(self.node(tree.expr), self.tables.duration(tree.range.total_seconds()), step, self._when(tree))

    def _Call(self, tree: promql_parser.Call) -> Node:  # noqa: N802
        return Call(tree.func.name, tuple(self.node(arg) for arg in tree.args))

    def _AggregateExpr(self, tree: promql_parser.AggregateExpr) -> Node:  # noqa: N802
        modifier = tree.modifier
        labels = tuple(self.tables.text(label) for label in modifier.labels) if modifier else ()
        without = modifier is not None and str(modifier.type).endswith("Without")
        param = None if tree.param is None else self.node(tree.param)
        return Aggregate(str(tree.op), self.node(tree.expr), param, labels, without)

    def _BinaryExpr(self, tree: promql_parser.BinaryExpr) -> Node:  # noqa: N802
        modifier = tree.modifier
        as_bool = modifier is not None and modifier.return_bool
        return Binary(str(tree.op).strip(), self.node(tree.lhs), self.node(tree.rhs), as_bool, self._matching(modifier))

    def _matching(self, modifier: promql_parser.BinModifier | None) -> Matching:
        if modifier is None:
            return Matching("one-to-one", False, (), (), None, None)
        labels = modifier.matching
        on = labels is not None and str(labels.type).endswith("Include")
        named = tuple(self.tables.text(label) for label in labels.labels) if labels else ()
        include = tuple(self.tables.text(label) for label in modifier.group_labels or ())
        fill = modifier.fill_values
        return Matching(_CARDS[str(modifier.card)], on, named, include, fill.lhs, fill.rhs)

    def _when(self, tree: Any) -> When:
        offset = 0 if tree.offset is None else self.tables.duration(tree.offset.total_seconds())
        if tree.at is None:
            return When(offset)
        if tree.at.type == AtModifierType.At:
            return When(offset, self.tables.time(tree.at.at.timestamp()))
        return When(offset, "start" if tree.at.type == AtModifierType.Start else "end")

    def _matchers(self, tree: promql_parser.VectorSelector) -> tuple[Matcher, ...]:
        written = [m for m in tree.matchers.matchers if m.name != ANY_MATCHERS]
        found = [Matcher(self.tables.text(m.name), _OPS[str(m.op)], self.tables.text(m.value)) for m in written]
        names = ([tree.name] if tree.name is not None else []) + [matcher.value for matcher in found if matcher.name == NAME]
        if tree.name is not None:
            found.insert(0, Matcher(NAME, "=", tree.name))
        # A quoted name counts as a name, further matchers of __name__ only beside one.
        if len(names) > 1 and self._is_named(tree):
            raise self._wrong(f'metric name must not be set twice: "{names[0]}" or "{names[1]}"', names[1])
        for matcher in found:
            self._check_regex(matcher)
        if len(written) == len(tree.matchers.matchers) and all(matcher.test()("") for matcher in found):
            raise self._wrong("vector selector must contain at least one non-empty matcher", *(m.value for m in found))
        return tuple(found)

    def _is_named(self, tree: promql_parser.VectorSelector) -> bool:
        """Whether the query gives a name outside of name=value; the parser makes {"x"} and {__name__="x"} the same."""
        written = {m.value for m in tree.matchers.matchers if m.name == NAME}
        bare = [k for k, piece in enumerate(self.pieces) if piece.text.strip('"') in written and self.pieces[k - 1].text in ("{", ",")]
        return tree.name is not None or bool(bare)

    def _check_regex(self, matcher: Matcher) -> None:
        try:
            matcher.test()
        except ParseError as error:
            raise self._wrong(error.message, matcher.value) from None

    def _wrong(self, message: str, *texts: str) -> ParseError:
        """At the first word that stands for one of these texts."""
        for piece in self.pieces:
            if self.tables.text(piece.text.strip('"')) in texts:
                return placed(message, piece.start, self.query)
        return placed(message, 0, self.query)
