"""What may stand at the caret of a query. `context` reads the text (pure); `complete` looks up what fits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring.dashboards import vocabulary
from monitoring.dashboards.promql_tokens import CLOSES, Token, tokens
from monitoring.dashboards.promql_words import AGGREGATIONS, CALLABLE, DURATIONS, GROUPINGS, KEYWORDS
from monitoring.query.errors import QueryError

MOST = 40  # items in one answer
TOP_VALUES = 3
Item = dict[str, Any]
Matchers = tuple[tuple[str, str, str], ...]  # name, operator, value


@dataclass(frozen=True)
class Context:
    """`kind`: word, label, value, duration or nothing. What is typed so far stands at [start, end) of the text."""

    kind: str
    typed: str
    start: int
    end: int
    metric: str = ""
    label: str = ""  # whose value is wanted
    matchers: Matchers = ()  # the others of the same selector
    closed: bool = False  # a quote stands behind the caret already
    metrics: tuple[str, ...] = field(default=())  # of the whole query, for groupings


def context(text: str, at: int) -> Context:
    """Where the caret stands, told from what is before it."""
    before = tokens(text[:at])
    last = before[-1] if before else None
    if last is not None and last.kind == "open_string":
        return _in_string(text, at, before[:-1], last)
    typed = last.text if last is not None and last.end == at and last.kind in {"name", "duration", "number"} else ""
    rest = before[:-1] if typed else before
    start, end = at - len(typed), at
    opened = _innermost(rest)
    if opened is None or rest[opened].text == "(":
        return _in_parentheses(text, typed, start, end, rest, opened)
    if rest[opened].text == "[":
        return Context("duration" if rest[-1].kind in {"open", "colon"} else "nothing", typed, start, end)
    wants_name = rest[-1].kind in {"open", "comma"}
    metric, matchers = _selector(rest, opened)
    return Context("label" if wants_name else "nothing", typed, start, end, metric, matchers=matchers)


def _in_parentheses(text: str, typed: str, start: int, end: int, rest: Sequence[Token], opened: int | None) -> Context:
    if opened and rest[opened - 1].text in GROUPINGS:
        return Context("label", typed, start, end, metrics=tuple(_metrics(tokens(text))))
    return Context("nothing" if typed[:1].isdigit() else "word", typed, start, end)


def _in_string(text: str, at: int, rest: list[Token], string: Token) -> Context:
    """Inside quotes: the value of a label where one is compared in braces."""
    opened = _innermost(rest)
    compared = len(rest) > 1 and rest[-1].text in {"=", "!=", "=~", "!~"} and rest[-2].kind == "name"
    if opened is None or rest[opened].text != "{" or not compared:
        return Context("nothing", "", at, at)
    metric, matchers = _selector(rest[:-2], opened)
    typed, quote = string.text[1:], string.text[0]
    closed = text[at : at + 1] == quote
    return Context("value", typed, string.start + 1, at, metric, rest[-2].text, matchers, closed)


def _innermost(found: Sequence[Token]) -> int | None:
    """Place of the bracket that is still open."""
    stack: list[int] = []
    for place, token in enumerate(found):
        if token.kind == "open":
            stack.append(place)
        elif token.kind == "close" and stack and CLOSES[found[stack[-1]].text] == token.text:
            stack.pop()
    return stack[-1] if stack else None


def _selector(found: Sequence[Token], opened: int) -> tuple[str, Matchers]:
    """The metric before the brace and the comparisons already made in it."""
    metric = found[opened - 1].text if opened and found[opened - 1].kind == "name" else ""
    inner = found[opened + 1 :]
    made = []
    for name, operator, value in zip(inner, inner[1:], inner[2:], strict=False):
        if name.kind == "name" and operator.kind in {"assign", "compare"} and value.kind == "string":
            made.append((name.text, operator.text, value.text[1:-1]))
    return metric, tuple(made)


def _metrics(found: Sequence[Token]) -> Iterable[str]:
    """Names that are metrics: no function, no keyword, no label between braces or in a grouping."""
    depth = 0
    for place, token in enumerate(found):
        grouping = token.text == "(" and place > 0 and found[place - 1].text in GROUPINGS
        if token.text == "{" or grouping:
            depth += 1
        elif depth and token.kind == "close":
            depth -= 1
        elif not depth and token.kind == "name" and token.text not in KEYWORDS and not _is_call(found, place):
            yield token.text


def _is_call(found: Sequence[Token], place: int) -> bool:
    return found[place].text in CALLABLE and place + 1 < len(found) and (found[place + 1].text == "(" or found[place].text in AGGREGATIONS)


# -- what fits -----------------------------------------------------------------------------------------------------------
def complete(text: str, at: int) -> dict[str, Any]:
    """{"start", "end", "items"}: what to write instead of [start, end) of the text."""
    where = context(text, at)
    look = {"word": _words, "label": _labels, "value": _values, "duration": _durations}.get(where.kind, _nothing)
    try:
        items = look(where)
    except QueryError:  # another label is compared with half a regular expression
        items = []
    return {"start": where.start, "end": where.end, "items": items[:MOST]}


def _nothing(where: Context) -> list[Item]:
    return []


def _words(where: Context) -> list[Item]:
    named = _fitting(CALLABLE, where.typed) if where.typed else []
    calls = [_item("F", name, f"{name}(", CALLABLE[name][0], CALLABLE[name][1]) for name in named[:10]]
    keys = (
        [_item("K", name, name, KEYWORDS[name][0], KEYWORDS[name][1]) for name in _fitting(KEYWORDS, where.typed)[:4]]
        if where.typed
        else []
    )
    known = vocabulary.metrics()
    found = _fitting(known, where.typed)[:MOST]
    described = vocabulary.describe(found)
    metrics = [_item("M", name, name, _count(known[name]), described[name].help, described[name].tags) for name in found]
    exact = [item for item in calls if item["label"].startswith(where.typed)] if len(where.typed) > 1 else []
    rest = [item for item in calls if item not in exact]
    return [*exact[:6], *metrics[: MOST - 12], *rest, *exact[6:], *keys]


def _labels(where: Context) -> list[Item]:
    known = vocabulary.labels(where.metric, where.matchers, where.metrics)
    taken = {name for name, operator, _ in where.matchers if operator == "="}
    names = [name for name in _fitting(known, where.typed) if name not in taken]
    tail = "=" if where.metric or not where.metrics else ""
    return [_label(name, f'{name}{tail}"' if tail else name, known[name], where) for name in names[:MOST]]


def _label(name: str, insert: str, counts: dict[str, int], where: Context) -> Item:
    top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP_VALUES]
    item = _item("L", name, insert, f"{len(counts):,} value{'s' if len(counts) != 1 else ''}", f"On {_count(sum(counts.values()))}.")
    return item | {"top": top, "whole": max((count for _, count in top), default=0)}


def _values(where: Context) -> list[Item]:
    others = tuple(made for made in where.matchers if made[0] != where.label)
    known = vocabulary.labels(where.metric, others, ()).get(where.label, {})
    tail = "" if where.closed else '"'
    return [_item("V", value, _escaped(value) + tail, _count(known[value]), "") for value in _fitting(known, where.typed)[:MOST]]


def _durations(where: Context) -> list[Item]:
    return [_item("D", text, text, meaning, "") for text, meaning in DURATIONS.items() if text.startswith(where.typed)]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _item(kind: str, label: str, insert: str, hint: str, text: str, tags: Sequence[str] = ()) -> Item:
    return {"kind": kind, "label": label, "insert": insert, "hint": hint, "text": text, "tags": list(tags)}


def _count(series: int) -> str:
    return f"{series:,} series"


def _fitting(names: Iterable[str], typed: str) -> list[str]:
    """Names that hold what is typed: those that begin with it first, then those with a word that does, then the others."""
    low = typed.lower()
    found = []
    for name in names:
        place = name.lower().find(low)
        if place >= 0 and name != typed:
            found.append((0 if place == 0 else 1 if not name[place - 1].isalnum() else 2, len(name) if low else 0, name))
    return [name for _, _, name in sorted(found)]
