"""One rule and what its expression answered become what is seen of its alerts, or samples to record. Pure: no database, no clock.

As Prometheus does it: a series the expression answers is an alert; it fires when it has been answered for `for`, and ends when it is not
answered any more, after `keep_firing_for`. Beyond Prometheus, one that fires can go on until its value is back beyond another limit
(`clears_at`), and series that have no value any more can keep their alert or raise one (`without_data`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from math import nan
from typing import NamedTuple

from monitoring.alerts.models import Alert, AlertRule
from monitoring.alerts.observations import REFRESHED_EVERY, Observation, fingerprint
from monitoring.alerts.severities import severity_of
from monitoring.alerts.templates import Query, TemplateError, render
from monitoring.alerts.thresholds import moved, threshold
from monitoring.query.errors import ExecutionError
from monitoring.query.source import NAME
from monitoring.query.values import Scalar, Value, Vector

MOST_ALERTS = 20_000  # of one rule
PENDING, FIRING, RESOLVED = Alert.State.PENDING, Alert.State.FIRING, Alert.State.RESOLVED
KEEP, ALERT = AlertRule.WithoutData.KEEP, AlertRule.WithoutData.ALERT
NO_DATA = "nodata-"  # begins the fingerprints of alerts about series without values
MISSED_FOR = 600  # seconds
Labels = Mapping[str, str]
Ask = Callable[[str, int], Value]  # what an expression answered so many seconds ago
Row = tuple[dict[str, str], float]


class Known(NamedTuple):
    """An open alert of the rule, as it was stored last."""

    state: str
    started_at: datetime
    absent_since: datetime | None = None
    observed_at: datetime | None = None
    severity: str = "medium"  # as the rule gave it; a person may have rated the alert otherwise


class Seen(NamedTuple):
    """A series that the expression answered."""

    base: dict[str, str]  # its own labels
    labels: dict[str, str]  # with the rule's
    severity: str
    value: float


Marked = Callable[[Iterable[Row]], dict[str, Seen]]  # rows as alerts, by fingerprint


class Standing(NamedTuple):
    """An alert that is open after this evaluation."""

    fingerprint: str
    state: str
    severity: str
    labels: Mapping[str, str] | None  # None: it is only kept, and its labels are as they were


class Judged(NamedTuple):
    told: list[Observation]  # what is new; nothing of those that go on as they did
    standing: list[Standing]


def judge(
    rule: AlertRule, found: Value, known: Mapping[str, Known], at: datetime, query: Query | None = None, scope: str = "",
    ask: Ask | None = None,
) -> Judged:  # fmt: skip
    """What the answer means for the rule's alerts at that time.

    `scope` tells rules of one name apart in fingerprints; `ask` is used by rules with another limit or a word about missing data, and only
    when it matters. Raises QueryError or TemplateError.
    """
    marked = partial(_by_mark, rule, query=query, scope=scope)
    present = _present(marked, found)
    kept: set[str] = set()
    if ask is not None:
        present |= _held(rule, marked, known, present, ask)
        missing, kept = _missing(rule, marked, known, present, ask)
        present |= missing
    told = [_of_present(rule, mark, seen, known.get(mark), at, query) for mark, seen in present.items()]
    told += [_of_kept(rule, mark, known[mark], at) for mark in kept]
    told += [_of_absent(rule, mark, before, at) for mark, before in known.items() if mark not in present and mark not in kept]
    news = [one for one in told if one is not None]
    return Judged(news, _standing(present, known, {one.fingerprint: one.state for one in news}))


def _standing(present: Mapping[str, Seen], known: Mapping[str, Known], news: Mapping[str, str]) -> list[Standing]:
    found = [Standing(mark, news.get(mark) or known[mark].state, seen.severity, seen.labels) for mark, seen in present.items()]
    kept = [(mark, news.get(mark, before.state), before.severity) for mark, before in known.items() if mark not in present]
    return found + [Standing(mark, state, severity, None) for mark, state, severity in kept if state != RESOLVED]


def recorded(rule: AlertRule, found: Value) -> list[tuple[dict[str, str], float]]:
    """The samples a recording rule writes: labels without the name, value."""
    rows = [({**{name: text for name, text in labels.items() if name != NAME}, **rule.labels}, value) for labels, value in _rows(found)]
    if len({tuple(sorted(labels.items())) for labels, _ in rows}) < len(rows):
        raise ExecutionError("two series of the result have the same labels once the rule's labels are set")
    return rows


def missed_for(rule: AlertRule) -> int:
    """Seconds: a series that had a value so long ago and has none now is missing. Long enough for an evaluation or two to be left out."""
    return max(MISSED_FOR, 2 * rule.group.interval)


def scope_of(group: str, file: str, key: str) -> str:
    return f"rule\xff{file}\xff{group}\xff{key}"


def _rows(found: Value) -> Sequence[Row]:
    if isinstance(found, Scalar):
        return [({}, found.v)]
    if not isinstance(found, Vector):
        raise ExecutionError("the expression answers neither an instant vector nor a number")
    return list(zip(found.labels, found.v.tolist(), strict=True))


def _by_mark(rule: AlertRule, rows: Iterable[Row], query: Query | None, scope: str) -> dict[str, Seen]:
    present: dict[str, Seen] = {}
    for labels, value in rows:
        base = {name: text for name, text in labels.items() if name != NAME}
        seen = _seen(rule, base, value, query)
        identity = {name: text for name, text in seen.labels.items() if name != "severity"}  # which may change while it fires
        present[fingerprint(scope, identity)] = seen
    return present


def _present(marked: Marked, found: Value) -> dict[str, Seen]:
    rows = _rows(found)
    if len(rows) > MOST_ALERTS:
        raise ExecutionError(f"the rule would raise {len(rows):,} alerts; more than {MOST_ALERTS:,} are not raised")
    present = marked(rows)
    if len(present) < len(rows):
        raise ExecutionError("two series of the result are the same alert once the rule's labels are set")
    return present


# -- what goes on although the expression does not answer it ---------------------------------------------------------------
def _held(rule: AlertRule, marked: Marked, known: Mapping[str, Known], present: Mapping[str, Seen], ask: Ask) -> dict[str, Seen]:
    """Those that fire and are not back beyond the value at which they clear."""
    absent = _unanswered(known, present)
    wider = moved(rule.expr, rule.clears_at) if absent and rule.clears_at is not None else None
    if wider is None:
        return {}
    answered = marked(_rows(ask(wider, 0)))
    return {mark: answered[mark] for mark in absent & answered.keys()}


def _missing(
    rule: AlertRule, marked: Marked, known: Mapping[str, Known], present: Mapping[str, Seen], ask: Ask
) -> tuple[dict[str, Seen], set[str]]:
    """(series that lost their values, as alerts; open alerts that go on as they are for want of values)."""
    limit = threshold(rule.expr)
    absent = _unanswered(known, present)
    if limit is None or rule.without_data not in (KEEP, ALERT) or (rule.without_data == KEEP and not absent):
        return {}, set()
    there = _rows(ask(limit.query, 0))
    if rule.without_data == KEEP:
        return {}, absent - marked(there).keys()
    before = _rows(ask(limit.query, missed_for(rule)))
    have = {_series(labels) for labels, _ in there}
    lost = marked([(labels, nan) for labels, _ in before if _series(labels) not in have])
    missing = {NO_DATA + mark: seen._replace(labels={**seen.labels, "no_data": "true"}) for mark, seen in lost.items()}
    still = {mark for mark in known if mark.startswith(NO_DATA)} - missing.keys()
    return missing, still - {NO_DATA + mark for mark in marked(there)} if still else still


def _unanswered(known: Mapping[str, Known], present: Mapping[str, Seen]) -> set[str]:
    return {mark for mark, before in known.items() if before.state == FIRING and mark not in present and not mark.startswith(NO_DATA)}


def _series(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset(label for label in labels.items() if label[0] != NAME)


def _of_kept(rule: AlertRule, mark: str, known: Known, at: datetime) -> Observation | None:
    if known.state == PENDING and at - known.started_at >= timedelta(seconds=rule.for_seconds):
        return Observation(mark, FIRING, severity=known.severity, rule=rule.pk, started_at=known.started_at)
    return None


# -- one alert -------------------------------------------------------------------------------------------------------------
def _seen(rule: AlertRule, base: dict[str, str], value: float, query: Query | None) -> Seen:
    own = {name: render(text, base, value, query) for name, text in rule.labels.items()}
    severity = severity_of(own["severity"], rule.severity) if "severity" in own else rule.severity
    labels = {name: text for name, text in {**base, **own}.items() if text}
    return Seen(base, {**labels, "alertname": rule.name, "severity": severity}, severity, value)


def _of_present(rule: AlertRule, mark: str, seen: Seen, known: Known | None, at: datetime, query: Query | None) -> Observation | None:
    if known is None:
        state = PENDING if rule.for_seconds else FIRING
        return _observation(rule, mark, seen, state, at, at, query)
    if known.state == PENDING:
        if at - known.started_at >= timedelta(seconds=rule.for_seconds):
            return _observation(rule, mark, seen, FIRING, known.started_at, at, query)
        return None
    due = known.observed_at is None or at - known.observed_at >= REFRESHED_EVERY
    if due or known.absent_since or known.severity != seen.severity:
        return _observation(rule, mark, seen, FIRING, known.started_at, at, query)
    return None


def _observation(rule: AlertRule, mark: str, seen: Seen, state: str, since: datetime, at: datetime, query: Query | None) -> Observation:
    return Observation(
        mark,
        state,
        name=rule.name,
        value=seen.value,
        labels=seen.labels,
        annotations=_without_data(rule, seen) if mark.startswith(NO_DATA) else _annotations(rule, seen, query),
        severity=seen.severity,
        rule=rule.pk,
        started_at=since,
        evidence={"expr": rule.expr, "at": round(at.timestamp() * 1000), "value": seen.value, "series": seen.base},
    )


def _annotations(rule: AlertRule, seen: Seen, query: Query | None) -> dict[str, str]:
    """A template that fails with these values says so in its place: the alert counts more than its text."""
    told = {}
    for name, template in rule.annotations.items():
        try:
            told[name] = render(template, seen.labels, seen.value, query)
        except TemplateError as fault:
            told[name] = f"(this text could not be made: {fault.message})"
    return told | ({"runbook_url": rule.runbook_url} if rule.runbook_url else {})


def _without_data(rule: AlertRule, seen: Seen) -> dict[str, str]:
    """The rule's own texts speak of a value."""
    about = ", ".join(f"{name} {text}" for name, text in sorted(seen.base.items())) or "all it looks at"
    said = {"summary": f"No data for {rule.name}: {about}"[:1000], "description": "Nobody can tell whether its condition holds."}
    return said | ({"runbook_url": rule.runbook_url} if rule.runbook_url else {})


def _of_absent(rule: AlertRule, mark: str, known: Known, at: datetime) -> Observation | None:
    if known.started_at > at:
        return None  # it began after the moment looked at: seen by an evaluation on arrival
    kept = timedelta(seconds=rule.keep_firing_for)
    if known.state == FIRING and kept:
        if known.absent_since is None:
            return Observation(mark, FIRING, severity=known.severity, rule=rule.pk, absent_since=at)
        if at - known.absent_since < kept:
            return None
    return Observation(mark, RESOLVED)
