"""A series that was found, as a chart and in words."""

from typing import Any

import numpy as np
from django.utils.dateparse import parse_datetime

from aiops.templatetags.ui import moment
from genai.evidence import figures
from genai.evidence.models import Evidence
from monitoring.dashboards import charts, query_units, vocabulary
from monitoring.dashboards.frames import Floats
from monitoring.query.errors import QueryError
from monitoring.query.source import NAME

MOST_LINES = 6
Json = dict[str, Any]
TIMES = {"began", "opened", "time", "made", "eta", "filed"}  # of what was found, as ISO 8601
NAMES = {"first": "First", "last": "Last", "mean": "Mean", "min": "Lowest", "max": "Highest"}


def unit_of(query: str) -> str:
    names = query_units.metrics_of(query)
    said = vocabulary.describe(names)
    return query_units.unit_of(query, query_units.said_by({name: said[name].unit for name in names}))


def shown(value: float | None, unit: str) -> str:
    if value is not None and unit == "ratio":
        return charts.shown(100 * value, "%")
    if value is not None and unit == "s" and abs(value) < 1:
        return charts.shown(1000 * value, "ms")
    return charts.shown(value, unit)


def told(evidence: Evidence) -> list[tuple[str, str]]:
    """(name, value with its unit) of what was found then."""
    unit = unit_of(evidence.reference["query"])
    found = [(label, shown(evidence.found.get(name), unit)) for name, label in NAMES.items() if name in evidence.found]
    return [*found, ("Points", f"{evidence.found.get('points', 0):,}")]


def facts(evidence: Evidence) -> list[tuple[str, str]]:
    """Of anything else; digests of texts say nothing to people."""
    named = ((name, value) for name, value in evidence.found.items() if value and name not in ("text", "hash"))
    return [(name.replace("_", " ").capitalize(), moment(parse_datetime(value)) if name in TIMES else str(value)) for name, value in named]


def spec(evidence: Evidence) -> Json:
    """As it is in the store now; the part that the claim is about is its whole range."""
    asked = evidence.reference
    blank: Json = {"t": [], "unit": "", "series": [], "note": "", "from": asked["start"] / 1000, "to": asked["end"] / 1000}
    try:
        matrix = figures.ask(asked)
    except QueryError as fault:
        return blank | {"note": f"The store cannot draw this: {fault.message}."}
    if not len(matrix.labels):
        return blank | {"note": "The store holds no samples of it any more."}
    unit = unit_of(asked["query"])
    values: Floats = np.where(matrix.present, matrix.v, np.nan)
    lines = [
        {"id": str(row), "label": _label(matrix.labels[row], row), "color": row + 1, "data": charts.compact(values[row])}
        for row in range(min(len(values), MOST_LINES))
    ]
    if len(lines) == 1:
        lines[0]["fill"] = True
    left = len(values) - len(lines)
    return blank | {
        "t": np.round(matrix.t / 1000, 1), "unit": unit, "series": lines, "sentence": sentence(evidence, unit),
        "note": f"{left} more series are not drawn." if left else "",
    }  # fmt: skip


def _label(labels: dict[str, str], row: int) -> str:
    own = [value for name, value in sorted(labels.items()) if name not in (NAME, "job") and value]
    return ", ".join(own[:3]) or labels.get(NAME, "") or f"Series {row + 1}"


def sentence(evidence: Evidence, unit: str) -> str:
    """What a screen reader says in place of the picture."""
    found = evidence.found
    if not found.get("points"):
        return f"{evidence.title}: no samples"
    low, high, last = (shown(found[name], unit) for name in ("min", "max", "last"))
    return f"{evidence.title}: {last} last, between {low} and {high}"
