"""Go's regular expressions (RE2) run by Python's `re`: the same language where both have it, a clear error where they differ."""

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import groupby

from monitoring.query import automaton
from monitoring.query.errors import ParseError

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
# RE2's classes are ASCII; \z is the end of the text.
_PERL = {"d": "[0-9]", "D": "[^0-9]", "w": "[0-9A-Za-z_]", "W": "[^0-9A-Za-z_]", "s": r"[\t\n\f\r ]", "S": r"[^\t\n\f\r ]", "z": r"\Z"}
_INSIDE = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_REFUSED = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P=|P>)|[*+?}]\+|\\[1-9GXkK]")
_WORDS = re.compile(
    r"\\Q(?P<literal>.*?)(?:\\E|$)|\\x\{(?P<hex>[0-9a-fA-F]+)\}|\\(?P<unicode>[pP])(?:\{(?P<long>\^?\w+)\}|(?P<short>\w))"
    r"|\\(?P<escape>.)|\[:(?P<inverse>\^?)(?P<posix>\w+):\]|(?P<open>\[\^?\]?)|\(\?(?P<flags>[imsU]*(?:-[imsU]+)?)(?P<end>[:)])"
    r"|\(\?P?<(?P<name>[A-Za-z_]\w*)>|\{(?P<least>\d+)(?:,(?P<most>\d*))?\}|(?P<plain>.)",
    re.DOTALL,
)
_REPEATS_AT_MOST = 1000


@lru_cache(maxsize=1024)
def compile_anchored(pattern: str) -> re.Pattern[str]:
    """For fullmatch; a dot matches newlines, as in Prometheus. Raises ParseError for what RE2 would refuse."""
    try:
        return re.compile(_Translation(pattern).run(), re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise ParseError(f"error parsing regexp: {error}: `{pattern}`") from error


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether the whole text matches, in time linear in the text. Raises ParseError for what RE2 would refuse."""
    compiled = compile_anchored(pattern)
    if automaton.is_risky(compiled.pattern):
        return automaton.Automaton(compiled.pattern).fullmatch
    fullmatch = compiled.fullmatch
    return lambda text: fullmatch(text) is not None


def compile_capturing(pattern: str) -> re.Pattern[str]:
    """For the groups of a full match; also raises ParseError for a pattern that could take exponential time."""
    compiled = compile_anchored(pattern)
    if automaton.is_risky(compiled.pattern):
        raise _wrong(f"a repetition within a repetition is not supported where groups are used: `{pattern}`")
    return compiled


class _Translation:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.out: list[str] = []
        self.flags: list[list[str]] = [[]]  # switched on within each open group, outermost first
        self.in_class = False

    def run(self) -> str:
        for word in _WORDS.finditer(self.pattern):
            if not self.in_class and _REFUSED.match(self.pattern, word.start()):
                raise _wrong(f"invalid or unsupported Perl syntax: `{self.pattern[word.start() : word.start() + 3]}`")
            self.out.append(self._inside(word) if self.in_class else self._outside(word))
        return "".join(self.out) + ")" * len(self.flags[0])

    def _outside(self, word: re.Match[str]) -> str:
        text = word[0]
        if word["open"]:
            self.in_class = True
            return text.replace("]", r"\]")
        if word["end"] or word["name"] or text == "(":
            return self._open(word)
        if text == ")" and len(self.flags) > 1:
            return ")" * (len(self.flags.pop()) + 1)
        if text == "|":
            # Flags hold until the group's end, Python's only in a group of their own: one for every alternative.
            return ")" * len(self.flags[-1]) + "|" + "".join(f"(?{flags}:" for flags in self.flags[-1])
        if word["escape"] in _PERL:
            return _PERL[word["escape"]]
        if word["least"]:
            _check_repeats(word)
        return f"[{_category(word)}]" if word["unicode"] else _common(word)

    def _open(self, word: re.Match[str]) -> str:
        if "U" in (word["flags"] or ""):
            raise _wrong("the flag U (ungreedy) is not supported")
        if word["end"] == ")":
            self.flags[-1].append(word["flags"])
            return f"(?{word['flags']}:"
        self.flags.append([])
        return f"(?P<{word['name']}>" if word["name"] else word[0]

    def _inside(self, word: re.Match[str]) -> str:
        text = word[0]
        if text == "]" or (word["open"] and text[-1] == "]"):
            self.in_class = False
            return re.escape(text[:-1]) + "]"
        if word["escape"] in _INSIDE:
            return _INSIDE[word["escape"]]
        if word["posix"]:
            return _posix(word)
        if word["unicode"]:
            return _category(word)
        if word["open"] or text in "&~|":
            return re.escape(text)
        return _common(word)


def _wrong(message: str) -> ParseError:
    return ParseError(f"error parsing regexp: {message}")


def _common(word: re.Match[str]) -> str:
    """What is the same inside and outside of classes."""
    if word["literal"] is not None:
        return re.escape(word["literal"])
    if word["hex"]:
        return re.escape(chr(int(word["hex"], 16)))
    escape = word["escape"]
    if escape and escape.isalnum() and escape not in "aftnrvAbBxDWS0":
        raise _wrong(f"invalid escape sequence: `\\{escape}`")
    return word[0]


def _check_repeats(word: re.Match[str]) -> None:
    if max(int(word["least"]), int(word["most"] or 0)) > _REPEATS_AT_MOST:
        raise _wrong(f"invalid repeat count: `{word[0]}`")


def _posix(word: re.Match[str]) -> str:
    if word["posix"] not in _POSIX or word["inverse"]:
        raise _wrong(f"the character class {word[0]} is not supported")
    return _POSIX[word["posix"]]


def _category(word: re.Match[str]) -> str:
    """Ranges of a general category such as \\pL or \\p{Lu}; scripts are not known here."""
    name = word["long"] or word["short"]
    negated = (word["unicode"] == "P") != name.startswith("^")
    found = _ranges(name.lstrip("^"), negated)
    if not found:
        raise _wrong(f"the character class {word[0]} is not supported")
    return found


@lru_cache(maxsize=32)
def _ranges(category: str, negated: bool) -> str:
    def belongs(code: int) -> bool:
        return unicodedata.category(chr(code)).startswith(category) != negated

    runs = (list(codes) for wanted, codes in groupby(range(sys.maxunicode + 1), belongs) if wanted)
    known = category in {"C", "L", "M", "N", "P", "S", "Z"} or len(category) == 2
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs) if known else ""
