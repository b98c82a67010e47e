"""Where a query is wrong, to the character."""

import pytest

from monitoring.query.errors import ParseError
from monitoring.query.evaluate import instant
from monitoring.query.parse.plan import Call, Number, RangeSelector, Selector, String, Subquery, When, plan
from monitoring.query.source import Matcher, MemorySource
from monitoring.query.values import Scalar

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("query", "position", "message"),
    [
        ("", 0, "no expression found in input"),
        ("# only a note", 13, "no expression found in input"),
        ("1 +", 3, "unexpected end of input"),
        ("up down", 3, 'unexpected identifier "down"'),
        ("up\n+\n* 2", 5, "unexpected <op:*>"),
        ("sum by job (up)", 7, 'unexpected identifier "job"'),
        ("sum(up) by (a b)", 14, 'unexpected identifier "b"'),
        ("sum(up,)", 7, 'unexpected ")"'),
        ("up{a='b' 'c'}", 9, "unexpected string \"'c'\""),
        ("up{a='b',,}", 9, 'unexpected ","'),
        ("up{a=b}", 5, 'unexpected identifier "b"'),
        ("up{a}", 4, 'unexpected "}"'),
        ("up{1='b'}", 3, 'unexpected number "1"'),
        ("up{a='b' or c='d'}", 9, 'unexpected identifier "or" in label matching'),
        ("up{a='b'", 2, "unclosed left brace"),
        ("rate(up[5m]", 4, "unclosed left parenthesis"),
        ("up[5m", 2, "unclosed left bracket"),
        ("(up))", 4, 'unexpected right parenthesis ")"'),
        ("up]", 2, 'unexpected right bracket "]"'),
        ("é", 0, "unexpected character: 'é'"),
        ("'open", 0, "unterminated quoted string"),
        ("`open", 0, "unterminated raw string"),
        (r"'\q'", 0, r"unknown escape sequence"),
        ("1 + 3x", 4, 'bad number or duration syntax: "3x"'),
        ("1__0", 0, "bad number or duration syntax"),
        ("up[1h1d]", 3, 'not a valid duration string: "1h1d"'),
        ("up[0s]", 3, "duration must be greater than 0"),
        ("up[5m:0]", 6, "duration must be greater than 0"),
        ("up[]", 2, "missing duration in brackets"),
        ("up[5m 3m]", 6, 'unexpected "3m" in brackets'),
        ("up[5m / 0]", 6, "division by zero"),
        ("up[400y]", 3, "duration out of range"),
        ("up[step(]", 8, 'unexpected right bracket "]"'),
        ("up offset", 9, "unexpected end of input in offset"),
        ("up offset x", 10, 'unexpected "x" in duration expression'),
        ("up offset 1m offset 2m", 13, "offset may not be set multiple times"),
        ("up @ x", 5, 'unexpected identifier "x"'),
        ("up @ Inf", 5, "timestamp out of bounds for @ modifier"),
        ("sum(1)", 4, "expected type instant vector in aggregation expression, got scalar"),
        ("1 + sum(rate(up))", 13, 'expected type range vector in call to function "rate", got instant vector'),
        ("rate(up[1m]) + rate(down)", 20, 'expected type range vector in call to function "rate"'),
        ("vector(up)", 7, 'expected type scalar in call to function "vector", got instant vector'),
        ("1 + nosuch(up)", 4, 'unknown function with name "nosuch"'),
        ("1 + label_join(up)", 4, "argument(s) in call to"),
        ("up and topk(up)", 7, "wrong number of arguments for aggregate expression provided"),
        ("1 == 2", 2, "comparisons between scalars must use BOOL modifier"),
        ("up + bool up", 5, "bool modifier can only be used on comparison operators"),
        ("{}", 0, "must contain at least one non-empty matcher"),
        ("up + {a=''}", 8, "must contain at least one non-empty matcher"),
        ("up{__name__='down'}", 12, 'metric name must not be set twice: "up" or "down"'),
        ("{'up', __name__='down'}", 16, 'metric name must not be set twice: "up" or "down"'),
        ("up{a=~'('}", 6, "error parsing regexp"),
        ("up{a='b'} + down{a=~'x(?=y)'}", 20, "invalid or unsupported Perl syntax"),
        ("(up[5m])[5m:]", None, "subquery is only allowed on instant vector, got range vector"),
    ],
)
def test_a_mistake_is_pointed_at(query: str, position: int | None, message: str) -> None:
    with pytest.raises(ParseError) as raised:
        plan(query)
    assert message in raised.value.message
    if position is not None:
        assert raised.value.position == position
        line = query.count("\n", 0, position) + 1
        column = position - query.rfind("\n", 0, position)
        assert raised.value.message.startswith(f"{line}:{column}: parse error: ")


def test_what_the_parser_alone_would_lose_is_kept() -> None:
    up = (Matcher("__name__", "=", "up"),)
    assert plan("up @ -3.5 offset -2ms") == Selector(up, When(-2, -3500))
    assert plan("up offset 1d2h") == Selector(up, When(26 * 3_600_000))
    assert plan("up[1ms] @ end()") == RangeSelector(Selector(up, When(0, "end")), 1)
    assert plan("up[step() * 2 : range() / 4]", 30_000, 240_000) == Subquery(Selector(up, When()), 60_000, 60_000, When())
    assert plan(r'"\xff"') == String("\udcff")
    assert plan(r"'a\'\x41\u00e9\101'") == String("a'AéA")
    assert plan("0x1F") == Number(31)
    assert plan("5m") == Number(300)
    assert plan('{"a.b", "c.d"!~"e"}') == Selector((Matcher("__name__", "=", "a.b"), Matcher("c.d", "!~", "e")), When())
    assert isinstance(plan("holt_winters(up[5m], 0.5, 0.5)"), Call)


@pytest.mark.parametrize("query", ["offset", "step + offset", "sum by (offset, bool) (x{on='y'})", "fill + fill_left", "start", "by"])
def test_words_of_the_language_may_be_names(query: str) -> None:
    plan(query)


@pytest.mark.parametrize(
    "query",
    ["(" * 50_000 + "1" + ")" * 50_000, "-" * 50_000 + "1", "+".join("1" * 50_000), "up[" + "(" * 50_000 + "5m" + ")" * 50_000 + "]"],
)
def test_a_query_that_would_exhaust_the_stack_is_refused(query: str) -> None:
    with pytest.raises(ParseError, match="more than 400 operators and parentheses"):
        plan(query)


def test_deep_queries_are_answered() -> None:
    assert instant("+".join(["1"] * 300), MemorySource(), 0) == Scalar(0, 300.0)
    assert instant("(" * 300 + "1" + ")" * 300, MemorySource(), 0) == Scalar(0, 1.0)


def test_a_long_query_with_a_mistake_is_answered_soon() -> None:
    query = " + ".join(["sum by (job) (rate(up{a='b'}[5m]))"] * 60) + " + )"
    with pytest.raises(ParseError) as raised:
        plan(query)
    assert raised.value.position == len(query) - 1
