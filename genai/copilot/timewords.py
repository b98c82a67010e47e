"""The time that a question speaks of: "yesterday", "in the last 2 hours", "since 14:00", "between 9:00 and 10:30", "this month"."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

UNITS = {"m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800}
UNIT = r"(m|min|minute|h|hour|d|day|w|week)s?\b"
CLOCK = r"(\d{1,2})(?::(\d{2}))?\s*(am|pm)?"
DAY = timedelta(days=1)
LONGEST = timedelta(days=400)


class Span(NamedTuple):
    start: datetime
    end: datetime

    def arguments(self) -> dict[str, str]:
        """As tools take them."""
        return {"start": self.start.isoformat(timespec="seconds"), "end": self.end.isoformat(timespec="seconds")}


Read = Callable[[re.Match[str], datetime], Span]


def span(text: str, now: datetime) -> Span | None:
    """The first time the text names; `now` is in the asker's zone, and so are days and clocks. None where it names none, or one that
    cannot be."""
    for pattern, read in _READERS:
        if found := pattern.search(text):
            try:
                made = read(found, now)
            except (ValueError, OverflowError):  # 25:00, a million weeks
                return None
            start, end = max(made.start, now - LONGEST), min(made.end, now)
            return Span(start, end) if start < end else None
    return None


def _midnight(now: datetime, days_back: int = 0) -> datetime:
    return (now - days_back * DAY).replace(hour=0, minute=0, second=0, microsecond=0)


def _days(text: str) -> int:
    return 1 if "yesterday" in text.lower() else 0


def _at(now: datetime, text: str, hour: str, minute: str | None, half: str | None) -> datetime:
    hours = int(hour) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour)
    return _midnight(now, _days(text)).replace(hour=hours, minute=int(minute or 0))


def _between(found: re.Match[str], now: datetime) -> Span:
    text = found.string
    return Span(_at(now, text, found[1], found[2], found[3]), _at(now, text, found[4], found[5], found[6]))


def _last(found: re.Match[str], now: datetime) -> Span:
    return Span(now - timedelta(seconds=int(found[1] or 1) * UNITS[found[2].lower()]), now)


def _since(found: re.Match[str], now: datetime) -> Span:
    at = _at(now, found.string, found[1], found[2], found[3])
    return Span(at if at < now else at - DAY, now)


def _around(found: re.Match[str], now: datetime) -> Span:
    at = _at(now, found.string, found[1], found[2], found[3])
    at = at if at < now else at - DAY
    return Span(at - timedelta(minutes=30), at + timedelta(minutes=30))


def _night(found: re.Match[str], now: datetime) -> Span:
    return Span(_midnight(now, 1).replace(hour=22), _midnight(now).replace(hour=6))


def _week(found: re.Match[str], now: datetime) -> Span:
    monday = _midnight(now, now.weekday())
    return Span(monday - 7 * DAY, monday) if found[1].lower() == "last" else Span(monday, now)


def _month(found: re.Match[str], now: datetime) -> Span:
    first = _midnight(now).replace(day=1)
    return Span((first - DAY).replace(day=1), first) if found[1].lower() == "last" else Span(first, now)


_READERS: list[tuple[re.Pattern[str], Read]] = [
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        (rf"\b(?:between|from)\s+{CLOCK}\s+(?:and|to|until)\s+{CLOCK}", _between),
        (rf"\b(?:last|past|previous)\s+(\d{{1,4}})\s*{UNIT}", _last),
        (r"\b(?:last|past|previous)\s+()(m|min|minute|h|hour|d|day)\b", _last),
        (rf"\bsince\s+(\d{{1,4}})\s*{UNIT}\s+ago", _last),
        (rf"\b(\d{{1,4}})\s*{UNIT}\s+ago", _last),
        (r"\bsince\s+(?:yesterday\s+)?(?:at\s+)?(\d{1,2})(?::(\d{2})|(?=\s*[ap]m))\s*(am|pm)?", _since),
        (r"\b(?:at|around|about)\s+(\d{1,2})(?::(\d{2})|(?=\s*[ap]m))\s*(am|pm)?", _around),
        (r"\b(?:last night|overnight|tonight)\b", _night),
        (r"\bsince yesterday\b", lambda found, now: Span(_midnight(now, 1), now)),
        (r"\byesterday\b", lambda found, now: Span(_midnight(now, 1), _midnight(now))),
        (r"\b(?:today|this morning|this afternoon|this evening)\b", lambda found, now: Span(_midnight(now), now)),
        (r"\b(this|last) week\b", _week),
        (r"\b(this|last) month\b", _month),
    )
]

AHEAD = re.compile(
    r"\b(?:in|within|next|coming|over)\s+(?:the\s+)?(?:(?:next|coming)\s+)?(?:(\d{1,3})\s*)?(day|week|month)s?\b", re.IGNORECASE
)
DAYS = {"day": 1, "week": 7, "month": 30}


def ahead(text: str) -> dict[str, str | int]:
    """How far a question looks ahead, as the tool forecasts takes it; empty where it does not say."""
    low = text.lower()
    for by in ("week", "month"):
        if f"this {by}" in low or f"end of the {by}" in low:
            return {"by": by}
    if found := AHEAD.search(text):
        return {"days": min(365, int(found[1] or 1) * DAYS[found[2].lower()])}
    return {"days": 2} if "tomorrow" in low else {"days": 1} if "today" in low else {}
