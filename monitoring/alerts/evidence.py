"""What was to be seen when an alert fired: the compared value over the half hour before, kept with the alert."""

from collections.abc import Mapping, Sequence

from monitoring.alerts.evaluation import Moment
from monitoring.alerts.models import Alert, AlertRule
from monitoring.alerts.observations import Observation
from monitoring.alerts.thresholds import Threshold, threshold
from monitoring.query import evaluate
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME
from monitoring.query.stored import StoredSource, run_range
from monitoring.query.values import Matrix

SPAN, STEP = 1_800_000, 60_000  # ms
MOST_RULES, MOST_ALERTS = 10, 100  # of one moment; the others keep expression and value alone
LIMITS = Limits(seconds=2, samples=2_000_000)
Evidence = Mapping[str, object]
Key = frozenset[tuple[str, str]]


def gathered(told: Sequence[Observation], moment: Moment) -> dict[str, Evidence]:
    """By fingerprint, of those that begin to fire."""
    rules = {rule.pk: rule for rule in moment.rules}
    firing = [one for one in told if one.state == Alert.State.FIRING and one.evidence and one.absent_since is None]
    fresh = [one for one in firing if not _fires_already(one, moment)][:MOST_ALERTS]
    asked = list(dict.fromkeys(one.rule for one in fresh if one.rule is not None))[:MOST_RULES]
    found = {pk: _before(rules[pk], moment) for pk in asked}
    return {one.fingerprint: _with(one, found[one.rule]) for one in fresh if one.rule in found}


def _fires_already(one: Observation, moment: Moment) -> bool:
    before = moment.known.get(one.rule or 0, {}).get(one.fingerprint)
    return before is not None and before.state == Alert.State.FIRING


def _before(rule: AlertRule, moment: Moment) -> tuple[Threshold | None, Matrix | None]:
    limit = threshold(rule.expr)
    query = limit.query if limit else rule.expr
    try:
        return limit, _asked(query, moment.at_ms)
    except QueryError:
        return limit, None  # without a picture it is an alert all the same


def _asked(query: str, at: int) -> Matrix:
    from monitoring.query import engine

    if engine.configured() is not None:
        return run_range(query, at - SPAN, at, STEP, within=LIMITS)
    return evaluate.range_query(query, StoredSource(LIMITS), at - SPAN, at, STEP, limits=LIMITS)


def _with(one: Observation, found: tuple[Threshold | None, Matrix | None]) -> Evidence:
    limit, matrix = found
    more: dict[str, object] = {"query": limit.query, "op": limit.op, "threshold": limit.value} if limit else {}
    if matrix is not None:
        wanted = _key(one.evidence.get("series", {}))
        rows = [row for row, labels in enumerate(matrix.labels) if _key(labels) == wanted]
        if rows:
            series = matrix.series(rows[0])
            more["samples"] = [[t, v] for t, v in zip(series.t.tolist(), series.v.tolist(), strict=True)]
    return {**one.evidence, **more}


def _key(labels: Mapping[str, str]) -> Key:
    return frozenset((name, text) for name, text in labels.items() if name != NAME)
