"""Words of a PromQL query with their places, so that errors can point at a character."""

import re
from typing import NamedTuple

from monitoring.query.errors import ParseError
from monitoring.query.parse.literals import unquote

_SPACE = re.compile(r"(?:\s|#[^\n]*)+")
_IDENTIFIER = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_DURATION = re.compile(r"(?:[0-9]+(?:ms|[smhdwy]))+")
_DIGITS = r"[0-9](?:_?[0-9])*"
_NUMBER = re.compile(rf"0[xX](?:_?[0-9a-fA-F])+|(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`', re.DOTALL)
_SYMBOL = re.compile(r"==|!=|=~|!~|>=|<=|[=<>+\-*/%^(){}\[\],:@]")
_OPENS = {"(": "parenthesis", "{": "brace", "[": "bracket"}
_CLOSES = {")": "(", "}": "{", "]": "["}


class Token(NamedTuple):
    kind: str  # identifier, duration, number, string or symbol
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def is_word(self, *words: str) -> bool:
        """Keywords and function names of the duration language do not care for case."""
        return self.kind == "identifier" and self.text.lower() in words


def tokens(query: str) -> list[Token]:
    """Raises ParseError at the first character that begins no word, and for brackets that do not pair."""
    found: list[Token] = []
    open_brackets: list[Token] = []
    place = _skip_space(query, 0)
    while place < len(query):
        token = _next(query, place, open_brackets[-1].text if open_brackets else "")
        _pair(token, open_brackets)
        found.append(token)
        place = _skip_space(query, token.end)
    if not found:
        raise ParseError("no expression found in input", len(query))
    if open_brackets:
        raise ParseError(f"unclosed left {_OPENS[open_brackets[-1].text]}", open_brackets[-1].start)
    return found


def _skip_space(query: str, place: int) -> int:
    space = _SPACE.match(query, place)
    return space.end() if space else place


def _next(query: str, place: int, inside: str) -> Token:
    character = query[place]
    if character.isdigit() or (character == "." and inside != "{"):
        return _number(query, place)
    if character in "\"'`":
        return _string(query, place)
    # A colon belongs to metric names, but in brackets it parts range and step, and no label has one.
    word = (_LABEL if inside in ("{", "[") else _IDENTIFIER).match(query, place)
    if word:
        return Token("identifier", word[0], place)
    symbol = _SYMBOL.match(query, place)
    if not symbol:
        within = f" inside {_OPENS[inside]}s" if inside in ("{", "[") else ""
        raise ParseError(f"unexpected character{within}: {character!r}", place)
    return Token("symbol", symbol[0], place)


def _number(query: str, place: int) -> Token:
    for kind, pattern in (("duration", _DURATION), ("number", _NUMBER)):
        found = pattern.match(query, place)
        if found and not query[found.end() : found.end() + 1].isalnum() and query[found.end() : found.end() + 1] != "_":
            return Token(kind, found[0], place)
    wrong = re.compile(r"[\w.]+").match(query, place)
    raise ParseError(f'bad number or duration syntax: "{wrong[0] if wrong else query[place]}"', place)


def _string(query: str, place: int) -> Token:
    found = _STRING.match(query, place)
    if not found:
        raise ParseError("unterminated raw string" if query[place] == "`" else "unterminated quoted string", place)
    try:
        unquote(found[0])
    except ValueError as error:
        raise ParseError(str(error), place) from None
    return Token("string", found[0], place)


def _pair(token: Token, open_brackets: list[Token]) -> None:
    if token.kind != "symbol":
        return
    if token.text in _OPENS:
        if open_brackets and open_brackets[-1].text == "{":
            raise ParseError(f'unexpected character inside braces: "{token.text}"', token.start)
        open_brackets.append(token)
    elif token.text in _CLOSES and (not open_brackets or open_brackets.pop().text != _CLOSES[token.text]):
        raise ParseError(f'unexpected right {_OPENS[_CLOSES[token.text]]} "{token.text}"', token.start)
