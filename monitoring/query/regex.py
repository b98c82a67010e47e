"""Go's regular expressions (RE2) run by Python's `re`: the same language where both have it, a clear error where they differ."""

import re
from functools import lru_cache

from monitoring.query.errors import ParseError

# Unicode classes that people use in label matchers, as far as Python has words for them.
_CLASSES = {"L": r"[^\W\d_]", "N": r"\d", "Nd": r"\d", "Lu": "[A-ZÀ-ÖØ-Þ]", "Ll": "[a-zß-öø-ÿ]"}
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
# RE2's classes are ASCII; \z is the end of text.
_PERL = {"d": "[0-9]", "D": "[^0-9]", "w": "[0-9A-Za-z_]", "W": "[^0-9A-Za-z_]", "s": r"[\t\n\f\r ]", "S": r"[^\t\n\f\r ]", "z": r"\Z"}
_INSIDE = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_REFUSED = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P=|P>)|[*+?}]\+|\\[1-9GXkK]")
_WORDS = re.compile(
    r"\\Q(?P<literal>.*?)(?:\\E|$)|\\x\{(?P<hex>[0-9a-fA-F]+)\}|\\(?P<unicode>[pP])(?:\{(?P<long>\^?\w+)\}|(?P<short>\w))"
    r"|\\(?P<escape>.)|\[:(?P<inverse>\^?)(?P<posix>\w+):\]|(?P<open>\[\^?\]?)|(?P<close>\])|\(\?(?P<flags>[imsU]*(?:-[imsU]+)?)(?P<end>[:)])"
    r"|\(\?<(?P<name>[A-Za-z_]\w*)>|(?P<plain>.)",
    re.DOTALL,
)


@lru_cache(maxsize=1024)
def compile_anchored(pattern: str) -> re.Pattern[str]:
    """For fullmatch; a dot matches newlines, as in Prometheus. Raises ParseError for what RE2 would refuse."""
    try:
        return re.compile(_translated(pattern), re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise ParseError(f"error parsing regexp: {error}: `{pattern}`") from error


def _translated(pattern: str) -> str:
    out: list[str] = []
    flagged, in_class = [0], False  # flag groups opened within each open group, outermost first
    for word in _WORDS.finditer(pattern):
        if not in_class and _REFUSED.match(pattern, word.start()):
            raise ParseError(f"error parsing regexp: invalid or unsupported Perl syntax: `{pattern[word.start() : word.start() + 3]}`")
        if word["open"] and not in_class:
            in_class = True
            out.append(word["open"].replace("]", r"\]"))
        elif word["close"] and in_class:
            in_class = False
            out.append("]")
        elif in_class:
            out.append(_word(word, in_class))
        else:
            out.append(_outside(word, flagged))
    return "".join(out) + ")" * flagged[0]


def _outside(word: re.Match[str], flagged: list[int]) -> str:
    """Flags hold until the end of the group they stand in; Python wants a group of their own for them."""
    if word["end"] == ")":
        flagged[-1] += 1
        return f"(?{_flags(word['flags'])}:"
    if word[0] == ")" and len(flagged) > 1:
        return ")" * (flagged.pop() + 1)
    if word["end"] or word["name"] or word[0] == "(":
        flagged.append(0)
    return _word(word, in_class=False)


def _flags(flags: str) -> str:
    if "U" in flags:
        raise ParseError("error parsing regexp: the flag U (ungreedy) is not supported")
    return flags


def _word(word: re.Match[str], in_class: bool) -> str:
    """One word of the pattern in Python's spelling."""
    if word["literal"] is not None:
        return re.escape(word["literal"])
    if word["hex"]:
        return re.escape(chr(int(word["hex"], 16)))
    if word["unicode"]:
        return _unicode(word)
    if word["escape"]:
        return _escape(word["escape"], in_class)
    if word["posix"] and in_class:
        return _posix(word)
    if word["flags"] is not None:
        return f"(?{_flags(word['flags'])}:"
    if word["name"]:
        return f"(?P<{word['name']}>"
    text = word[0]
    return f"\\{text}" if in_class and text in "[&~|" else text


def _unicode(word: re.Match[str]) -> str:
    name = word["long"] or word["short"]
    if name not in _CLASSES or word["unicode"] == "P":
        raise ParseError(f"error parsing regexp: the character class {word[0]} is not supported")
    return _CLASSES[name]


def _escape(letter: str, in_class: bool) -> str:
    if in_class and letter in _INSIDE:
        return _INSIDE[letter]
    if not in_class and letter in _PERL:
        return _PERL[letter]
    if letter.isalnum() and letter not in "aftnrvAbBxdDwWsS0123456789":
        raise ParseError(f"error parsing regexp: invalid escape sequence: `\\{letter}`")
    return f"\\{letter}"


def _posix(word: re.Match[str]) -> str:
    if word["posix"] not in _POSIX or word["inverse"]:
        raise ParseError(f"error parsing regexp: the character class {word[0]} is not supported")
    return _POSIX[word["posix"]]
