"""Recurrences between a form's fields, RRULE text and words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from monitoring.alerts.models import Silence

DAYS = {"MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday", "SA": "Saturday", "SU": "Sunday"}
REPEATS = {"": "Does not repeat", "daily": "Daily", "weekly": "Weekly", "monthly": "Monthly", "custom": "By an RRULE"}
FREQUENCIES = {"daily": ("DAILY", "day"), "weekly": ("WEEKLY", "week"), "monthly": ("MONTHLY", "month")}
MONTHLY = {"day": "the same day of the month", "weekday": "the same weekday of the month"}
NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
MOST_EVERY = 99


@dataclass
class Recurrence:
    """As a person builds it; `custom` is an RRULE that only its text says."""

    repeat: str = ""
    every: int = 1
    days: list[str] = field(default_factory=list)  # of weekly: MO, TU …
    monthly: str = "day"
    until: date | None = None  # the last day
    custom: str = ""

    def rrule(self, start: datetime) -> str:
        """`start` is the first window's beginning by the clock of its time zone."""
        if self.repeat == "custom":
            return self.custom
        if self.repeat not in FREQUENCIES:
            return ""
        parts = [f"FREQ={FREQUENCIES[self.repeat][0]}"]
        if self.every > 1:
            parts.append(f"INTERVAL={self.every}")
        if self.repeat == "weekly":
            parts.append(f"BYDAY={','.join(self.days or [list(DAYS)[start.weekday()]])}")
        if self.repeat == "monthly":
            parts.append(_nth(start) if self.monthly == "weekday" else f"BYMONTHDAY={start.day}")
        if self.until:
            parts.append(f"UNTIL={self.until:%Y%m%d}T235959")
        return ";".join(parts)


def _nth(start: datetime) -> str:
    """The last one where there is no fifth in every month."""
    place = (start.day - 1) // 7 + 1
    return f"BYDAY={place if place < 5 else -1}{list(DAYS)[start.weekday()]}"


def read(text: str) -> Recurrence:
    """The form's fields of an RRULE; one that has more in it is custom."""
    if not text:
        return Recurrence()
    parts = dict(part.partition("=")[::2] for part in text.upper().removeprefix("RRULE:").split(";") if part)
    custom = Recurrence("custom", custom=text)
    names = {freq: name for name, (freq, _) in FREQUENCIES.items()}
    repeat, every = names.get(parts.pop("FREQ", "")), parts.pop("INTERVAL", "1")
    last = parts.pop("UNTIL", "")
    until = _day(last)
    if repeat is None or not every.isdecimal() or not 0 < int(every) <= MOST_EVERY or (last and until is None):
        return custom
    found = Recurrence(repeat, int(every), until=until)
    days = parts.pop("BYDAY", "")
    if repeat == "weekly" and all(day in DAYS for day in days.split(",")):
        found.days = days.split(",")
    elif repeat == "monthly" and (days[-2:] in DAYS and days[:-2] in map(str, NTH)):
        found.monthly = "weekday"
    elif repeat == "monthly" and parts.pop("BYMONTHDAY", "").isdecimal():
        found.monthly = "day"
    elif days or repeat != "daily":
        return custom
    return custom if parts else found


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()
    except ValueError:
        return None


def words(silence: Silence) -> str:
    """When it holds: "every Sunday, 02:00 for 2 h, Europe/Berlin"."""
    if not silence.rrule:
        return ""
    found, start = read(silence.rrule), silence.starts_at.astimezone(ZoneInfo(silence.time_zone))
    if found.repeat == "custom":
        return f"{silence.rrule}, {start:%H:%M}, {silence.time_zone}"
    last = f", until {found.until:%-d %b %Y}" if found.until else ""
    return f"{_rhythm(found, start)}, {start:%H:%M}, {silence.time_zone}{last}"


def _rhythm(found: Recurrence, start: datetime) -> str:
    unit = FREQUENCIES[found.repeat][1]
    base = f"every {unit}" if found.every == 1 else f"every {found.every} {unit}s"
    if found.repeat == "weekly":
        named = _list([DAYS[day] for day in found.days])
        return f"every {named}" if found.every == 1 else f"{base} on {named}"
    if found.repeat == "monthly":
        place = (start.day - 1) // 7 + 1
        weekday = f"{NTH[place if place < 5 else -1]} {start:%A}"
        return f"{base} on the {weekday}" if found.monthly == "weekday" else f"{base} on day {start.day}"
    return base


def _list(names: Sequence[str]) -> str:
    if len(names) == 7:
        return "day"
    if list(names) == list(DAYS.values())[:5]:
        return "weekday"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
