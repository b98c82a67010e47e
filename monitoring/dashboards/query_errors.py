"""Where in a query text a mistake stands and what to say of it, for those mistakes whose place the parser does not tell.

A walk over the tokens that knows what may follow what. It only looks for the place once the parser has refused the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.dashboards.promql_tokens import CLOSES, Token, tokens
from monitoring.dashboards.promql_words import AGGREGATIONS, CALLABLE, GROUPINGS

BINARY = {"operator", "compare", "sign"}
SETS = {"and", "or", "unless", "atan2"}
PREFIX = re.compile(r"^\d+:\d+: parse error: ")
WINDOWLESS = re.compile(r"""expected type (?:matrix|range vector) in call to function ['"](\w+)['"], got (?:instant )?vector""")
WORDS = (
    (WINDOWLESS, "{0} reads a window of samples; write one behind the metric, for example [5m]."),
    (
        re.compile(r'invalid expression type "range vector"'),
        "This is a window of samples; a function such as rate or avg_over_time makes a series of it.",
    ),
    (re.compile(r'invalid expression type "string"'), "This is a text, and only series and numbers can be shown."),
    (re.compile(r'^unexpected (?:right parenthesis )?"(.+)"$'), "{0} does not belong here."),
    (re.compile(r"^unexpected end of input"), "Something is missing at the end."),
    (
        re.compile(r"must contain at least one non-empty matcher"),
        "Name a metric, or compare at least one label with something that is not empty.",
    ),
    (re.compile(r"error parsing regexp: (.+?)(?: at position \d+)?: `.*`$"), "This regular expression has a mistake: {0}."),
)
LIKE = {"==": "=", ">": "=~", "<": "=~", ">=": "=~", "<=": "=~"}


@dataclass(frozen=True)
class Mistake:
    """Characters [start, end) of the text; `fix` is what to write there instead, if there is one thing to write.

    `unfinished`: right so far, there is only more to write. Who is still typing need not be told.
    """

    message: str
    start: int
    end: int
    fix: str | None = None
    unfinished: bool = False


def mistake(text: str, message: str, position: int | None = None) -> Mistake:
    """The parser's `message` with a place: its own if it told one, else the first that cannot be right, else the end."""
    found, message = tokens(text), PREFIX.sub("", message)
    known, end = _first(text, found), len(text.rstrip())
    if not found:
        return Mistake("The query is empty.", end, end)
    if known and (position is None or known.start == position or (known.unfinished and position >= end)):
        return known
    if position is None:
        return _named(text, found, message) or Mistake(_in_words(message), end, end)
    at = next((token for token in found if token.start <= position < token.end), None)
    if at is None:
        return Mistake(_in_words(message), min(position, end), min(position + 1, end))
    whole = _misread_number(text, at)
    return Mistake(_in_words(message), at.start, whole, _window(message, at, found))


def _misread_number(text: str, at: Token) -> int:
    """5x is one mistake and not a number with a name behind it."""
    match = re.compile(r"\w+").match(text, at.start)
    return match.end() if match and at.kind in {"number", "duration"} else at.end


def _window(message: str, at: Token, found: Sequence[Token]) -> str | None:
    """For a function over time: the same metric with a window, where it stands alone between the brackets."""
    following = next((token for token in found if token.start >= at.end), None)
    alone = at.kind == "name" and following is not None and following.text == ")"
    return f"{at.text}[5m]" if WINDOWLESS.search(message) and alone else None


def _in_words(message: str) -> str:
    for pattern, words in WORDS:
        if match := pattern.search(message):
            return words.format(*match.groups())
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")


def _named(text: str, found: Sequence[Token], message: str) -> Mistake | None:
    """A message that names a word, a regular expression or a number is about the place where that stands."""
    quoted = [part for part in message.replace('"', "'").split("'")[1::2] if part]
    token = next((token for token in found if token.text in quoted and (token.kind == "name" or len(token.text) > 1)), None)
    if token:
        return Mistake(_in_words(message), token.start, token.end)
    tail = re.split(r": | for ", message)[-1].strip()
    place = text.find(tail) if tail else -1
    return Mistake(_in_words(message), place, place + len(tail)) if place >= 0 else None


def _first(text: str, found: Sequence[Token]) -> Mistake | None:
    """The first mistake in reading order."""
    stack: list[Token] = []
    for place, token in enumerate(found):
        before = found[place - 1] if place else None
        wrong = _of_token(token, before, stack, found, place)
        if wrong:
            return wrong
        if token.kind == "open":
            stack.append(token)
        elif token.kind == "close":
            stack.pop()
    return _at_end(text, found, stack)


def _of_token(token: Token, before: Token | None, stack: list[Token], found: Sequence[Token], place: int) -> Mistake | None:
    if token.kind == "open_string":
        return Mistake("This text has no closing quote.", token.start, token.end, f"{token.text}{token.text[0]}", unfinished=True)
    if token.kind == "other":
        return Mistake(f"{token.text} does not belong here.", token.start, token.end)
    if token.kind == "close":
        return _of_close(token, before, stack)
    if stack and stack[-1].text == "{":
        return _in_braces(token, before)
    if stack and stack[-1].text == "[":
        return None
    return _outside(token, before, found, place)


def _of_close(token: Token, before: Token | None, stack: list[Token]) -> Mistake | None:
    if not stack:
        return Mistake(f"Nothing is open that {token.text} could close.", token.start, token.end, "")
    wanted = CLOSES[stack[-1].text]
    if wanted != token.text:
        return Mistake(f"{wanted} is expected here, not {token.text}.", token.start, token.end, wanted)
    if token.text == ")" and before and (before.kind in BINARY or before.text in SETS):
        return Mistake(f"A value is missing after {before.text}.", before.start, before.end)
    return None


def _in_braces(token: Token, before: Token | None) -> Mistake | None:
    """A label, how it is compared, a text in quotes; then a comma."""
    last = before.kind if before else "open"
    if last in {"open", "comma"} and token.kind not in {"name", "string", "comma"}:
        return Mistake(f"A label's name is expected here, not {token.text}.", token.start, token.end)
    if last == "name" and token.text not in {"=", "!=", "=~", "!~"}:
        fix = LIKE.get(token.text)
        return Mistake(f"{token.text} does not belong here. A label is compared with =, !=, =~ or !~.", token.start, token.end, fix)
    if last in {"assign", "compare"} and token.kind != "string":
        quoted = f'"{token.text}"' if token.kind in {"name", "number", "duration"} else None
        return Mistake("A label's value stands in quotes.", token.start, token.end, quoted)
    if last == "string" and token.kind != "comma" and token.text not in {"=", "!=", "=~", "!~"}:
        return Mistake("A comma is expected between two labels.", token.start, token.end, f", {token.text}")
    return None


def _outside(token: Token, before: Token | None, found: Sequence[Token], place: int) -> Mistake | None:
    if before and before.text in ("by", "without", "on", "ignoring") and token.text != "(":
        return Mistake(f"Labels stand in brackets after {before.text}.", token.start, token.end, f"({token.text})")
    following = found[place + 1] if place + 1 < len(found) else None
    if token.kind == "name" and following and following.text == "(" and _unknown_call(token):
        return Mistake(f"There is no function {token.text}.", token.start, token.end)
    if token.kind == "assign":
        return Mistake("= compares labels in braces; values are compared with ==.", token.start, token.end, "==")
    if before and _is_value(before, found, place - 1) and _begins_value(token, found, place):
        return Mistake(f"An operator is missing before {token.text}.", token.start, token.end)
    if token.kind in {"operator", "compare"} and (before is None or before.kind in {*BINARY, "comma"} or before.text == "("):
        return Mistake(f"A value is missing before {token.text}.", token.start, token.end)
    return None


def _unknown_call(token: Token) -> bool:
    return token.text not in CALLABLE and token.text not in {
        *GROUPINGS,
        *SETS,
        "bool",
        "holt_winters",
        "limitk",
        "limit_ratio",
        "start",
        "end",
    }


def _is_value(token: Token, found: Sequence[Token], place: int) -> bool:
    """Whether an operand ends here, so that another cannot begin without an operator between them."""
    if token.kind in {"number", "duration", "string"}:
        return not (place and found[place - 1].text in {"offset", "@", "-"})
    return token.kind == "name" and token.text not in {*CALLABLE, *GROUPINGS, *SETS, "bool", "offset"}


def _begins_value(token: Token, found: Sequence[Token], place: int) -> bool:
    if token.kind in {"number", "string", "duration"}:
        return True
    if token.kind != "name" or token.text in {*GROUPINGS, *SETS, "bool", "offset"}:
        return False
    return token.text not in AGGREGATIONS or place + 1 < len(found)


def _at_end(text: str, found: Sequence[Token], stack: list[Token]) -> Mistake | None:
    end = len(text.rstrip())
    if not found:
        return Mistake("The query is empty.", 0, 0)
    last = found[-1]
    if last.kind in BINARY or last.text in SETS:
        return Mistake(f"A value is missing after {last.text}.", last.start, last.end, unfinished=True)
    if stack:
        opened = stack[-1]
        return Mistake(f"This {opened.text} is never closed.", opened.start, opened.end, unfinished=True)
    return None if end else Mistake("The query is empty.", 0, 0)
