"""What was to be mended over time, from before the case until after it: its first criterion or else the alert's value, with the action
marked."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from django.utils import timezone

from monitoring.alerts.thresholds import Threshold, threshold
from monitoring.dashboards import charts, query_units, vocabulary
from monitoring.dashboards.frames import STEPS_MS
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME
from monitoring.query.stored import run_range
from monitoring.query.values import Matrix
from remediation import plan
from remediation.models import Execution, Transition

POINTS, LINES, MARKS = 300, 4, 9
BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=15)
LIMITS = Limits(seconds=5, samples=5_000_000)
State = Execution.State
TOLD = {
    State.RUNNING: ("deploy", "the action began"),
    State.VERIFYING: ("config", "the action was done"),
    State.SUCCEEDED: ("config", "succeeded"),
    State.ROLLING_BACK: ("deploy", "taken back"),
    State.ROLLED_BACK: ("config", "rolled back"),
    State.ESCALATED: ("alert", "escalated"),
}
Json = dict[str, Any]


def asked(execution: Execution) -> tuple[str, str]:
    """(name, expression); empty where there is nothing to draw."""
    try:
        criteria = plan.Plan.of(execution.plan).success
    except msgspec.ValidationError:
        criteria = ()
    if criteria:
        return criteria[0].name or criteria[0].query, criteria[0].query
    alert = execution.alert
    expr = (alert.rule.expr if alert.rule else str(alert.evidence.get("expr", ""))) if alert else ""
    return (alert.name if alert and expr else "", expr)


def data(execution: Execution, now: datetime | None = None) -> Json:
    """A spec for static/js/charts.js; a note in place of lines where there is nothing to draw. StoreUnavailable is a 503."""
    now = now or timezone.now()
    start, end = window(execution, now)
    a, b = int(start.timestamp() * 1000), int(end.timestamp() * 1000)
    blank: Json = {"t": [], "unit": "", "series": [], "note": "", "from": a / 1000, "to": b / 1000}
    name, expr = asked(execution)
    if not expr:
        return blank | {"note": "Nothing is measured by which it could be seen whether it helped."}
    limit = threshold(expr)
    query = limit.query if limit else expr
    step = next((one for one in STEPS_MS if one >= (b - a) / POINTS and one >= 15_000), STEPS_MS[-1])
    try:
        matrix = run_range(query, a // step * step, b, step, within=LIMITS)
    except QueryError as fault:
        return blank | {"note": f"The store cannot draw this: {fault.message}."}
    if not len(matrix.labels):
        return blank | {"note": "The store holds no samples of it in this time."}
    return blank | _spec(name, query, limit, matrix) | {"events": events(execution, start, end)}


def window(execution: Execution, now: datetime) -> tuple[datetime, datetime]:
    begun = execution.started_at or execution.created_at
    fired = execution.alert.fired_at if execution.alert else None
    first = min(begun, max(fired, begun - timedelta(hours=6))) if fired else begun
    end = min((execution.finished_at or now) + AFTER, now)
    return first - BEFORE, max(end, begun)


def _spec(name: str, query: str, limit: Threshold | None, matrix: Matrix) -> Json:
    names = query_units.metrics_of(query)
    said = vocabulary.describe(names)
    unit = query_units.unit_of(query, query_units.said_by({one: said[one].unit for one in names}))
    rows = range(min(LINES, len(matrix.labels)))
    values = [np.where(matrix.present[row], matrix.v[row], np.nan) for row in rows]
    series = [
        {"id": str(row), "label": _label(matrix.labels[row]) or "Value", "color": row + 1, "data": charts.compact(values[row])}
        | ({"fill": True} if row == 0 else {})
        for row in rows
    ]
    spec: Json = {"t": np.round(matrix.t / 1000, 1), "unit": unit, "series": series, "sentence": _sentence(name, values[0], limit, unit)}
    if limit:
        spec["limit"] = {"value": limit.value, "label": f"{limit.op} {_shown(limit.value, unit)}"}
    return spec


def _label(labels: Any) -> str:
    return ", ".join(str(value) for key, value in sorted(labels.items()) if key != NAME)[:80]


def _shown(value: float, unit: str) -> str:
    return charts.shown(100 * value, "%") if unit == "ratio" else charts.shown(value, unit)


def _sentence(name: str, values: Any, limit: Threshold | None, unit: str) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return f"{name}: no value in this time"
    first, last = (_shown(float(value), unit) for value in (known[0], known[-1]))
    told = f"{name}: {first} before, {last} now"
    return f"{told}; it counts as fixed when {limit.op} {_shown(limit.value, unit)}" if limit else told


def events(execution: Execution, start: datetime, end: datetime) -> list[Json]:
    """When it fired and what was done, numbered in the order of time."""
    fired = execution.alert.fired_at if execution.alert else None
    marks = [(fired, "alert", "the alert fired")] if fired else []
    for one in Transition.objects.filter(execution=execution, after__in=TOLD).order_by("id"):
        marks.append((one.time, *TOLD[State(one.after)]))
    found = sorted((one for one in marks if start <= one[0] <= end), key=lambda one: one[0])[:MARKS]
    return [{"t": at.timestamp(), "n": str(n), "kind": kind, "text": text} for n, (at, kind, text) in enumerate(found, 1)]
