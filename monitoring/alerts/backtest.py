"""What a rule would have done: its expression over stored history, by the same evaluator, with its `for` and `keep_firing_for`."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from monitoring.alerts.models import AlertRule
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME
from monitoring.query.stored import run_range
from monitoring.query.values import Matrix

MOST_STEPS = 10_000  # evaluations; a longer time is looked at in larger steps
MOST_FIRINGS = 10_000  # told one by one
NIGHT = (22, 6)  # hours, local


class Firing(NamedTuple):
    labels: dict[str, str]
    started_at: datetime  # when the condition began to hold
    fired_at: datetime
    ended_at: datetime | None  # None: at the end of the time looked at it still fires
    value: float  # when it fired

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


def backtest(rule: AlertRule, start: datetime, end: datetime, time_zone: str = "UTC", within: Limits | None = None) -> Backtest:
    """The rule need not be stored, but has a group. Raises QueryError, StoreUnavailable."""
    interval = max(rule.group.interval, 1)
    step = max(interval, -(-int((end - start).total_seconds()) // MOST_STEPS))
    first = int(start.timestamp()) // step * step * 1000
    found = run_range(rule.expr, first, round(end.timestamp() * 1000), step * 1000, within=within)
    result = Backtest(start, end, step, interval, len(found.labels), warnings=list(found.warnings))
    if step > interval:
        result.warnings.append(f"looked at each {step} s, not each {interval} s: shorter troubles may be missed")
    _summed(result, replay(found, rule, step), ZoneInfo(time_zone))
    return result


def replay(found: Matrix, rule: AlertRule, step: int) -> list[Firing]:
    """Pure: the firings that these values mean, by time."""
    firings = [one for row in range(len(found.labels)) for one in _of_series(found, row, rule, step)]
    return sorted(firings, key=lambda one: one.fired_at)


def _of_series(found: Matrix, row: int, rule: AlertRule, step: int) -> list[Firing]:
    """A run of steps with a value fires once it is as long as `for`; a gap within `keep_firing_for` does not end it."""
    held = np.flatnonzero(np.diff(np.concatenate(([False], found.present[row], [False])).astype(np.int8)))
    labels = {name: text for name, text in found.labels[row].items() if name != NAME}
    wait, kept = timedelta(seconds=rule.for_seconds), timedelta(seconds=rule.keep_firing_for)
    firings: list[Firing] = []
    gone: datetime | None = None  # since when the latest firing has no value
    for begin, after in held.reshape(-1, 2).tolist():
        since = _time(found.t[begin])
        ends = _time(found.t[after]) if after < len(found.t) else None
        if firings and gone is not None and since - gone < kept:
            firings[-1] = firings[-1]._replace(ended_at=ends and ends + kept)
        else:
            place = begin + -(-rule.for_seconds // step)
            if place >= after:
                continue
            fired = since + wait if not rule.for_seconds % step else _time(found.t[place])
            firings.append(Firing(labels, since, fired, ends and ends + kept, float(found.v[row, place])))
        gone = ends
    return firings


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
        (result.caught if _catches(firings, trouble, result.end) else result.missed).append(trouble)


def _covered(firings: Iterable[Firing], end: datetime) -> float:
    """Seconds in which at least one fires; firings in order."""
    total, until = 0.0, None
    for one in firings:
        last = one.ended_at or end
        begin = one.fired_at if until is None else max(one.fired_at, until)
        total += max(0.0, (last - begin).total_seconds())
        until = last if until is None else max(until, last)
    return total


def _catches(firings: Iterable[Firing], trouble: Trouble, end: datetime) -> bool:
    """It fired while the trouble lasted."""
    return any(one.fired_at <= (trouble.end or end) and (one.ended_at or end) >= trouble.start for one in firings)
