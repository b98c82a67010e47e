"""What is pulled from a Prometheus, as an operator writes it: a selector a line, or `name = expression`. Pure."""

import re
from typing import NamedTuple

import promql_parser

NAMED = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*=(?![=~])\s*(.+)")
MOST = 200  # queries of one source


class Query(NamedTuple):
    expression: str
    name: str = ""  # of the series an expression becomes; empty for a selector, whose raw samples are pulled


def parse(text: str) -> list[Query]:
    """Empty lines and lines that begin with # are left out. ValueError with one sentence."""
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    found = [_query(number, line) for number, line in lines if line and not line.startswith("#")]
    if not found:
        raise ValueError('Name at least one selector, such as up or {job="node"}.')
    if len(found) > MOST:
        raise ValueError(f"That is {len(found)} queries, the most is {MOST}; make several sources.")
    return found


def _query(number: int, line: str) -> Query:
    named = NAMED.fullmatch(line)
    expression = named[2] if named else line
    try:
        parsed = promql_parser.parse(expression)
    except ValueError as fault:
        raise ValueError(f"Line {number} is not PromQL: {' '.join(str(fault).split())[:200]}") from None
    if named:
        if isinstance(parsed, promql_parser.MatrixSelector | promql_parser.StringLiteral):
            raise ValueError(f"Line {number}: a range of samples is not a value; write rate(…), for example.")
        return Query(expression, named[1])
    if not isinstance(parsed, promql_parser.VectorSelector) or parsed.offset is not None or parsed.at is not None:
        raise ValueError(f"Line {number} is not a plain selector; give the result a name: my_metric = {line[:60]}")
    return Query(expression)
