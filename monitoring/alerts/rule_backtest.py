"""The editor's backtest panel: a rule over past days beside its saved version, as tiles, two lanes, a list, and one better value."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from monitoring.alerts import durations
from monitoring.alerts.backtest import NIGHT, Backtest, Firing, Looked, Trouble, catches, judged, look, meets, replay
from monitoring.alerts.models import AlertRule
from monitoring.query.evaluate import Limits

DAYS, USUAL_DAYS = (7, 14, 30), 14
SECONDS = 20.0  # for both versions
LISTED = 100  # firings in the list
LEFT, RIGHT = 8.0, 512.0  # of the lanes
MOST_MARKS = 600
WAITS = (0, 60, 120, 300, 600, 900, 1800, 3600)
CHEAP = 2000  # firings up to which other waits are tried


class Mark(NamedTuple):
    x: str
    noise: bool
    title: str


class Place(NamedTuple):
    x: str
    caught: bool
    title: str


class Tick(NamedTuple):
    x: str
    text: str


@dataclass
class Lanes:
    nights: list[tuple[str, str]] = field(default_factory=list)  # x, width
    fires: list[Mark] = field(default_factory=list)
    troubles: list[Place] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)


class Hint(NamedTuple):
    wait: str  # as the field `for` takes it
    text: str


class Line(NamedTuple):
    firing: Firing
    seconds: float
    night: bool
    about: str
    trouble: Trouble | None


@dataclass
class Panel:
    days: int
    now: Backtest
    before: Backtest | None  # of the saved version, where it differs
    took: float  # seconds
    lanes: Lanes
    hint: Hint | None
    lines: list[Line]
    troubles: int

    @property
    def shortest(self) -> float | None:
        return min((one.seconds(self.now.end) for one in self.now.firings), default=None)

    @property
    def hidden(self) -> int:
        return self.now.count - len(self.lines)

    @property
    def sentence(self) -> str:
        """What the lanes show, for those who do not see them."""
        parts = [f"{self.days} days: {self.now.count} firings, {self.now.at_night} of them at night"]
        for word, names in (("caught", self.now.caught), ("missed", self.now.missed)):
            if names:
                parts.append(f"{word}: {', '.join(one.name for one in names[:10])}")
        return "; ".join(parts)


def panel(rule: AlertRule, saved: AlertRule | None, days: int, zone_name: str) -> Panel:
    """Raises QueryError, StoreUnavailable."""
    begun, end = time.perf_counter(), timezone.now()
    start, zone = end - timedelta(days=days), ZoneInfo(zone_name)
    looked = look(rule, start, end, _within(SECONDS))
    now = judged(looked, rule, zone_name)
    before = _before(saved, rule, looked, zone_name, SECONDS - (time.perf_counter() - begun))
    troubles = sorted([*now.caught, *now.missed], key=lambda one: one.start)
    return Panel(
        days, now, before, time.perf_counter() - begun, lanes(now, troubles, zone), hint(rule, looked, now, troubles),
        list(_lines(now, troubles, zone)), len(troubles),
    )  # fmt: skip


def _within(seconds: float) -> Limits:
    return Limits(seconds=max(1.0, min(seconds, settings.QUERY_SECONDS)), samples=settings.QUERY_SAMPLES)


def _before(saved: AlertRule | None, rule: AlertRule, looked: Looked, zone: str, seconds: float) -> Backtest | None:
    """None where both are the same in what counts here. The stored samples are read once where only the waits differ."""
    if saved is None or saved.kind != AlertRule.Kind.ALERT or _heart(saved) == _heart(rule):
        return None
    same = _asked(saved) == _asked(rule)
    return judged(looked if same else look(saved, looked.start, looked.end, _within(seconds)), saved, zone)


def _heart(rule: AlertRule) -> tuple[object, ...]:
    return *_asked(rule), rule.for_seconds, rule.keep_firing_for


def _asked(rule: AlertRule) -> tuple[object, ...]:
    """What decides which samples are read."""
    return rule.expr, rule.group.interval, rule.clears_at, rule.without_data


# -- lanes -----------------------------------------------------------------------------------------------------------------
def lanes(found: Backtest, troubles: Sequence[Trouble], zone: ZoneInfo) -> Lanes:
    def x(when: datetime) -> float:
        share = (when - found.start) / (found.end - found.start)
        return LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, share))

    result = Lanes()
    for begin, after in _nights(found.start, found.end, zone):
        result.nights.append((f"{x(begin):.1f}", f"{x(after) - x(begin):.1f}"))
    result.fires = _marks(found, troubles, zone, x)
    caught = {id(one) for one in found.caught}
    for one in troubles:
        hit = id(one) in caught
        result.troubles.append(Place(f"{x(one.start) - 7:.1f}", hit, f"{one.name}, {'caught' if hit else 'missed'}"))
    result.ticks = [Tick(f"{x(when):.1f}", f"{when.astimezone(zone):%-d %b}") for when in _days(found.start, found.end, zone)]
    return result


def _marks(found: Backtest, troubles: Sequence[Trouble], zone: ZoneInfo, x: Callable[[datetime], float]) -> list[Mark]:
    """One for each place that can be told apart; the first to fire there gives it its words."""
    marks: dict[tuple[str, bool], Mark] = {}
    for one in found.firings:
        trouble = _met(one, troubles, found.end)
        place = (f"{x(one.fired_at) - 1.5:.0f}", trouble is None)
        if place not in marks and len(marks) < MOST_MARKS:
            words = f"{one.fired_at.astimezone(zone):%-d %b %H:%M}, {about(one.labels)}, {_length(one.seconds(found.end))}"
            marks[place] = Mark(place[0], place[1], f"{words}, {trouble.name if trouble else 'no incident'}")
    return list(marks.values())


def _nights(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    day = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    while day.astimezone(UTC) < end:
        begin, after = day.replace(hour=NIGHT[0]), (day + timedelta(days=1)).replace(hour=NIGHT[1])
        if after > start and begin < end:
            yield max(begin, start), min(after, end)
        day += timedelta(days=1)


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Midnights, at most eight of them."""
    step = max(1, -(-(end - start).days // 7))
    day = (start.astimezone(zone) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield day
        day += timedelta(days=step)


# -- the list --------------------------------------------------------------------------------------------------------------
def _lines(found: Backtest, troubles: Sequence[Trouble], zone: ZoneInfo) -> Iterator[Line]:
    """The latest first."""
    for one in found.firings[: -LISTED - 1 : -1]:
        hour = one.fired_at.astimezone(zone).hour
        yield Line(one, one.seconds(found.end), hour >= NIGHT[0] or hour < NIGHT[1], about(one.labels), _met(one, troubles, found.end))


def _met(one: Firing, troubles: Sequence[Trouble], end: datetime) -> Trouble | None:
    return next((trouble for trouble in troubles if meets(one, trouble, end)), None)


def about(labels: dict[str, str]) -> str:
    """What a series is about, in few words."""
    host = labels.get("instance") or labels.get("host") or labels.get("node") or labels.get("pod") or ""
    rest = [text for name, text in sorted(labels.items()) if name not in ("job", "demo", "instance", "host", "node", "pod", "no_data")]
    return " ".join(filter(None, (host, *rest[:2], "no data" if "no_data" in labels else ""))) or "no labels"


# -- a better value --------------------------------------------------------------------------------------------------------
def hint(rule: AlertRule, looked: Looked, now: Backtest, troubles: Sequence[Trouble]) -> Hint | None:
    """Another `for` that catches more, or as much with at most half the firings; None where there is none."""
    if (not now.count and not troubles) or now.count > CHEAP:
        return None
    tried = [(wait, _replayed(rule, looked, wait, troubles)) for wait in WAITS if wait != rule.for_seconds]
    here = (len(now.caught), now.count)
    more = [(wait, caught, count) for wait, (caught, count) in tried if caught > here[0]]
    if more:
        wait, caught, count = min(more, key=lambda one: (-one[1], one[2], -one[0]))
        return Hint(durations.shown(wait), f"catches {caught - here[0]} more, at {_difference(count, here[1])}.")
    calm = [(wait, count) for wait, (caught, count) in tried if caught == here[0] and 0 < count <= here[1] // 2 and wait > rule.for_seconds]
    if calm and now.count >= 4:
        wait, count = min(calm)
        lost = " and still catches what it caught" if here[0] else ""
        return Hint(durations.shown(wait), f"fires {'once' if count == 1 else f'{count} times'} in place of {here[1]}{lost}.")
    return None


def _replayed(rule: AlertRule, looked: Looked, wait: int, troubles: Sequence[Trouble]) -> tuple[int, int]:
    """(troubles caught, firings)."""
    waits = {"for_seconds": wait, "keep_firing_for": rule.keep_firing_for}
    variant = AlertRule(group=rule.group, expr=rule.expr, without_data=rule.without_data, **waits)
    firings = replay(looked.found, variant, looked.step, looked.held, looked.data)
    return sum(catches(firings, one, looked.end) for one in troubles), len(firings)


def _difference(count: int, before: int) -> str:
    return (
        f"{count - before} more firings" if count > before else "no more firings" if count == before else f"{before - count} fewer firings"
    )


def _length(seconds: float) -> str:
    return durations.shown(round(seconds / 60) * 60 if seconds >= 60 else seconds)
