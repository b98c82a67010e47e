"""Parameters of the HTTP API. Whatever cannot be read raises ParseError, which is answered as bad_data."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime

from django.http import HttpRequest

from monitoring.query.errors import ParseError
from monitoring.query.parse.literals import duration
from monitoring.query.parse.plan import Selector, When, plan
from monitoring.query.source import Matcher

MOST_POINTS = 11_000  # of one series in a range query
FURTHEST = 1 << 52  # ms; further away than this there are no samples, and arithmetic stays exact
LONGEST_QUERY = 200_000  # characters
MOST_SELECTORS = 100
# What clients send for "since ever" and "for ever": the ends of what Go's times can say.
_ENDS = {"-292273086-05-16T16:47:06Z": -FURTHEST, "292277025-08-18T07:12:54.999999999Z": FURTHEST}


class Parameters:
    """Of the form and the query string together; the form's come first."""

    def __init__(self, request: HttpRequest) -> None:
        self._places = [request.POST, request.GET] if request.method == "POST" else [request.GET]

    def all(self, name: str) -> list[str]:
        return [value for place in self._places for value in place.getlist(name)]

    def text(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def query(self, name: str = "query") -> str:
        text = self.text(name)
        if not text.strip():
            raise wrong(name, "there is no query in it; send the expression to evaluate")
        if len(text) > LONGEST_QUERY:
            raise wrong(name, f"the query is longer than {LONGEST_QUERY:,} characters")
        return text

    def time(self, name: str, default: int | None = None) -> int:
        """ms"""
        text = self.text(name)
        if not text and default is not None:
            return default
        return _read(name, text, "a time; write seconds since 1970 or RFC 3339", _moment)

    def span(self, name: str, default: int | None = None) -> int:
        """A duration in ms, above 0."""
        text = self.text(name)
        if not text and default is not None:
            return default
        found = _read(name, text, "a duration; write seconds or for example 5m", _duration)
        if found <= 0:
            raise wrong(name, "zero and negative durations are not accepted; write for example 15s")
        return found

    def limit(self) -> int:
        """How many at most; 0 for all."""
        text = self.text("limit")
        return _read("limit", text, "a number from 0", _whole) if text else 0

    def selectors(self) -> list[tuple[Matcher, ...]]:
        given = self.all("match[]")
        if len(given) > MOST_SELECTORS or sum(map(len, given)) > LONGEST_QUERY:
            raise wrong("match[]", f"more than {MOST_SELECTORS} selectors, or more than {LONGEST_QUERY:,} characters of them")
        return [selector(text) for text in given]


def wrong(name: str, what: str) -> ParseError:
    return ParseError(f'invalid parameter "{name}": {what}')


def _read(name: str, text: str, kind: str, read: Callable[[str], int]) -> int:
    try:
        return read(text)
    except (ValueError, OverflowError):
        raise wrong(name, f'"{text[:100]}" is not {kind}') from None


def _moment(text: str) -> int:
    if text in _ENDS:
        return _ENDS[text]
    try:
        found = float(text)
    except ValueError:
        found = _dated(text)
    if not abs(found) < FURTHEST / 1000:
        raise ValueError
    return round(found * 1000)


def _dated(text: str) -> float:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or text[10:11] not in ("T", "t"):
        raise ValueError
    return found.timestamp()


def _duration(text: str) -> int:
    try:
        seconds = float(text)
    except ValueError:
        return duration(text)
    if not math.isfinite(seconds) or abs(seconds) >= FURTHEST / 1000:
        raise ValueError
    return round(seconds * 1000)


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise ValueError
    return int(text)


def selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of a series selector such as up{job="node"}. Raises ParseError."""
    found = plan(text)
    if not isinstance(found, Selector) or found.when != When():
        raise wrong("match[]", f'"{text[:100]}" is not a series selector; write for example up{{job="node"}}')
    return found.matchers


def steps(start: int, end: int, step: int) -> None:
    """Refuses a range that ends before it begins or has too many points."""
    if end < start:
        raise wrong("end", "it lies before the start")
    if (end - start) // step > MOST_POINTS:
        raise ParseError(f"more than {MOST_POINTS:,} points for each series; take a longer step or a shorter range")


def limited(found: Sequence[str], limit: int) -> tuple[list[str], list[str]]:
    """What is kept, and the warning that something is not."""
    kept = list(found[:limit] if limit else found)
    return kept, [TRUNCATED] if len(kept) < len(found) else []


TRUNCATED = "results truncated due to limit"
