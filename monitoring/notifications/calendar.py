"""Four weeks of an on-call schedule, day by day, by one reader's clock."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import User
from monitoring.notifications import schedule as on_call
from monitoring.notifications.models import Schedule

WEEKS = 4


@dataclass(frozen=True)
class Entry:
    """Part of a span that falls on one day."""

    start: datetime
    end: datetime
    name: str  # empty: nobody
    why: str
    number: int  # tells people apart: 1 to 8
    all_day: bool

    @property
    def overridden(self) -> bool:
        return self.why.startswith("override")


@dataclass
class Day:
    date: date
    today: bool
    entries: list[Entry] = field(default_factory=list)

    @property
    def gap(self) -> bool:
        return any(not one.name for one in self.entries)


@dataclass
class Calendar:
    schedule: Schedule
    weeks: list[list[Day]]
    now: on_call.OnCall
    gaps: list[on_call.Span]
    start: date

    @property
    def earlier(self) -> date:
        return self.start - timedelta(weeks=WEEKS)

    @property
    def later(self) -> date:
        return self.start + timedelta(weeks=WEEKS)

    @property
    def last(self) -> date:
        return self.later - timedelta(days=1)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def calendar(schedule: Schedule, start: date, zone: ZoneInfo, now: datetime) -> Calendar:
    begin = _midnight(start, zone)
    end = _midnight(start + timedelta(weeks=WEEKS), zone)
    spans = on_call.spans(schedule, begin, end)
    names = dict(User.objects.filter(pk__in={span.user for span in spans if span.user}).values_list("pk", "name"))
    numbers = {pk: place % 8 + 1 for place, pk in enumerate(sorted(names))}
    today = now.astimezone(zone).date()
    days = [Day(day, day == today) for day in (start + timedelta(days=number) for number in range(7 * WEEKS))]
    for one in days:
        low, high = _midnight(one.date, zone), _midnight(one.date + timedelta(days=1), zone)
        for span in spans:
            if span.start < high and span.end > low:
                first, last = max(span.start, low), min(span.end, high)
                name, number = names.get(span.user or 0, ""), numbers.get(span.user or 0, 0)
                one.entries.append(
                    Entry(first.astimezone(zone), last.astimezone(zone), name, span.why, number, first == low and last == high)
                )
    gaps = [span for span in spans if span.user is None and span.end > now]
    weeks = [days[place : place + 7] for place in range(0, len(days), 7)]
    return Calendar(schedule, weeks, on_call.now_and_next(schedule, now), gaps, start)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)
