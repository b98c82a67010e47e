"""Durations of ranges, offsets and subquery steps: literals and arithmetic on them, e.g. [step() + 30s * 2]."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitoring.query.errors import ParseError
from monitoring.query.parse.lexer import Token
from monitoring.query.parse.literals import duration, number

_FUNCTIONS = ("step", "range", "min", "max", "min_of", "max_of")
_LEVELS: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: a / b, "%": math.fmod},
)


@dataclass
class Durations:
    """Reads durations in milliseconds from tokens; `at` is the token read next."""

    words: Sequence[Token]
    step: int  # of the query, milliseconds; 0 for an instant query
    span: int  # from its start to its end
    at: int = 0

    def expression(self, level: int = 0) -> float:
        """A sum of products; stops at the first word that cannot belong to it."""
        if level == len(_LEVELS):
            return self._signed(self._power)
        value = self.expression(level + 1)
        while (word := self._peek()) and word.text in _LEVELS[level]:
            self.at += 1
            other = self.expression(level + 1)
            value = self._apply(_LEVELS[level][word.text], value, other, word)
        return value

    def offset(self) -> float:
        """Only a signed literal, a function or something in parentheses: `x offset 1m + 2` adds 2 to x."""
        return self._signed(self._atom)

    def _power(self) -> float:
        base = self._atom()
        if (word := self._peek()) and word.text == "^":
            self.at += 1
            return self._apply(lambda a, b: 1000 * (a / 1000) ** (b / 1000), base, self._signed(self._power), word)
        return base

    def _apply(self, operation: Callable[[float, float], float], a: float, b: float, word: Token) -> float:
        # Literals are seconds to the user; products and quotients of two durations are taken in seconds.
        try:
            if word.text == "*":
                return a * b / 1000
            if word.text == "/":
                return a / b * 1000
            return float(operation(a, b))
        except ZeroDivisionError:
            raise ParseError("division by zero" if word.text == "/" else "modulo by zero", word.start) from None
        except (ValueError, OverflowError, TypeError):
            raise ParseError("duration out of range", word.start) from None

    def _signed(self, read: Callable[[], float]) -> float:
        word = self._peek()
        if word and word.text in ("+", "-"):
            self.at += 1
            return self._signed(read) * (-1 if word.text == "-" else 1)
        return read()

    def _atom(self) -> float:
        word = self._take()
        if word.kind == "duration":
            return self._literal(word)
        if word.kind == "number":
            return number(word.text) * 1000
        if word.text == "(":
            value = self.expression()
            self._expect(")")
            return value
        if word.is_word(*_FUNCTIONS):
            return self._call(word.text.lower())
        raise ParseError(f'unexpected "{word.text}" in duration expression', word.start)

    def _literal(self, word: Token) -> float:
        try:
            return float(duration(word.text))
        except ValueError as error:
            raise ParseError(str(error), word.start) from None

    def _call(self, name: str) -> float:
        self._expect("(")
        if name in ("step", "range"):
            self._expect(")")
            return float(self.step if name == "step" else self.span)
        first = self.expression()
        self._expect(",")
        second = self.expression()
        self._expect(")")
        return (min if name.startswith("min") else max)(first, second)

    def _peek(self) -> Token | None:
        return self.words[self.at] if self.at < len(self.words) else None

    def _take(self) -> Token:
        word = self._peek()
        if word is None:
            raise ParseError("unexpected end of input in duration expression", self.words[-1].end)
        self.at += 1
        return word

    def _expect(self, text: str) -> None:
        word = self._take()
        if word.text != text:
            raise ParseError(f'unexpected "{word.text}" in duration expression, expected "{text}"', word.start)
