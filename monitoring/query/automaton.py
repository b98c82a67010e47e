"""Regular expressions matched in time linear in the text, as RE2 does.

Python's engine goes back and tries again: a pattern such as (a+)+b takes it exponential time on a label value of thirty characters,
and nothing can interrupt it. Patterns of that kind are matched here, all others there.
"""

import re
from collections.abc import Callable, Sequence
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from monitoring.query.errors import ParseError

Test = Callable[[str], bool]
_STATES_AT_MOST = 20_000
_KEPT_AT_MOST = 10_000  # steps of the automaton that are remembered
_OPEN_REPEATS = 4  # so many in a row cost Python at most the fourth power of the text's length
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)


def is_risky(pattern: str) -> bool:
    """Whether the pattern repeats something that can itself match in several ways, or has many open repeats."""
    return _is_risky(parser.parse(pattern, re.DOTALL), inside=False) or _open_repeats(parser.parse(pattern, re.DOTALL)) > _OPEN_REPEATS


def _is_risky(tree: Sequence[Any], *, inside: bool) -> bool:
    for code, argument in tree:
        if inside and (code is op.BRANCH or (code in _REPEATS and argument[0] != argument[1])):
            return True
        repeats = code in _REPEATS and argument[1] > 1
        if any(_is_risky(part, inside=inside or repeats) for part in _parts(code, argument)):
            return True
    return False


def _open_repeats(tree: Sequence[Any]) -> int:
    here = sum(code in _REPEATS and argument[1] is op.MAXREPEAT for code, argument in tree)
    return here + sum(_open_repeats(part) for code, argument in tree for part in _parts(code, argument))


def _parts(code: Any, argument: Any) -> list[Sequence[Any]]:
    if code is op.BRANCH:
        return list(argument[1])
    if code in (op.SUBPATTERN, *_REPEATS):
        return [argument[-1]]
    return []


class Automaton:
    """Thompson's construction, run on sets of states; sets met before are remembered."""

    def __init__(self, pattern: str) -> None:
        """`pattern` is in Python's spelling. Raises ParseError for one that would need too many states."""
        self.empty: list[list[tuple[int, Any]]] = []  # per state: where it leads without a character, and under which condition
        self.step: list[tuple[Test, int] | None] = []  # per state: the characters it takes, and where to
        self.conditional = False
        self.start = self._state()
        self.end = self._build(parser.parse(pattern, re.DOTALL), self.start, re.DOTALL)
        self.kept: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def fullmatch(self, text: str) -> bool:
        states = self._closed({self.start}, text, 0)
        for place, character in enumerate(text):
            states = self._next(states, character, text, place)
            if not states:
                return False
        return self.end in states

    def _next(self, states: frozenset[int], character: str, text: str, place: int) -> frozenset[int]:
        key = (states, character)
        found = self.kept.get(key)
        if found is None:
            taken = {to for test, to in filter(None, map(self.step.__getitem__, states)) if test(character)}
            found = self._closed(taken, text, place + 1)
            if not self.conditional and len(self.kept) < _KEPT_AT_MOST:
                self.kept[key] = found
        return found

    def _closed(self, states: set[int], text: str, place: int) -> frozenset[int]:
        found, waiting = set(states), list(states)
        while waiting:
            for to, condition in self.empty[waiting.pop()]:
                if to not in found and (condition is None or _holds(condition, text, place)):
                    found.add(to)
                    waiting.append(to)
        return frozenset(found)

    def _state(self) -> int:
        if len(self.step) >= _STATES_AT_MOST:
            raise ParseError("error parsing regexp: expression too large")
        self.empty.append([])
        self.step.append(None)
        return len(self.step) - 1

    def _leads(self, start: int, end: int, condition: Any = None) -> None:
        self.conditional = self.conditional or condition is not None
        self.empty[start].append((end, condition))

    def _build(self, tree: Sequence[Any], start: int, flags: int) -> int:
        """States for a part that begins in `start`; the state it ends in."""
        for code, argument in tree:
            start = self._part(code, argument, start, flags)
        return start

    def _part(self, code: Any, argument: Any, start: int, flags: int) -> int:
        if code in _REPEATS:
            least, most, part = argument
            return self._repeat(least, most, part, start, flags)
        if code is op.SUBPATTERN:
            _, added, removed, part = argument
            return self._build(part, start, (flags | added) & ~removed)
        end = self._state()
        if code is op.BRANCH:
            for part in argument[1]:
                first = self._state()
                self._leads(start, first)
                self._leads(self._build(part, first, flags), end)
        elif code is op.AT:
            self._leads(start, end, (argument, bool(flags & re.MULTILINE)))
        else:
            before = self._state()
            self._leads(start, before)
            self.step[before] = (_character(code, argument, flags), end)
        return end

    def _repeat(self, least: int, most: Any, part: Sequence[Any], start: int, flags: int) -> int:
        for _ in range(least):
            start = self._build(part, start, flags)
        end = self._state()
        self._leads(start, end)
        if most is op.MAXREPEAT:
            self._leads(self._build(part, end, flags), end)
            return end
        for _ in range(most - least):
            start = self._build(part, start, flags)
            self._leads(start, end)
        return end


def _character(code: Any, argument: Any, flags: int) -> Test:
    test = _plain(code, argument, flags)
    if flags & re.IGNORECASE:
        return lambda character: any(map(test, {character, character.lower()[:1], character.upper()[:1]}))
    return test


def _plain(code: Any, argument: Any, flags: int) -> Test:
    if code is op.ANY:
        return (lambda character: True) if flags & re.DOTALL else (lambda character: character != "\n")
    if code is op.LITERAL:
        return chr(argument).__eq__
    if code is op.NOT_LITERAL:
        return chr(argument).__ne__
    if code is op.IN:
        return _class(argument)
    raise ParseError("error parsing regexp: this nesting of repetitions is not supported")


def _class(items: Sequence[Any]) -> Test:
    negated = items[0][0] is op.NEGATE
    ranges = [(argument, argument) if code is op.LITERAL else argument for code, argument in items if code in (op.LITERAL, op.RANGE)]
    return lambda character: any(low <= ord(character) <= high for low, high in ranges) != negated


def _holds(condition: tuple[Any, bool], text: str, place: int) -> bool:
    """Whether an assertion (^, $, \\b …) holds before text[place]."""
    code, multiline = condition
    if code in (op.AT_BOUNDARY, op.AT_NON_BOUNDARY):
        return (_is_word(text[place - 1 : place]) != _is_word(text[place : place + 1])) == (code is op.AT_BOUNDARY)
    if code in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
        return place == 0 or (multiline and code is op.AT_BEGINNING and text[place - 1] == "\n")
    return place == len(text) or (multiline and code is op.AT_END and text[place] == "\n")


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")
