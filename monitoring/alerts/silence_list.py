"""Silences in a list and in a calendar: which hold, come, repeat or are over, and how much each hides now."""

import calendar
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from monitoring.alerts import silence_words, silences
from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.silences import Occurrence

MOST = 500  # silences that a calendar looks at
SHOWN_A_DAY = 4
COLUMNS = ("id", "suppressed_by")


@dataclass
class Row:
    silence: Silence
    now: Occurrence | None  # the window that holds
    next: Occurrence | None  # that holds or comes
    hides: int = 0  # firing alerts

    @property
    def state(self) -> str:
        return "active" if self.now else "coming" if self.next else "past"

    @property
    def words(self) -> str:
        return silence_words.words(self.silence)

    @property
    def ended(self) -> datetime:
        return self.silence.ended_at or self.silence.ends_at

    @property
    def icon(self) -> str:
        return "maint" if self.silence.kind == Silence.Kind.MAINTENANCE else "silence"

    @property
    def said(self) -> str:
        return text_of(self.silence.matchers)


def text_of(matchers: Iterable[Mapping[str, str]]) -> str:
    return ", ".join(f'{one["name"]}{one["op"]}"{one["value"]}"' for one in matchers)


def row_of(silence: Silence, now: datetime, hides: int = 0) -> Row:
    return Row(silence, silences.current(silence, now), silences.next_occurrence(silence, now), hides)


def quiet() -> QuerySet[Alert]:
    """What fires and is hidden."""
    return Alert.objects.filter(state=Alert.State.FIRING, suppressed=True)


def hidden() -> Counter[int]:
    """How many firing alerts each silence hides now, by its id. One statement."""
    found: Counter[int] = Counter()
    for told in quiet().values_list("suppressed_by", flat=True).iterator(chunk_size=2000):
        found.update({int(one["silence"]) for one in told})
    return found


def hidden_by(silence: Silence) -> list[Alert]:
    wanted = [pk for pk, told in quiet().values_list(*COLUMNS) if any(one["silence"] == silence.pk for one in told)]
    return list(Alert.objects.filter(pk__in=wanted[:MOST]).select_related("resource").defer("evidence").order_by("-fired_at", "id"))


def current(now: datetime, text: str = "") -> list[Row]:
    """All that hold or come: those that hold first, then by their next window."""
    counts = hidden()
    rows = [row_of(one, now, counts[one.pk]) for one in silences.possible(now)]
    words = text.lower().split()
    kept = [row for row in rows if row.next and all(word in searchable(row.silence) for word in words)]
    return sorted(kept, key=lambda row: (row.now is None, row.next.end if row.now and row.next else row.next and row.next.start))


def past(now: datetime, text: str = "") -> QuerySet[Silence]:
    over = Q(ended_at__lte=now) | (Q(rrule="") & Q(ends_at__lte=now))
    rows = Silence.objects.filter(over).select_related("created_by").order_by("-id")
    for word in text.split():
        rows = rows.filter(Q(reason__icontains=word) | Q(created_by__name__icontains=word))
    return rows


def searchable(silence: Silence) -> str:
    by = silence.created_by.name if silence.created_by else ""
    return f"{silence.reason} {text_of(silence.matchers)} {by} {silence.kind}".lower()


# -- calendar --------------------------------------------------------------------------------------------------------------
@dataclass
class Entry:
    row: Row
    start: datetime  # local
    end: datetime
    continues: bool = False  # it began before the day it stands in


@dataclass
class Day:
    date: date
    inside: bool  # of the month that is shown
    today: bool
    entries: list[Entry] = field(default_factory=list)

    @property
    def few(self) -> list[Entry]:
        return self.entries[:SHOWN_A_DAY]

    @property
    def rest(self) -> int:
        return max(0, len(self.entries) - SHOWN_A_DAY)


@dataclass
class Calendar:
    title: str
    weeks: list[list[Day]]
    earlier: str
    later: str
    cut: bool = False

    @property
    def count(self) -> int:
        return len({entry.row.silence.pk for week in self.weeks for day in week for entry in day.entries})


def month(at: date, zone: ZoneInfo, now: datetime) -> Calendar:
    days = calendar.Calendar().monthdatescalendar(at.year, at.month)
    weeks = [[Day(one, one.month == at.month, one == now.astimezone(zone).date()) for one in week] for week in days]
    earlier, later = at.replace(day=1) - timedelta(days=1), at.replace(day=28) + timedelta(days=4)
    return _filled(Calendar(f"{at:%B %Y}", weeks, f"{earlier:%Y-%m}", f"{later:%Y-%m}"), zone, now)


def week(at: date, zone: ZoneInfo, now: datetime) -> Calendar:
    monday = at - timedelta(days=at.weekday())
    days = [monday + timedelta(days=one) for one in range(7)]
    row = [Day(one, True, one == now.astimezone(zone).date()) for one in days]
    title = f"{days[0]:%-d %b} – {days[-1]:%-d %b %Y}"
    return _filled(Calendar(title, [row], f"{monday - timedelta(days=7)}", f"{monday + timedelta(days=7)}"), zone, now)


def _filled(found: Calendar, zone: ZoneInfo, now: datetime) -> Calendar:
    days = {day.date: day for one in found.weeks for day in one}
    start, end = _midnight(min(days), zone), _midnight(max(days) + timedelta(days=1), zone)
    rows = _touching(start, end)
    found.cut = len(rows) > MOST
    for silence in rows[:MOST]:
        row = row_of(silence, now)
        for window in silences.occurrences(silence, start, end):
            _put(days, Entry(row, window.start.astimezone(zone), window.end.astimezone(zone)), zone)
    for day in days.values():
        day.entries.sort(key=lambda entry: (entry.start, entry.row.silence.pk))
    return found


def _put(days: Mapping[date, Day], entry: Entry, zone: ZoneInfo) -> None:
    """Into every day it touches, cut at midnight."""
    one = max(entry.start.date(), min(days))
    while one <= min((entry.end - timedelta(microseconds=1)).date(), max(days)):
        begin, after = _midnight(one, zone).astimezone(zone), _midnight(one + timedelta(days=1), zone).astimezone(zone)
        days[one].entries.append(Entry(entry.row, max(entry.start, begin), min(entry.end, after), entry.start < begin))
        one += timedelta(days=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _touching(start: datetime, end: datetime) -> list[Silence]:
    wanted = Q(starts_at__lt=end) & (Q(ends_at__gt=start) | ~Q(rrule="")) & (Q(ended_at=None) | Q(ended_at__gt=start))
    return list(Silence.objects.filter(wanted).select_related("created_by").order_by("starts_at", "id")[: MOST + 1])
