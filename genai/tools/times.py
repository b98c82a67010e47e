"""Times as people and models write them: ISO, how long ago, "yesterday 14:00". Without a zone they are the asker's own."""

import re
import zoneinfo
from datetime import UTC, datetime, timedelta, tzinfo

from django.utils.dateparse import parse_date, parse_datetime

from genai.tools.base import Context, Json, ToolError

UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800}
AGO = re.compile(r"(?:now\s*)?-?\s*(\d{1,6})\s*(s|sec|m|min|h|hour|d|day|w|week)s?(?:\s+ago)?", re.IGNORECASE)
DAY = re.compile(r"(today|yesterday)(?:\s+(?:at\s+)?(\d{1,2})(?::(\d{2}))?)?", re.IGNORECASE)
CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
LONGEST = timedelta(days=400)
USUAL = timedelta(hours=1)


def window(given: Json, context: Context, usual: timedelta = USUAL) -> tuple[datetime, datetime]:
    """From `start` to `end` of the arguments; else the page's; else the `usual` time up to now. Raises ToolError."""
    end = moment(given["end"], context) if given.get("end") else None
    start = moment(given["start"], context) if given.get("start") else None
    if start is None and end is None and context.start and context.end:
        return context.start, min(context.end, context.now) if context.start < context.now else context.end
    end = min(end or context.now, context.now)
    start = start or end - usual
    if start >= end:
        raise ToolError("The time is empty: start must lie before end, and not in the future.")
    if end - start > LONGEST:
        raise ToolError("The time is longer than 400 days; choose a shorter one.")
    return start, end


def moment(text: str, context: Context) -> datetime:
    """Raises ToolError with what to write instead."""
    written, zone = text.strip(), zone_of(context)
    if written.lower() == "now":
        return context.now
    try:
        found = _ago(written, context) or _day(written, context, zone) or _absolute(written, zone)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise ToolError(f"{text[:40]!r} is no time; write for example 2026-11-20T14:30, 6h, 2d or yesterday 14:00.")
    return found


def zone_of(context: Context) -> tzinfo:
    name = getattr(getattr(context.actor, "user", context.actor), "time_zone", "UTC")
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC


def _ago(text: str, context: Context) -> datetime | None:
    found = AGO.fullmatch(text)
    return context.now - timedelta(seconds=int(found[1]) * UNITS[found[2].lower()]) if found else None


def _day(text: str, context: Context, zone: tzinfo) -> datetime | None:
    today = context.now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if found := DAY.fullmatch(text):
        midnight = today - timedelta(days=found[1].lower() == "yesterday")
        return midnight.replace(hour=int(found[2] or 0), minute=int(found[3] or 0))
    if found := CLOCK.fullmatch(text):
        at = today.replace(hour=int(found[1]), minute=int(found[2]))
        return at if at <= context.now else at - timedelta(days=1)
    return None


def _absolute(text: str, zone: tzinfo) -> datetime | None:
    if text.isdecimal() and 9 <= len(text) <= 13:  # since 1970: seconds, or milliseconds
        return datetime.fromtimestamp(int(text) / (1000 if len(text) > 10 else 1), UTC)
    if found := parse_datetime(text.removesuffix(" UTC") + ("+00:00" if text.endswith(" UTC") else "")):
        return found if found.tzinfo else found.replace(tzinfo=zone)
    day = parse_date(text)
    return datetime(day.year, day.month, day.day, tzinfo=zone) if day else None
