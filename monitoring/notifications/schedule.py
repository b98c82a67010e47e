"""Who is on call: layers laid over each other, overrides on top, what is left open. Shifts keep to the schedule's clock, so a hand-over
at 09:00 stays at 09:00 when the clocks change."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from accounts.models import User
from monitoring.notifications.hours import Hours
from monitoring.notifications.models import Schedule, ScheduleLayer, ScheduleOverride

AHEAD = timedelta(days=60)  # how far the next hand-over and gaps are looked for
MOST_SHIFTS = 100_000


class Span(NamedTuple):
    """One person is on call, or nobody (user None: a gap)."""

    start: datetime
    end: datetime
    user: int | None
    why: str = ""  # the layer, or the override


class OnCall(NamedTuple):
    user: User | None
    since: datetime
    until: datetime
    why: str
    next_user: User | None


# -- one layer -------------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=200)
def _rule(text: str, start: datetime) -> Any:
    return rrulestr(text, dtstart=start, ignoretz=True, cache=True)


def _shifts(layer: ScheduleLayer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[int, datetime, datetime]]:
    """(number from 0, beginning, end) of the shifts that touch [start, end), in UTC. Computed by the clock, without a zone."""
    origin = layer.starts_at.astimezone(zone).replace(tzinfo=None)
    low, high = (when.astimezone(zone).replace(tzinfo=None) for when in (start, end))
    turns = _repeated(layer, origin, low, high) if layer.rrule else _steady(layer, origin, low, high)
    for number, begin, over in turns:
        yield number, begin.replace(tzinfo=zone).astimezone(UTC), over.replace(tzinfo=zone).astimezone(UTC)


def _steady(layer: ScheduleLayer, origin: datetime, low: datetime, high: datetime) -> Iterator[tuple[int, datetime, datetime]]:
    length = timedelta(hours=max(layer.shift_hours, 1))
    number = max(0, (low - origin) // length - 1)
    while (begin := origin + number * length) < high + length:
        yield number, begin, begin + length
        number += 1


def _repeated(layer: ScheduleLayer, origin: datetime, low: datetime, high: datetime) -> Iterator[tuple[int, datetime, datetime]]:
    length = timedelta(hours=layer.shift_hours) if layer.shift_hours else None
    reach = max(length or timedelta(days=366), timedelta(days=1))
    before: tuple[int, datetime] | None = None
    for number, begin in enumerate(_rule(layer.rrule, origin).xafter(origin, count=MOST_SHIFTS, inc=True)):
        if before and before[1] + reach > low:
            yield before[0], before[1], min(before[1] + length, begin) if length else begin
        if begin >= high:
            return
        before = (number, begin)
    if before:
        yield before[0], before[1], before[1] + (length or timedelta(days=366))


def layer_spans(layer: ScheduleLayer, zone_name: str, start: datetime, end: datetime) -> list[Span]:
    """Who of this layer is on call within [start, end)."""
    people, hours = layer.participants, Hours.of(layer, "active", zone_name)
    start = max(start, layer.starts_at)
    end = min(end, layer.ends_at) if layer.ends_at else end
    if not people or start >= end:
        return []
    found = []
    for number, begin, over in _shifts(layer, ZoneInfo(zone_name), start, end):
        begin, over = max(begin, start), min(over, end)
        if begin < over:
            found += [Span(one, other, people[number % len(people)], str(layer)) for one, other in hours.spans(begin, over)]
    return found


# -- the whole -------------------------------------------------------------------------------------------------------------
def _laid_over(below: Iterable[Span], above: Sequence[Span]) -> list[Span]:
    """`above` hides what lies below it. Spans of `above` do not overlap each other."""
    left: list[Span] = []
    for span in below:
        rest = [span]
        for one in above:
            rest = [part for piece in rest for part in _without(piece, one)]
        left += rest
    return sorted([*left, *above])


def _without(span: Span, hole: Span) -> list[Span]:
    if hole.end <= span.start or span.end <= hole.start:
        return [span]
    parts = [span._replace(end=hole.start), span._replace(start=hole.end)]
    return [part for part in parts if part.start < part.end]


def spans(schedule: Schedule, start: datetime, end: datetime) -> list[Span]:
    """Who is on call over [start, end), without holes: where nobody is, the span's user is None. Two statements, none where layers and
    overrides were prefetched. People who were deleted or may not sign in leave a gap."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    layers, overrides = list(schedule.layers.all()), list(schedule.overrides.all())
    alive = _alive({pk for layer in layers for pk in layer.participants} | {one.user_id for one in overrides})
    found: list[Span] = []
    for layer in sorted(layers, key=lambda one: (one.position, one.pk or 0)):
        found = _laid_over(found, [one for one in layer_spans(layer, schedule.time_zone, start, end) if one.user in alive])
    for one in sorted(overrides, key=lambda row: row.pk):
        if one.ends_at > start and one.starts_at < end and one.user_id in alive:
            found = _laid_over(found, [_overridden(one, start, end)])
    return _joined(_with_gaps(found, start, end))


def _alive(users: set[int]) -> set[int]:
    return set(User.objects.filter(pk__in=users, is_active=True).values_list("pk", flat=True)) if users else set()


def _overridden(one: ScheduleOverride, start: datetime, end: datetime) -> Span:
    return Span(max(one.starts_at, start), min(one.ends_at, end), one.user_id, f"override: {one.reason}" if one.reason else "override")


def _with_gaps(found: Iterable[Span], start: datetime, end: datetime) -> Iterator[Span]:
    at = start
    for span in found:
        if span.start > at:
            yield Span(at, span.start, None, "nobody")
        yield span
        at = span.end
    if at < end:
        yield Span(at, end, None, "nobody")


def _joined(found: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in found:
        if joined and joined[-1].end == span.start and joined[-1][2:] == span[2:]:
            joined[-1] = joined[-1]._replace(end=span.end)
        else:
            joined.append(span)
    return joined


def gaps(schedule: Schedule, start: datetime, end: datetime) -> list[Span]:
    return [span for span in spans(schedule, start, end) if span.user is None]


def on_call(schedule: Schedule, at: datetime) -> int | None:
    """The user id of who is on call at this moment."""
    return spans(schedule, at, at + timedelta(microseconds=1))[0].user


def now_and_next(schedule: Schedule, at: datetime) -> OnCall:
    """Who is on call, since when this has been so, when it is handed over and to whom. Looks two months each way."""
    found = spans(schedule, at - AHEAD, at + AHEAD)
    place = next(number for number, span in enumerate(found) if span.start <= at < span.end)
    this = found[place]
    while place + 1 < len(found) and found[place + 1].user == this.user:  # another layer, the same person
        place += 1
    follows = found[place + 1] if place + 1 < len(found) else None
    people = User.objects.in_bulk([pk for pk in (this.user, follows and follows.user) if pk])
    return OnCall(people.get(this.user or 0), this.start, found[place].end, this.why, people.get(follows.user or 0) if follows else None)
