"""Texts from outside that try to give orders: an alert text, a label, a log line, a document that speaks to the model instead of to people.

Pure: a text in, suspicions out. It is a lamp, not a lock: what it misses changes nothing either, because texts from outside are fenced
as data and tools run with the asker's rights. It reads the text as a model would: lookalike letters, invisible characters, digits for
letters, letters with gaps between them and encoded parts are undone first.
"""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from genai.tracing.injection_patterns import COMPACT, PATTERNS

LONGEST = 200_000  # characters that are looked at
LONGEST_TRICK = 20_000  # … for tricks with letters, which cost more
AROUND = 40  # characters of the excerpt on each side
MOST = 10  # suspicions of one text
ENCODED = "written in code"
GAP = r"(?:[\s_*~`'\"“”‘’./|+\-]{1,4})"

_PATTERNS = [
    (name, re.compile(rf"(?<![a-z])(?:{text.replace('~', GAP)})(?:(?<![a-z])|(?![a-z]))", re.X)) for name, text in PATTERNS.items()
]
_COMPACT = re.compile(COMPACT)
_SPREAD = re.compile(r"(?<![^\W_])[^\W_](?:[ .\-_*|]{1,3}[^\W_]){9,}(?![^\W_])")
_BASE64 = re.compile(r"(?<![\w+/-])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/=-])")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?(?:[0-9A-Fa-f]{2}[ :]?){16,}(?![0-9A-Za-z])")
_ESCAPES = re.compile(r"\\u00([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})")
_LEET = str.maketrans("0134570@$", "oieastoas")
_LEET_WORD = re.compile(r"[a-z][0134570@$]+[a-z]|[0134570@$][a-z]{3}")
# Letters of other scripts that look like Latin ones.
_LOOKALIKES = str.maketrans(
    "аеорсухіѕјԁԛѡкмнтвгпьһӏοανρτυκιεχѵɡıɪɢɴᴏʀᴇꜱᴜᴘᴛʟᴠᴄᴅᴍʏᴀʙᴋ", "aeopcyxisjdqwkmhtbrnbhloavptukiexvgiignoresuptlvcdmyabk"
)
_REVERSED = ("snoitcurtsni", "tpmorp metsys", "selur ruoy")
_ROT13 = ("vafgehpgvba", "flfgrz cebzcg", "cebcbfr_erzrqvngvba")


class Suspicion(NamedTuple):
    excerpt: str  # as it stands in the text
    pattern: str  # what it tries: a key of PATTERNS, or ENCODED


def look(text: str) -> list[Suspicion]:
    """What gives orders in it, in the order it stands there. Empty for what only tells."""
    text = text[:LONGEST]
    found = [*_plain(text), *(_tricks(text) if len(text) <= LONGEST_TRICK else ()), *_encoded(text)]
    return _distinct(found)[:MOST]


def _distinct(found: list[tuple[int, Suspicion]]) -> list[Suspicion]:
    """The first of those that stand in the same place: one sentence often tries several things."""
    kept: list[tuple[int, Suspicion]] = []
    for at, one in sorted(found, key=lambda pair: pair[0]):
        if not kept or at - kept[-1][0] > AROUND:
            kept.append((at, one))
    return [one for _, one in kept]


# -- as it stands --------------------------------------------------------------------------------------------------------
def _plain(text: str) -> Iterator[tuple[int, Suspicion]]:
    folded, places = fold(text)
    yield from _matches(text, folded, places)
    if not text.isascii():
        yield from _matches(text, text.lower(), None)  # other languages, whose letters are no lookalikes


def _matches(text: str, folded: str, places: list[int] | None) -> Iterator[tuple[int, Suspicion]]:
    for name, pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            begin, end = (places[match.start()], places[match.end() - 1] + 1) if places else match.span()
            yield begin, Suspicion(_excerpt(text, begin, end), name)


def fold(text: str) -> tuple[str, list[int] | None]:
    """Lower case, no accents, no invisible characters, lookalikes as the letters they look like; for each character its place in the
    text, None where every one kept its own."""
    if text.isascii():
        return text.lower(), None
    parts, places = [], []
    for at, char in enumerate(text):
        folded = _folded(char)
        parts.append(folded)
        places += [at] * len(folded)
    return "".join(parts), places


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    if "\U000e0020" <= char <= "\U000e007e":  # tag characters: plain text that nobody sees
        char = chr(ord(char) - 0xE0000)
    if unicodedata.category(char) == "Cf":
        return ""
    plain = "".join(one for one in unicodedata.normalize("NFKD", char) if not unicodedata.combining(one))
    return plain.lower().translate(_LOOKALIKES)


def _excerpt(text: str, begin: int, end: int) -> str:
    said = text[max(0, begin - AROUND) : min(len(text), end + AROUND, begin + 400)]
    return " ".join(said.split())


# -- tricks with letters ---------------------------------------------------------------------------------------------------
def _tricks(text: str) -> Iterator[tuple[int, Suspicion]]:
    folded, _ = fold(text)
    if _LEET_WORD.search(folded):
        yield from _anywhere(text, folded.translate(_LEET), folded)
    if any(word in folded for word in _REVERSED):
        yield from _anywhere(text, folded[::-1])
    if any(word in folded for word in _ROT13):
        yield from _anywhere(text, codecs.encode(folded, "rot13"))
    for match in _SPREAD.finditer(folded):
        if _COMPACT.search(re.sub(r"[\W_]", "", match[0])):
            yield match.start(), Suspicion(match[0][:200], "letters spread out")


def _anywhere(text: str, undone: str, before: str = "") -> Iterator[tuple[int, Suspicion]]:
    """Of what was undone, only what was not to be read before."""
    known = {name for name, pattern in _PATTERNS if before and pattern.search(before)}
    for name, pattern in _PATTERNS:
        if name not in known and (match := pattern.search(undone)):
            same_length = len(undone) == len(text)
            yield match.start(), Suspicion(_excerpt(text if same_length and before else undone, *match.span()), name)


# -- encoded parts ---------------------------------------------------------------------------------------------------------
def _encoded(text: str) -> Iterator[tuple[int, Suspicion]]:
    """Parts that are written in code and give orders when read."""
    parts: list[tuple[re.Pattern[str], Callable[[str], str]]] = [(_BASE64, _from_base64), (_HEX, _from_hex)]
    for pattern, decode in parts:
        for match in pattern.finditer(text):
            if _orders(decode(match[0])):
                yield match.start(), Suspicion(match[0][:200], ENCODED)
    for undone in {html.unescape(text), unquote(text.replace("+", " ")) if "%" in text else text, _unescaped(text)} - {text}:
        if (told := _orders(undone)) and not _orders(text):
            yield 0, Suspicion(told[:200], ENCODED)


def _orders(text: str) -> str:
    """The place in it that gives orders; empty for none."""
    folded, _ = fold(text[:LONGEST_TRICK])
    return next((match[0] for _, pattern in _PATTERNS if (match := pattern.search(folded))), "")


def _from_base64(token: str) -> str:
    token = token.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _text(base64.b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _from_hex(token: str) -> str:
    digits = re.sub(r"^0x|[ :]", "", token)
    return _text(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _text(raw: bytes) -> str:
    """Empty for what is no text: most of what looks like base64 is a hash."""
    try:
        said = raw.decode()
    except UnicodeDecodeError:
        return ""
    return said if sum(char.isprintable() or char.isspace() for char in said) == len(said) else ""


def _unescaped(text: str) -> str:
    return _ESCAPES.sub(lambda code: chr(int(code[1] or code[2], 16)), text) if "\\" in text else text
