"""What a rule would have done: its expression over stored history, by the same evaluator, with its `for` and `keep_firing_for`."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from monitoring.alerts.evaluate import missed_for
from monitoring.alerts.models import AlertRule
from monitoring.alerts.thresholds import moved, threshold
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME
from monitoring.query.stored import run_range
from monitoring.query.values import Matrix
from monitoring.store.batch import Mask, Times

MOST_STEPS = 10_000  # evaluations; a longer time is looked at in larger steps
MOST_FIRINGS = 10_000  # told one by one
KEEP, ALERT = AlertRule.WithoutData.KEEP, AlertRule.WithoutData.ALERT
NIGHT = (22, 6)  # hours, local


class Firing(NamedTuple):
    labels: dict[str, str]
    started_at: datetime  # when the condition began to hold
    fired_at: datetime
    ended_at: datetime | None  # None: at the end of the time looked at it still fires
    value: float | None  # when it fired; None: it fired because there was none any more

    def seconds(self, end: datetime) -> float:
        return ((self.ended_at or end) - self.fired_at).total_seconds()


class Trouble(NamedTuple):
    """Something that is known to have happened: an incident."""

    name: str
    link: str
    start: datetime
    end: datetime | None


@dataclass
class Backtest:
    start: datetime
    end: datetime
    step: int  # seconds between two evaluations
    interval: int  # as the rule would be evaluated
    series: int  # that the expression ever answered
    count: int = 0
    firings: list[Firing] = field(default_factory=list)  # the latest, in order
    at_night: int = 0
    by_hour: list[int] = field(default_factory=lambda: [0] * 24)  # local
    per_day: float = 0.0
    median_seconds: float | None = None
    longest_seconds: float | None = None
    firing_share: float = 0.0  # of the time, in which at least one fired
    caught: list[Trouble] = field(default_factory=list)
    missed: list[Trouble] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


Troubles = Callable[[datetime, datetime], Iterable[Trouble]]
_troubles: list[Troubles] = []


def troubles(provider: Troubles) -> Troubles:
    """Registers who knows what really happened between two times; may stand above the function."""
    if provider not in _troubles:
        _troubles.append(provider)
    return provider


class Looked(NamedTuple):
    """What an expression answered over a time: rules that differ in their waits only can share it."""

    start: datetime
    end: datetime
    step: int
    interval: int
    found: Matrix
    held: Matrix | None = None  # with the limit at which the rule clears, where it has another
    data: Matrix | None = None  # what is compared, where it matters that it is missing


def backtest(rule: AlertRule, start: datetime, end: datetime, time_zone: str = "UTC", within: Limits | None = None) -> Backtest:
    """The rule need not be stored, but has a group. Raises QueryError, StoreUnavailable."""
    return judged(look(rule, start, end, within), rule, time_zone)


def look(rule: AlertRule, start: datetime, end: datetime, within: Limits | None = None) -> Looked:
    """Raises QueryError, StoreUnavailable."""
    interval = max(rule.group.interval, 1)
    step = max(interval, -(-int((end - start).total_seconds()) // MOST_STEPS))
    first, last = int(start.timestamp()) // step * step * 1000, round(end.timestamp() * 1000)

    def answered(expr: str | None) -> Matrix | None:
        return run_range(expr, first, last, step * 1000, within=within) if expr else None

    wider = moved(rule.expr, rule.clears_at) if rule.clears_at is not None else None
    limit = threshold(rule.expr) if rule.without_data in (KEEP, ALERT) else None
    found = run_range(rule.expr, first, last, step * 1000, within=within)
    return Looked(start, end, step, interval, found, answered(wider), answered(limit.query if limit else None))


def judged(looked: Looked, rule: AlertRule, time_zone: str = "UTC") -> Backtest:
    """What the rule would have made of it."""
    found, step = looked.found, looked.step
    result = Backtest(looked.start, looked.end, step, looked.interval, len(found.labels), warnings=list(found.warnings))
    if step > looked.interval:
        result.warnings.append(f"looked at each {step} s, not each {looked.interval} s: shorter troubles may be missed")
    _summed(result, replay(found, rule, step, looked.held, looked.data), ZoneInfo(time_zone))
    return result


def replay(found: Matrix, rule: AlertRule, step: int, held: Matrix | None = None, data: Matrix | None = None) -> list[Firing]:
    """Pure: the firings that these values mean, by time. `held` and `data` as in Looked."""
    keeping = data if rule.without_data == KEEP else None
    goes_on = _Course(found.t, held, keeping)
    firings = [one for row in range(len(found.labels)) for one in _of_series(found, row, rule, step, goes_on.of(found, row))]
    if data is not None and rule.without_data == ALERT:
        firings += [one for row in range(len(data.labels)) for one in _of_gaps(data, row, rule, step)]
    return sorted(firings, key=lambda one: one.fired_at)


class _Course:
    """When an alert that fires goes on although the expression does not answer it."""

    def __init__(self, t: Times, held: Matrix | None, data: Matrix | None) -> None:
        self.t, self.held, self.data = t, held, data
        self.held_rows, self.data_rows = _rows_by_series(held), _rows_by_series(data)

    def of(self, found: Matrix, row: int) -> Mask:
        key, goes = _series(found.labels[row]), found.present[row]
        if self.held is not None and (place := self.held_rows.get(key)) is not None:
            goes = goes | self.held.present[place]
        if self.data is not None and (place := self.data_rows.get(key)) is not None:
            goes = goes | ~self.data.present[place]
        return goes


def _rows_by_series(found: Matrix | None) -> dict[frozenset[tuple[str, str]], int]:
    return {_series(labels): row for row, labels in enumerate(found.labels)} if found is not None else {}


def _series(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(label for label in labels.items() if label[0] != NAME)


def _of_series(found: Matrix, row: int, rule: AlertRule, step: int, goes: Mask) -> list[Firing]:
    """A run of steps with a value fires once it is as long as `for`, and goes on for as long as `goes` says; a gap within `keep_firing_for`
    does not end it."""
    labels, kept = dict(_series(found.labels[row])), timedelta(seconds=rule.keep_firing_for)
    going = _runs(goes)
    begins = [begin for begin, _ in going]
    firings: list[Firing] = []
    until = 0  # the step at which the latest firing ended
    for begin, after in _runs(found.present[row]):
        place = _fires(begin, rule, step)
        if begin < until or place >= after:
            continue  # it still fires, or not yet
        until = _until(found.t, going, bisect_right(begins, place) - 1, rule.keep_firing_for * 1000)
        ended = _time(found.t[until]) + kept if until < len(found.t) else None
        firings.append(Firing(labels, _time(found.t[begin]), _fired(found, begin, rule, step), ended, float(found.v[row, place])))
    return firings


def _until(t: Times, going: Sequence[tuple[int, int]], at: int, kept: int) -> int:
    """The step at which an alert ends that fires in that run: gaps shorter than `kept` ms do not count."""
    end = going[at][1]
    while at + 1 < len(going) and t[going[at + 1][0]] - t[end] < kept:
        at += 1
        end = going[at][1]
    return end


def _of_gaps(data: Matrix, row: int, rule: AlertRule, step: int) -> Iterator[Firing]:
    """A series that lost its values is an alert until it has some again."""
    labels = {**dict(_series(data.labels[row])), "no_data": "true"}
    present, back = data.present[row], -(-missed_for(rule) // step)
    had = np.concatenate((np.zeros(min(back, len(present)), np.bool_), present[:-back]))
    for gap, after in _runs(~present):
        begin = gap + int(np.argmax(had[gap:after]))
        if had[begin] and _fires(begin, rule, step) < after:
            ended = _time(data.t[after]) if after < len(data.t) else None
            yield Firing(labels, _time(data.t[begin]), _fired(data, begin, rule, step), ended, None)


def _runs(present: Mask) -> list[tuple[int, int]]:
    """[begin, after) of the steps in a row that hold."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], present, [False])).astype(np.int8)))
    return [(begin, after) for begin, after in edges.reshape(-1, 2).tolist()]


def _fires(begin: int, rule: AlertRule, step: int) -> int:
    """The step at which what began there fires, if it lasts."""
    return int(begin + -(-rule.for_seconds // step))


def _fired(found: Matrix, begin: int, rule: AlertRule, step: int) -> datetime:
    wait = timedelta(seconds=rule.for_seconds)
    return _time(found.t[begin]) + wait if not rule.for_seconds % step else _time(found.t[_fires(begin, rule, step)])


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(int(ms) / 1000, UTC)


def _summed(result: Backtest, firings: Sequence[Firing], zone: ZoneInfo) -> None:
    hours = Counter(one.fired_at.astimezone(zone).hour for one in firings)
    lengths = [one.seconds(result.end) for one in firings]
    result.count, result.firings = len(firings), list(firings[-MOST_FIRINGS:])
    result.by_hour = [hours[hour] for hour in range(24)]
    result.at_night = sum(count for hour, count in hours.items() if hour >= NIGHT[0] or hour < NIGHT[1])
    days = max((result.end - result.start).total_seconds() / 86_400, 1e-9)
    result.per_day = len(firings) / days
    result.median_seconds = median(lengths) if lengths else None
    result.longest_seconds = max(lengths, default=None)
    result.firing_share = _covered(firings, result.end) / (days * 86_400)
    for trouble in [one for provider in _troubles for one in provider(result.start, result.end)]:
        (result.caught if catches(firings, trouble, result.end) else result.missed).append(trouble)


def _covered(firings: Iterable[Firing], end: datetime) -> float:
    """Seconds in which at least one fires; firings in order."""
    total, until = 0.0, None
    for one in firings:
        last = one.ended_at or end
        begin = one.fired_at if until is None else max(one.fired_at, until)
        total += max(0.0, (last - begin).total_seconds())
        until = last if until is None else max(until, last)
    return total


def catches(firings: Iterable[Firing], trouble: Trouble, end: datetime) -> bool:
    """It fired while the trouble lasted."""
    return any(meets(one, trouble, end) for one in firings)


def meets(one: Firing, trouble: Trouble, end: datetime) -> bool:
    return one.fired_at <= (trouble.end or end) and (one.ended_at or end) >= trouble.start
