"""Calls the PromQL parser, and finds the character its complaints are about: it does not say."""

import json
import re
from collections.abc import Sequence

import promql_parser
from promql_parser import Function, ValueType

from monitoring.query.errors import ParseError
from monitoring.query.parse.lexer import Token, tokens
from monitoring.query.parse.rewrite import Piece, Rewriter, Tables

# Complaints about words that cannot stand where they are; all others are about what the words mean.
_SYNTAX = ("invalid promql query", "unexpected", "invalid label matcher", "unclosed", "trailing commas")
# What may follow a prefix of a query, tried in turn: an operand, a modifier's argument, a label list, a matcher's rest.
_FILLERS = ("", "x", "1", '"x"', "1s", "x[1s]", "a", '="x"', "(a) x", "(1) x", "(a)(x)", "(x)", "()", "= x")
_TAILS = ("", "(x)", " x", " + x", "[1s]")
_GOING_ON = [(filler, tail) for filler in _FILLERS for tail in _TAILS]  # before and after the brackets that are still open
_AS_IT_IS = [("", "")]
_LEVELS = (*"([+-*/%^<>", "==", "!=", ">=", "<=", "and", "or", "unless", "atan2")
_LEVELS_AT_MOST = 400
_KEYWORDS = ("by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset")
_TYPES = {"matrix": "range vector", "vector": "instant vector"}

# Prometheus 2 called double_exponential_smoothing so; rules still do.
promql_parser.register_extra_functions([Function("holt_winters", [ValueType.Matrix, ValueType.Scalar, ValueType.Scalar], ValueType.Vector)])


def parse(query: str, step: int, span: int) -> tuple[promql_parser.Expr, Tables, list[Piece]]:
    """The parser's tree of the rewritten query and the tables its placeholders point into. Raises ParseError."""
    try:
        rewriter = Rewriter(_shallow(tokens(query)), step, span)
        pieces = rewriter.run()
        return _tree(pieces, query, rewriter.tables), rewriter.tables, pieces
    except ParseError as error:
        raise placed(error.message, error.position or 0, query) from None


def _shallow(words: list[Token]) -> list[Token]:
    """Each operator or parenthesis may be one level of the tree, and deep trees exhaust the stack, the parser's too."""
    levels = [word for word in words if word.text in _LEVELS or word.is_word(*_LEVELS)]
    if len(levels) > _LEVELS_AT_MOST:
        raise ParseError(f"more than {_LEVELS_AT_MOST} operators and parentheses in one query", levels[_LEVELS_AT_MOST].start)
    return words


def placed(message: str, position: int, query: str) -> ParseError:
    """As Prometheus words it: line and column, then what is wrong."""
    line = query.count("\n", 0, position) + 1
    column = position - query.rfind("\n", 0, position)
    return ParseError(f"{line}:{column}: parse error: {message}", position)


def _tree(pieces: Sequence[Piece], query: str, tables: Tables) -> promql_parser.Expr:
    complaint = _complaint(_joined(pieces))
    if complaint is None:
        tree: promql_parser.Expr = promql_parser.parse(_joined(pieces))
        return tree
    if complaint.startswith(_SYNTAX):
        raise _unexpected(pieces, query)
    raise ParseError(_worded(complaint, tables), pieces[_culprit(pieces, complaint)].start)


def _joined(pieces: Sequence[Piece]) -> str:
    return " ".join(piece.text for piece in pieces)


def _complaint(text: str) -> str | None:
    try:
        promql_parser.parse(text)
    except (ValueError, OverflowError) as error:
        return str(error)
    return None


def _unexpected(pieces: Sequence[Piece], query: str) -> ParseError:
    """The first word that no query beginning so far could go on with; a prefix of a good prefix is good, so halving finds it."""
    good, bad = 0, len(pieces) + 1
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if _may_go_on(pieces[:middle]) else (good, middle)
    if good == len(pieces):
        return ParseError("unexpected end of input", len(query.rstrip()))
    piece = pieces[good]
    return ParseError(f"unexpected {_described(query[piece.start : piece.end])}", piece.start)


def _described(word: str) -> str:
    """A word as Prometheus' complaints name it."""
    if word.lower() in _KEYWORDS:
        return f"<{word.lower()}>"
    if word.lower() in _LEVELS and word not in ("(", "["):
        return f"<op:{word.lower()}>"
    kind = (
        "identifier " if word[0].isalpha() or word[0] == "_" else "number " if word[0].isdigit() else "string " if word[0] in "\"'`" else ""
    )
    return kind + json.dumps(word, ensure_ascii=False)


def _may_go_on(pieces: Sequence[Piece]) -> bool:
    return any(complaint is None or not complaint.startswith(_SYNTAX) for complaint in _continuations(pieces, _GOING_ON))


def _culprit(pieces: Sequence[Piece], complaint: str) -> int:
    """The word a complaint is about: a call for its arguments' number, an argument for its type, else an operator or modifier."""
    of_call = complaint.startswith("unknown function") or "argument(s) in call" in complaint or "number of arguments" in complaint
    of_argument = complaint.startswith("expected type")
    last = _first(pieces, complaint, _AS_IT_IS if of_call or of_argument else _GOING_ON) - 1
    if not of_call:
        return last
    depth = 0
    for k in range(last, 0, -1):
        depth += {"(": 1, ")": -1}.get(pieces[k].text, 0)
        if depth > 0:
            return k - 1
    return 0


def _first(pieces: Sequence[Piece], complaint: str, endings: Sequence[tuple[str, str]]) -> int:
    """How many words it takes until the parser complains just so."""
    few, enough = 0, len(pieces)
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if complaint in _continuations(pieces[:middle], endings) else (middle, enough)
    return enough


def _continuations(pieces: Sequence[Piece], endings: Sequence[tuple[str, str]]) -> list[str | None]:
    """What the parser says to this beginning, for every way to go on with it."""
    begun, closers = _joined(pieces), _closers(pieces)
    return [_complaint(f"{begun} {filler}{closers}{tail}") for filler, tail in endings]


def _closers(pieces: Sequence[Piece]) -> str:
    pairs = {"(": ")", "{": "}", "[": "]"}
    missing: list[str] = []
    for piece in pieces:
        if piece.text in pairs:
            missing.append(pairs[piece.text])
        elif missing and piece.text == missing[-1]:
            missing.pop()
    return "".join(reversed(missing))


def _worded(complaint: str, tables: Tables) -> str:
    """The parser's complaint in Prometheus' words."""
    typed = re.sub(r"(?<!instant )(?<!')\b(matrix|vector)\b(?!'| selector| matching)", lambda found: _TYPES[found[0]], complaint)
    return re.sub(r"'([^']*)'", lambda found: f'"{tables.text(found[1])}"', typed)
