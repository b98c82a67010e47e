"""What can be wrong with a route, a step, a layer before it is stored: one sentence each, with its field."""

import re
import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from dateutil.rrule import rrulestr
from django.core.exceptions import ValidationError

from monitoring.query.errors import QueryError
from monitoring.query.source import Matcher, accepts

NAMED = 1000  # alert ids that a message keeps
LONGEST = 86_400 * 30  # seconds
MOST_GROUP_BY, MOST_PARTICIPANTS, MOST_MATCHERS = 20, 100, 20
OPERATORS = ("=", "!=", "=~", "!~")
LONGEST_OVERRIDE = timedelta(days=366)
EARLIEST, LATEST = 2000, 2100  # years of shifts
_TOO_OFTEN = re.compile(r"FREQ=(SECONDLY|MINUTELY|HOURLY)", re.IGNORECASE)
EACH = "..."  # group_by: each alert by itself
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
Fault = tuple[str, str]  # field, sentence


def refuse(faults: Iterable[Fault]) -> None:
    """Raises ValidationError with the first fault of each field."""
    found: dict[str, str] = {}
    for field, message in faults:
        found.setdefault(field, message)
    if found:
        raise ValidationError(found)


def hours(row: Any, prefix: str) -> Iterator[Fault]:
    start, end, days = (getattr(row, f"{prefix}_{part}") for part in ("from", "to", "days"))
    if (start is None) != (end is None):
        yield f"{prefix}_to" if end is None else f"{prefix}_from", "Hours have a beginning and an end."
    elif start is not None and start == end:
        yield f"{prefix}_to", "Hours that end when they begin are the whole day: leave them empty and choose days."
    if not isinstance(days, list) or any(type(day) is not int or not 0 <= day <= 6 for day in days):
        yield f"{prefix}_days", "Days are a list of numbers from 0 (Monday) to 6 (Sunday)."


def route(row: Any) -> Iterator[Fault]:
    yield from matchers(row.matchers)
    yield from _group_by(row.group_by)
    for field in ("group_wait", "group_interval", "repeat_interval"):
        if not 0 <= (getattr(row, field) or 0) <= LONGEST:
            yield field, "From 0 seconds to 30 days."


def matchers(given: Any) -> Iterator[Fault]:
    """None at all take every alert."""
    if not isinstance(given, list) or len(given) > MOST_MATCHERS or any(not isinstance(one, dict) for one in given):
        yield "matchers", f"A list of at most {MOST_MATCHERS} matchers."
        return
    for one in given:
        name, op, value = one.get("name"), one.get("op", "="), one.get("value")
        if not isinstance(name, str) or not LABEL.fullmatch(name) or op not in OPERATORS:
            yield "matchers", "A matcher has a label's name, one of = != =~ !~, and a value."
            return
        if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
            yield "matchers", f"{name}: a value of at most 1,000 characters."
            return
    try:
        accepts([Matcher(one["name"], one.get("op", "="), one["value"]) for one in given])
    except QueryError as fault:
        yield "matchers", fault.message


def _group_by(given: Any) -> Iterator[Fault]:
    if not isinstance(given, list) or len(given) > MOST_GROUP_BY or any(not isinstance(name, str) for name in given):
        yield "group_by", f"A list of at most {MOST_GROUP_BY} labels."
    elif EACH in given and len(given) > 1:
        yield "group_by", f"{EACH} stands for each alert by itself, so no label goes with it."
    elif wrong := next((name for name in given if name != EACH and not LABEL.fullmatch(name)), None):
        yield "group_by", f"{wrong[:40]} cannot be the name of a label."


def step(row: Any) -> Iterator[Fault]:
    if getattr(row, "role" if row.target == "role" else f"{row.target}_id", None) in (None, ""):
        yield row.target if row.target in ("user", "role", "schedule", "channel") else "target", "Say which."
    if not 0 <= (row.wait or 0) <= LONGEST:
        yield "wait", "From 0 seconds to 30 days."


def layer(row: Any) -> Iterator[Fault]:
    people = row.participants
    if not isinstance(people, list) or not people or any(type(one) is not int for one in people):
        yield "participants", "Name at least one person."
    elif len(people) > MOST_PARTICIPANTS:
        yield "participants", f"At most {MOST_PARTICIPANTS} turns."
    if not row.rrule and not 1 <= (row.shift_hours or 0) <= 24 * 366:
        yield "shift_hours", "A shift lasts from one hour to a year."
    if row.rrule:
        yield from _rrule(row.rrule)
    yield from _times(row)


def _times(row: Any) -> Iterator[Fault]:
    for field in ("starts_at", "ends_at"):
        at = getattr(row, field)
        if at and not EARLIEST <= at.year < LATEST:
            yield field, f"Between {EARLIEST} and {LATEST}."
    if row.ends_at and row.starts_at and row.ends_at <= row.starts_at:
        yield "ends_at", "It ends after it begins."


def _rrule(text: str) -> Iterator[Fault]:
    if len(text) > 500 or "DTSTART" in text.upper() or "\n" in text or _TOO_OFTEN.search(text):
        yield "rrule", "One line such as FREQ=WEEKLY;BYDAY=MO, at most once a day, without DTSTART."
        return
    try:
        if next(iter(rrulestr(text, dtstart=datetime(2026, 1, 1, 9), ignoretz=True)), None) is None:
            yield "rrule", "It never occurs."
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as fault:
        yield "rrule", f"The rule cannot be read: {str(fault)[:80]}; write for example FREQ=WEEKLY;BYDAY=MO."


def override(row: Any) -> Iterator[Fault]:
    yield from _times(row)
    if row.starts_at and row.ends_at and row.ends_at - row.starts_at > LONGEST_OVERRIDE:
        yield "ends_at", "At most a year."


def known_zone(name: str) -> bool:
    return name in zoneinfo.available_timezones()
