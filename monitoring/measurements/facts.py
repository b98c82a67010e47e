"""What a fact is: a measured value of one metric of one VM at one time."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from django.conf import settings

from monitoring.store.batch import Ids, Times, Values
from monitoring.store.windows import DAY

LONGEST_NAME = 255
_AS_MS = 100_000_000_000  # a number of seconds is smaller (until the year 5138), a number of milliseconds larger (since 1973)


class Pair(NamedTuple):
    """What a series of facts belongs to."""

    vm: str
    metric: str


class Fact(NamedTuple):
    vm: str
    t: int  # ms UTC
    metric: str
    value: float

    @property
    def pair(self) -> Pair:
        return Pair(self.vm, self.metric)


class Refused(ValueError):
    """A fact that cannot be kept: the field, one sentence that says why, and the reason as imports count it."""

    def __init__(self, field: str, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.field, self.sentence, self.reason = field, sentence, reason or sentence


@dataclass(frozen=True, eq=False)
class Columns:
    """Facts as columns; index[i] is the position in pairs of fact i."""

    pairs: list[Pair]
    index: Ids
    t: Times
    v: Values

    def __len__(self) -> int:
        return len(self.t)

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "Columns":
        at: dict[Pair, int] = {}
        rows = [(at.setdefault(fact.pair, len(at)), fact.t, fact.value) for fact in facts]
        index, t, v = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(list(at), np.array(index, np.int32), np.array(t, np.int64), np.array(v, np.float64))

    def where(self, keep: np.ndarray) -> "Columns":
        return Columns(self.pairs, self.index[keep], self.t[keep], self.v[keep])


def oldest(now: int) -> int:
    """ms; what is older is not kept."""
    return now - int(settings.FACTS_RETENTION_DAYS * DAY)


def name(field: str, text: str) -> str:
    """A VM's or a metric's name without the white space around it. Raises Refused."""
    found = text.strip()
    if not found:
        raise Refused(field, f"{field} is empty; give a name.", f"empty {field}")
    if len(found) > LONGEST_NAME:
        raise Refused(field, f"{field} is longer than {LONGEST_NAME} characters.", f"{field} too long")
    if "\0" in found or not _has_utf8(found):
        raise Refused(field, f"{field} contains a character that cannot be kept.", f"impossible character in {field}")
    return found


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def moment(field: str, text: str) -> int:
    """ms of an ISO 8601 time; one without a zone is UTC. Raises Refused."""
    try:
        found = datetime.fromisoformat(text.strip())
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return math.floor(found.timestamp() * 1000 + 1e-3)
    except (ValueError, OverflowError):
        raise Refused(field, f"{field} is not a time: {text[:40]!r}; write for example 2026-11-20T14:30:00Z.", "not a time") from None


def epoch(field: str, number: float) -> int:
    """ms of a number of seconds or milliseconds since 1970. Raises Refused."""
    if not abs(number) < 1e15:
        raise Refused(field, f"{field} is not a time: {number!r:.40}.", "not a time")
    return int(number) if abs(number) >= _AS_MS else round(number * 1000)


def timely(t: int, now: int) -> int:
    """Raises Refused for a time that lies ahead or beyond what is kept."""
    if t > now:
        raise Refused("timestamp", "timestamp lies in the future.", "in the future")
    if t < oldest(now):
        raise Refused("timestamp", f"timestamp is older than the {settings.FACTS_RETENTION_DAYS:g} days facts are kept.", "too old")
    return t


def value(number: float) -> float:
    """Raises Refused outside FACTS_VALUE_RANGE."""
    low, high = settings.FACTS_VALUE_RANGE
    if not low <= number <= high:
        raise Refused("value", f"value is {number:g}; it must lie between {low:g} and {high:g}.", "value out of range")
    return float(number)


def fact_id(sid: int, t: int) -> str:
    """Stable: a series keeps its id, and has one fact at a time."""
    return f"{sid}-{t}"


def parse_id(text: str) -> tuple[int, int] | None:
    """(series, ms) of an id, None for what is none."""
    sid, _, t = text.partition("-")
    if not (sid.isascii() and sid.isdecimal() and t.isascii() and t.isdecimal()) or len(sid) > 10 or len(t) > 15:
        return None
    return (int(sid), int(t)) if int(sid) < 1 << 31 else None
