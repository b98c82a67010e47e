"""The words of a text as they are looked for: names taken apart (camelCase, snake_case, dots), small letters, stemmed."""

import re
import threading
from collections import Counter
from functools import cache, lru_cache
from typing import Any

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
WORD = re.compile(r"[^\W_]+")
LONGEST = 60  # what is longer is no word: a hash, a key, a line of base64
_STOP = (
    "a an and are as at be been but by can did do does for from had has have how i if in into is it its me my no not of on or our so "
    "that the their them then there these they this to was we were what when where which who why will with would you your"
)
STOP = frozenset(_STOP.split())
_one_at_a_time = threading.Lock()  # a stemmer holds the word it is at


def apart(text: str) -> str:
    """With names in camelCase and snake_case as words of their own: also what a sentence encoder reads best."""
    return CAMEL.sub(" ", text).replace("_", " ")


def terms(text: str) -> list[str]:
    """In their order; again for each time."""
    words = (word.lower() for word in WORD.findall(apart(text)) if len(word) <= LONGEST)
    return [_stem(word) for word in words if word not in STOP]


def counted(text: str) -> dict[str, int]:
    return dict(Counter(terms(text)))


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    with _one_at_a_time:
        stem: str = _stemmer().stemWord(word)
    return stem


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
