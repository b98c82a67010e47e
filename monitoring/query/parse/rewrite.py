"""Writes a query anew for the parser: what the parser cannot carry exactly travels in tables beside it.

Strings (any bytes), durations (expressions, milliseconds, signs) and @ timestamps become numbered placeholders, so the grammar stays
the parser's and the values are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring.query.errors import ParseError
from monitoring.query.parse.durations import Durations
from monitoring.query.parse.lexer import Token
from monitoring.query.parse.literals import duration, number, unquote

_LONGEST = 2**63 // 1_000_000
ANY_MATCHERS = "@any"  # a label that says its selector need not have a matcher that refuses the empty value
_OPERATORS = ("and", "or", "unless", "atan2", "bool", "on", "ignoring", "group_left", "group_right", "by", "without", "offset")


@dataclass
class Tables:
    """Placeholder k stands for entry k - 1."""

    strings: list[str] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)  # milliseconds
    times: list[int] = field(default_factory=list)  # milliseconds
    modes: dict[int, str] = field(default_factory=dict)  # of the range or offset that is duration k: anchored or smoothed

    def text(self, placeholder: str) -> str:
        """The string behind a placeholder; other text is itself."""
        return self.strings[int(placeholder[1:]) - 1] if placeholder[:1] == "@" else placeholder

    def duration(self, seconds: float) -> int:
        return self.durations[round(abs(seconds)) - 1]

    def mode(self, seconds: float) -> str:
        return self.modes.get(round(abs(seconds)), "")

    def time(self, seconds: float) -> int:
        return self.times[round(seconds) - 1]


@dataclass(frozen=True)
class Piece:
    """A word for the parser, and where what it stands for is in the query."""

    text: str
    start: int
    end: int


@dataclass
class Rewriter:
    words: Sequence[Token]
    step: int
    span: int
    tables: Tables = field(default_factory=Tables)
    pieces: list[Piece] = field(default_factory=list)
    at: int = 0
    inside: list[str] = field(default_factory=list)
    range_before: int = 0  # the duration of the range selector just read, else 0
    offset_before: int = 0  # that of the offset just read

    def run(self) -> list[Piece]:
        while self.at < len(self.words):
            self._word(self.words[self.at])
        return self.pieces

    def _word(self, word: Token) -> None:
        if word.text == "[" and word.kind == "symbol":
            self._bracket(word)
        elif word.is_word("offset") and self._after_operand():
            self._offset()
        elif word.text == "@" and word.kind == "symbol":
            self._timestamp()
        elif word.is_word("anchored", "smoothed") and self._after_operand():
            self._extended(word)
        elif self.inside and self.inside[-1] == "{" and word.is_word("or"):
            raise ParseError('unexpected identifier "or" in label matching, expected "," or "}"', word.start)
        else:
            self._plain(word)

    def _plain(self, word: Token) -> None:
        self.range_before = self.offset_before = 0
        if word.text in ("(", "{"):
            called = word.text == "(" and self.at > 0 and self.words[self.at - 1].is_word("info")
            self.inside.append("info(" if called else word.text)
            if word.text == "{" and self._in_info():
                self._emit(f'{{ "{ANY_MATCHERS}"="x" ,', 1)
                return
        elif word.text in (")", "}") and self.inside:
            self.inside.pop()
        self._emit(self._value(word), 1)

    def _in_info(self) -> bool:
        """Whether a brace here begins the second argument of info(), which may consist of matchers that match empty labels."""
        before = self.words[max(self.at - 1, 0)]
        return before.text == "," and len(self.inside) > 1 and self.inside[-2] == "info("

    def _value(self, word: Token) -> str:
        if word.kind == "string":
            self.tables.strings.append(unquote(word.text))
            return f'"@{len(self.tables.strings)}"'
        if word.kind == "number":
            return repr(number(word.text))
        if word.kind == "duration":
            try:
                return repr(duration(word.text) / 1000)
            except ValueError as error:
                raise ParseError(str(error), word.start) from None
        return word.text

    def _emit(self, text: str, used: int) -> None:
        self.pieces.append(Piece(text, self.words[self.at].start, self.words[self.at + used - 1].end))
        self.at += used

    def _after_operand(self) -> bool:
        """Whether `offset` here is the modifier, not a metric or label of that name."""
        before = self.words[self.at - 1] if self.at else None
        if before is None or (self.inside and self.inside[-1] == "{"):
            return False
        if before.kind == "identifier":
            return not before.is_word(*_OPERATORS)
        return before.kind in ("number", "duration") or before.text in (")", "}", "]")

    def _bracket(self, word: Token) -> None:
        self._emit("[", 1)
        if self._next_is("]"):
            raise ParseError("missing duration in brackets", word.start)
        self._duration(positive=True)
        ranged, is_subquery = len(self.tables.durations), self._next_is(":")
        if is_subquery:
            self._emit(":", 1)
            if not self._next_is("]"):
                self._duration(positive=True)
        if not self._next_is("]"):
            at = self.words[self.at] if self.at < len(self.words) else word
            raise ParseError(f'unexpected "{at.text}" in brackets, expected "]"', at.start)
        self.range_before, self.offset_before = (0 if is_subquery else ranged), 0
        self._emit("]", 1)

    def _extended(self, word: Token) -> None:
        """Written down beside the range, or beside the offset of an instant selector, which gets one for it."""
        if not self.range_before and not self.offset_before:
            if word.is_word("anchored"):
                raise ParseError("anchored modifier can only be used with range selectors", word.start)
            self.tables.durations.append(0)
            self.offset_before = len(self.tables.durations)
            self.pieces += [Piece("offset", word.start, word.end), Piece(f"{self.offset_before}s", word.start, word.end)]
        self.tables.modes[self.range_before or self.offset_before] = word.text.lower()
        self.at += 1

    def _next_is(self, text: str) -> bool:
        return self.at < len(self.words) and self.words[self.at].text == text

    def _offset(self) -> None:
        if self.offset_before and not self.tables.durations[self.offset_before - 1] and self.offset_before in self.tables.modes:
            # The offset that stands for `smoothed` gets its real length.
            self.at += 1
            self._duration(positive=False)
            self.tables.durations[self.offset_before - 1] = self.tables.durations.pop()
            self.pieces.pop()
            return
        self._emit("offset", 1)
        if self.at == len(self.words):
            raise ParseError("unexpected end of input in offset, expected number, duration, step(), or range()", self.words[-1].end)
        self._duration(positive=False)
        self.offset_before = len(self.tables.durations)

    def _duration(self, *, positive: bool) -> None:
        reader = Durations(self.words, self.step, self.span, self.at)
        length = reader.expression() if positive else reader.offset()
        start = self.words[self.at].start
        if length != length or abs(length) >= _LONGEST:
            raise ParseError("duration out of range", start)
        if positive and round(length) <= 0:
            raise ParseError("duration must be greater than 0", start)
        self.tables.durations.append(round(length))
        self._emit(f"{len(self.tables.durations)}s", reader.at - self.at)

    def _timestamp(self) -> None:
        """@ with a signed number; start() and end() are left to the parser."""
        self._emit("@", 1)
        used, sign = 0, 1
        while self.at + used < len(self.words) and self.words[self.at + used].text in ("+", "-"):
            sign = -sign if self.words[self.at + used].text == "-" else sign
            used += 1
        literal = self.words[self.at + used] if self.at + used < len(self.words) else None
        if literal is None or (literal.kind not in ("number", "duration") and not literal.is_word("inf", "nan")):
            return
        seconds = sign * (duration(literal.text) / 1000 if literal.kind == "duration" else number(literal.text))
        if not abs(seconds) < 2**63 / 1000:
            raise ParseError(f"timestamp out of bounds for @ modifier: {seconds:g}", literal.start)
        self.tables.times.append(round(seconds * 1000))
        self._emit(str(len(self.tables.times)), used + 1)
