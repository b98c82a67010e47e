"""How a rule reads now, before it is saved: what its expression answers, and its texts for one of these series."""

from dataclasses import dataclass, field

from django.utils import timezone

from monitoring.alerts.models import AlertRule
from monitoring.alerts.severities import severity_of
from monitoring.alerts.template_functions import Sample
from monitoring.alerts.templates import TemplateError, render
from monitoring.alerts.thresholds import Limit, Threshold, limit_of, threshold
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME
from monitoring.query.stored import run_instant
from monitoring.query.values import Scalar, Value, Vector

LIMITS = Limits(seconds=5, samples=5_000_000)
MOST = 3  # series whose texts are shown
Labels = dict[str, str]


@dataclass
class Reading:
    """One series as an alert."""

    labels: Labels
    value: float
    severity: str
    texts: dict[str, str]  # annotations
    faults: dict[str, str] = field(default_factory=dict)


@dataclass
class Trial:
    answered: int = 0  # series that the expression answers now
    compared: int = 0  # series of what is compared
    limit: Limit | None = None
    near: bool = False  # nothing answers: the readings are of what is nearest to the limit
    readings: list[Reading] = field(default_factory=list)
    error: str = ""


def trial(rule: AlertRule) -> Trial:
    """Of a rule that can be stored. What goes wrong only with today's data is told in `error`."""
    result = Trial(limit=limit_of(rule.expr))
    at = round(timezone.now().timestamp() * 1000)
    try:
        rows = _rows(run_instant(rule.expr, at, within=LIMITS))
        result.answered = len(rows)
        limit = threshold(rule.expr)
        if limit is not None:
            compared = _rows(run_instant(limit.query, at, within=LIMITS))
            result.compared = len(compared)
            if not rows:
                rows, result.near = _nearest(compared, limit), bool(compared)
    except QueryError as fault:
        result.error = fault.message
        return result
    result.readings = [_reading(rule, labels, value, at) for labels, value in rows[:MOST]]
    return result


def _rows(found: Value) -> list[tuple[Labels, float]]:
    if isinstance(found, Scalar):
        return [({}, found.v)]
    if not isinstance(found, Vector):
        return []
    named = ({name: text for name, text in labels.items() if name != NAME} for labels in found.labels)
    return list(zip(named, found.v.tolist(), strict=True))


def _nearest(rows: list[tuple[Labels, float]], limit: Threshold) -> list[tuple[Labels, float]]:
    return sorted(rows, key=lambda row: abs(row[1] - limit.value))[:1]


def _reading(rule: AlertRule, labels: Labels, value: float, at: int) -> Reading:
    def query(text: str) -> list[Sample]:
        return [Sample(labels, value) for labels, value in _rows(run_instant(text, at, within=LIMITS))]

    faults: dict[str, str] = {}

    def rendered(name: str, template: str, seen: Labels) -> str:
        try:
            return render(template, seen, value, query)
        except TemplateError as fault:
            faults[name] = fault.message
            return ""

    own = {name: rendered(name, text, labels) for name, text in rule.labels.items()}
    severity = severity_of(own["severity"], rule.severity) if "severity" in own else rule.severity
    seen = {name: text for name, text in {**labels, **own}.items() if text} | {"alertname": rule.name, "severity": severity}
    return Reading(seen, value, severity, {name: rendered(name, text, seen) for name, text in rule.annotations.items()}, faults)
