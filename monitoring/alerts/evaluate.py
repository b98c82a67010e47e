"""One rule and what its expression answered become what is seen of its alerts, or samples to record. Pure: no database, no clock.

As Prometheus does it: a series the expression answers is an alert; it fires when it has been answered for `for`, and ends when it is not
answered any more, after `keep_firing_for`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from monitoring.alerts.models import Alert, AlertRule
from monitoring.alerts.observations import REFRESHED_EVERY, Observation, fingerprint
from monitoring.alerts.severities import severity_of
from monitoring.alerts.templates import Query, TemplateError, render
from monitoring.query.errors import ExecutionError
from monitoring.query.source import NAME
from monitoring.query.values import Scalar, Value, Vector

MOST_ALERTS = 20_000  # of one rule
PENDING, FIRING, RESOLVED = Alert.State.PENDING, Alert.State.FIRING, Alert.State.RESOLVED
Labels = Mapping[str, str]


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


def judge(
    rule: AlertRule, found: Value, known: Mapping[str, Known], at: datetime, query: Query | None = None, scope: str = ""
) -> list[Observation]:
    """What is new about the rule's alerts at that time; nothing for those that go on as they did.

    `scope` tells rules of one name apart in fingerprints. Raises QueryError or TemplateError.
    """
    present = _present(rule, found, query, scope)
    told = [_of_present(rule, mark, seen, known.get(mark), at, query) for mark, seen in present.items()]
    told += [_of_absent(rule, mark, before, at) for mark, before in known.items() if mark not in present]
    return [one for one in told if one is not None]


def recorded(rule: AlertRule, found: Value) -> list[tuple[dict[str, str], float]]:
    """The samples a recording rule writes: labels without the name, value."""
    rows = [({**{name: text for name, text in labels.items() if name != NAME}, **rule.labels}, value) for labels, value in _rows(found)]
    if len({tuple(sorted(labels.items())) for labels, _ in rows}) < len(rows):
        raise ExecutionError("two series of the result have the same labels once the rule's labels are set")
    return rows


def scope_of(group: str, file: str, key: str) -> str:
    return f"rule\xff{file}\xff{group}\xff{key}"


def _rows(found: Value) -> Sequence[tuple[dict[str, str], float]]:
    if isinstance(found, Scalar):
        return [({}, found.v)]
    if not isinstance(found, Vector):
        raise ExecutionError("the expression answers neither an instant vector nor a number")
    return list(zip(found.labels, found.v.tolist(), strict=True))


def _present(rule: AlertRule, found: Value, query: Query | None, scope: str) -> dict[str, Seen]:
    rows = _rows(found)
    if len(rows) > MOST_ALERTS:
        raise ExecutionError(f"the rule would raise {len(rows):,} alerts; more than {MOST_ALERTS:,} are not raised")
    present: dict[str, Seen] = {}
    for labels, value in rows:
        base = {name: text for name, text in labels.items() if name != NAME}
        seen = _seen(rule, base, value, query)
        identity = {name: text for name, text in seen.labels.items() if name != "severity"}  # which may change while it fires
        present[fingerprint(scope, identity)] = seen
    if len(present) < len(rows):
        raise ExecutionError("two series of the result are the same alert once the rule's labels are set")
    return present


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
        annotations=_annotations(rule, seen, query),
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
