"""The value of one alert against its limit over time, from the store, with what happened meanwhile."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from accounts.permissions import permission_required
from aiops.timerange import TimeRange
from monitoring.alerts.models import Alert, AlertTransition
from monitoring.alerts.thresholds import Threshold, threshold
from monitoring.alerts.views_alert import span_of
from monitoring.dashboards import charts, query_units, vocabulary
from monitoring.dashboards.frames import STEPS_MS, Floats
from monitoring.inventory.models import ResourceChange
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import Limits
from monitoring.query.source import NAME
from monitoring.query.stored import run_range
from monitoring.query.values import Matrix

POINTS, MARKS = 300, 9
LIMITS = Limits(seconds=5, samples=5_000_000)
Json = dict[str, Any]
TOLD = {"firing": ("alert", "Fired"), "resolved": ("config", "Ended"), "pending": ("config", "Condition began to hold")}


@require_GET
@permission_required("monitoring:read")
def data(request: HttpRequest, pk: int) -> HttpResponse:
    """What static/js/alert.js draws; a note in place of lines where there is nothing to draw. StoreUnavailable is a 503."""
    found = Alert.objects.select_related("rule").filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such alert.")
    span = span_of(request, found)
    return HttpResponse(charts.dumps(_drawn(found, span)), content_type="application/json")


def _drawn(found: Alert, span: TimeRange) -> Json:
    limit, query = _asked(found)
    blank: Json = {"t": [], "unit": "", "series": [], "note": "", "from": span.start_ms / 1000, "to": span.end_ms / 1000}
    if not query:
        return blank | {"note": "Its sender said no expression that could be drawn."}
    step = next((one for one in STEPS_MS if one >= span.span_ms / POINTS and one >= 15_000), STEPS_MS[-1])
    start = span.start_ms // step * step
    try:
        matrix = run_range(query, start, span.end_ms, step, within=LIMITS)
    except QueryError as fault:
        return blank | {"note": f"The store cannot draw this: {fault.message}."}
    rows = [row for row, labels in enumerate(matrix.labels) if _is_its(labels, found)]
    if not rows:
        return blank | {"note": "The store holds no samples of it in this range."}
    return blank | _spec(found, query, limit, matrix, rows[0]) | {"events": _events(found, span)}


def _asked(found: Alert) -> tuple[Threshold | None, str]:
    """What is compared and with what: as its rule says now, or as it said when it fired."""
    expr = found.rule.expr if found.rule else str(found.evidence.get("expr", ""))
    limit = threshold(expr) if expr else None
    return limit, limit.query if limit else expr


def _is_its(labels: Mapping[str, str], found: Alert) -> bool:
    own = {name: value for name, value in labels.items() if name != NAME}
    series = found.evidence.get("series")
    if isinstance(series, dict):
        return own == {name: value for name, value in series.items() if name != NAME}
    return all(found.labels.get(name) == value for name, value in own.items())


def _spec(found: Alert, query: str, limit: Threshold | None, matrix: Matrix, row: int) -> Json:
    unit = _unit(query)
    values: Floats = np.where(matrix.present[row], matrix.v[row], np.nan)
    spec: Json = {
        "t": np.round(matrix.t / 1000, 1), "unit": unit, "sentence": _sentence(found, values, limit, unit),
        "series": [{"id": "value", "label": "Value", "color": 1, "data": charts.compact(values), "fill": True}],
    }  # fmt: skip
    if limit:
        spec["limit"] = {"value": limit.value, "label": f"{limit.op} {_shown(limit.value, unit)}"}
    return spec


def _unit(query: str) -> str:
    names = query_units.metrics_of(query)
    said = vocabulary.describe(names)
    return query_units.unit_of(query, query_units.said_by({name: said[name].unit for name in names}))


def _shown(value: float, unit: str) -> str:
    return charts.shown(100 * value, "%") if unit == "ratio" else charts.shown(value, unit)


def _sentence(found: Alert, values: Floats, limit: Threshold | None, unit: str) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return f"{found.name}: no value in this range"
    last, low, high = (_shown(float(value), unit) for value in (known[-1], known.min(), known.max()))
    told = f"{found.name}: {last} last, between {low} and {high}"
    return f"{told}; limit {limit.op} {_shown(limit.value, unit)}" if limit else told


def _events(found: Alert, span: TimeRange) -> list[Json]:
    """What it did and what happened to its resource, oldest first, numbered."""
    during = {"time__gte": span.start, "time__lt": span.end}
    steps = AlertTransition.objects.filter(alert=found, axis=AlertTransition.Axis.STATE, **during).order_by("-pk")[:MARKS]
    marks = [(row.time, *TOLD.get(row.after, ("config", row.after))) for row in steps]
    if found.resource_id:
        changes = ResourceChange.objects.filter(resource=found.resource_id, **during).order_by("-time")[:MARKS]
        marks += [(row.time, "deploy" if row.kind == "rebooted" else "config", row.text) for row in changes]
    newest = sorted(marks, key=lambda one: one[0])[-MARKS:]
    return [{"t": at.timestamp(), "n": str(n), "kind": kind, "text": text} for n, (at, kind, text) in enumerate(newest, 1)]
