"""Silences and maintenance windows: when they hold and what they match. They lie over alerts and never change their state."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from django.db.models import Q, QuerySet
from django.utils import timezone

from monitoring.alerts.models import Alert, Silence
from monitoring.query.source import Matcher, accepts

TOMORROW_HOUR = 9
COLUMNS = {"alertname": "name", "severity": "severity", "source": "source"}  # of an alert, by the labels that matchers see
Labels = Mapping[str, str]


class Occurrence(NamedTuple):
    start: datetime
    end: datetime


class Active(NamedTuple):
    silence: Silence
    until: datetime
    accepts: Callable[[Labels], bool]

    def told(self) -> dict[str, Any]:
        """As an alert's suppressed_by holds it."""
        one = self.silence
        by = one.created_by.name if one.created_by else "system"
        return {"silence": one.pk, "kind": one.kind, "reason": one.reason, "by": by, "until": self.until.isoformat()}


class Preview(NamedTuple):
    firing: int  # alerts that would be hidden now
    suppressed: int  # of these, hidden already by another
    alert_ids: list[int]


# -- when ------------------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=500)
def _rule(text: str, start: datetime) -> Any:
    """Occurrences in local time without a zone: a window at 02:00 stays at 02:00 when the clocks change."""
    return rrulestr(text, dtstart=start, ignoretz=True, cache=True)


def _local(silence: Silence, when: datetime) -> datetime:
    return when.astimezone(ZoneInfo(silence.time_zone)).replace(tzinfo=None)


def _occurrence(silence: Silence, local: datetime) -> Occurrence:
    start = local.replace(tzinfo=ZoneInfo(silence.time_zone)).astimezone(UTC)
    end = start + silence.duration
    return Occurrence(start, min(end, silence.ended_at) if silence.ended_at else end)


def current(silence: Silence, now: datetime) -> Occurrence | None:
    """The window that holds now."""
    if silence.ended_at and silence.ended_at <= now:
        return None
    if not silence.rrule:
        return Occurrence(silence.starts_at, silence.ends_at) if silence.starts_at <= now < silence.ends_at else None
    local = _rule(silence.rrule, _local(silence, silence.starts_at)).before(_local(silence, now), inc=True)
    found = _occurrence(silence, local) if local else None
    return found if found and found.start <= now < found.end else None


def occurrences(silence: Silence, start: datetime, end: datetime, most: int = 500) -> list[Occurrence]:
    """Windows that touch [start, end), in order."""
    if not silence.rrule:
        windows: Iterable[Occurrence] = [Occurrence(silence.starts_at, min(silence.ends_at, silence.ended_at or silence.ends_at))]
    else:
        since = _local(silence, start - silence.duration - timedelta(hours=1))
        rule = _rule(silence.rrule, _local(silence, silence.starts_at))
        windows = (_occurrence(silence, local) for local in rule.xafter(since, count=most, inc=True))
    found: list[Occurrence] = []
    for window in windows:
        if window.start >= end or len(found) >= most:
            break
        if window.end > start and window.end > window.start:
            found.append(window)
    return found


def next_occurrence(silence: Silence, now: datetime) -> Occurrence | None:
    """The window that holds now or comes next."""
    found = occurrences(silence, now, now + timedelta(days=800), most=3)
    return found[0] if found else None


def until(preset: str, now: datetime, time_zone: str = "UTC") -> datetime:
    """When a preset ends: 1h, 4h or tomorrow (09:00 where the person is). ValueError for another."""
    if preset in ("1h", "4h"):
        return now + timedelta(hours=int(preset[0]))
    if preset != "tomorrow":
        raise ValueError(f"{preset[:20]!r} is not a preset; there are 1h, 4h and tomorrow")
    local = now.astimezone(ZoneInfo(time_zone)) + timedelta(days=1)
    return local.replace(hour=TOMORROW_HOUR, minute=0, second=0, microsecond=0).astimezone(UTC)


# -- what ------------------------------------------------------------------------------------------------------------------
def matchers_of(silence: Silence) -> list[Matcher]:
    return [Matcher(one["name"], one["op"], one["value"]) for one in silence.matchers]


def subject(alert: Alert) -> dict[str, str]:
    """The labels that matchers see of an alert."""
    return {**alert.labels, "alertname": alert.name, "severity": alert.severity, "source": alert.source}


def possible(now: datetime) -> QuerySet[Silence]:
    """Those that hold now or may hold later."""
    going_on = Q(ended_at=None) | Q(ended_at__gt=now)
    return Silence.objects.filter(going_on, Q(ends_at__gt=now) | ~Q(rrule="")).select_related("created_by")


def active(now: datetime | None = None) -> list[Active]:
    now = now or timezone.now()
    found = []
    for silence in possible(now).filter(starts_at__lte=now).order_by("id"):
        window = current(silence, now)
        if window:
            found.append(Active(silence, window.end, accepts(matchers_of(silence))))
    return found


def matching(labels: Labels, now: datetime | None = None) -> list[Active]:
    """What keeps an alert with these labels quiet."""
    return [one for one in active(now) if one.accepts(labels)]


def preview(matchers: Sequence[Matcher]) -> Preview:
    """What a silence with these matchers would hide now. Raises ParseError for a regex that cannot be."""
    fits = accepts(matchers)
    narrowed = {COLUMNS[one.name]: one.value for one in matchers if one.op == "=" and one.name in COLUMNS}  # of thousands, few are read
    rows = Alert.objects.filter(state=Alert.State.FIRING, **narrowed).only("id", "labels", "name", "severity", "source", "suppressed")
    found = [alert for alert in rows.iterator(chunk_size=2000) if fits(subject(alert))]
    return Preview(len(found), sum(alert.suppressed for alert in found), [alert.pk for alert in found])


def quieten(alerts: Iterable[Alert], now: datetime) -> Iterator[tuple[Alert, str, str]]:
    """Sets what suppresses each alert now; yields (alert, before, after) of those where that is another set of silences."""
    holding = [(one, one.told()) for one in active(now)]
    for alert in alerts:
        labels = subject(alert) if holding else {}
        after = [told for one, told in holding if one.accepts(labels)]
        before = alert.suppressed_by
        alert.suppressed_by, alert.suppressed = after, bool(after)
        if _names(before) != _names(after):
            yield alert, _names(before), _names(after)


def _names(told: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['kind']} {one['silence']}" for one in told)


def reason_of(alert: Alert) -> str:
    """Of what suppresses it now; empty where nothing does."""
    return "; ".join(f"{one['reason']} ({one['by']}, until {one['until'][:16]})" for one in alert.suppressed_by)
