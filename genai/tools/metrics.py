"""What the store has: any PromQL expression over a time, and which metrics there are to ask for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from forecasting.words import ranged
from genai.evidence.models import Evidence
from genai.tools import base, citing, times, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.words import said
from monitoring.dashboards import query_units, vocabulary
from monitoring.dashboards.charts import shown
from monitoring.dashboards.explorer import common_labels, short_name, stats
from monitoring.dashboards.frames import STEPS_MS
from monitoring.query.errors import QueryError
from monitoring.query.evaluate import Limits
from monitoring.query.stored import run_instant, run_range
from monitoring.query.values import Matrix, RangeVector, Scalar, Text, Vector

LIMITS = Limits(seconds=8, samples=10_000_000)
POINTS, FINEST_MS = 120, 15_000
LISTED = 15  # series whose figures are told
MOST_METRICS, MOST_LABELS, MOST_VALUES = 25, 8, 4


class Line(NamedTuple):
    """One series, in words."""

    name: str
    told: str
    last: float | None


def query_metrics(given: Json, context: Context) -> Result:
    query = given["query"].strip()
    start, end = times.window(given, context)
    unit = unit_of(query)
    if given.get("instant"):
        return _instant(query, unit, end)
    found = run_range(query, *_grid(start, end), within=LIMITS)
    return _ranged(query, unit, found, start, end)


def unit_of(query: str) -> str:
    units = {name: described.unit for name, described in vocabulary.describe(query_units.metrics_of(query)).items()}
    return query_units.unit_of(query, query_units.said_by(units))


def _grid(start: datetime, end: datetime) -> tuple[int, int, int]:
    a, b = round(start.timestamp() * 1000), round(end.timestamp() * 1000)
    step = next((one for one in STEPS_MS if one >= max((b - a) / POINTS, FINEST_MS)), STEPS_MS[-1])
    return a // step * step, b, step


def _ranged(query: str, unit: str, found: Matrix, start: datetime, end: datetime) -> Result:
    values = np.where(found.present & np.isfinite(found.v), found.v, np.nan)
    lines = sorted(_lines(found, values, unit), key=lambda one: -(one.last if one.last is not None else -np.inf))
    span = f"from {words.moment(start)} to {words.moment(end)}"
    evidence = citing.series(query, start, end, said(query), _summary(values, unit)) if lines else None
    head = f"{words.cited(evidence)}{said(query, 500)}, {span}: {len(lines):,} series"
    notes = [f"note: {note}" for note in [*found.warnings, *found.infos][:2]]
    rows = [*(f"{one.name}: {one.told}" for one in lines[:LISTED]), *notes]
    told = words.lines(head if lines else f"{head}: nothing matches, or nothing was stored then.", rows, len(lines) - LISTED)
    data = {"query": query, "unit": unit, "series": [one._asdict() for one in lines[:LISTED]], "total": len(lines)}
    return Result(told, data, [evidence] if evidence else [], _chart(evidence, query))


def _chart(evidence: Evidence | None, title: str) -> list[Json]:
    return [{"type": "series", "evidence": evidence.pk, "title": said(title)}] if evidence else []


def _lines(found: Matrix, values: Any, unit: str) -> list[Line]:
    common = common_labels([*found.labels])
    out = []
    for labels, row in zip(found.labels, values, strict=True):
        figures = stats(row)
        if figures["last"] is not None:
            known = row[np.isfinite(row)]
            told = f"first {shown(known[0], unit)}, last {shown(known[-1], unit)}, mean {shown(figures['mean'], unit)}"
            told += f", lowest {shown(figures['min'], unit)}, highest {shown(figures['max'], unit)}"
            out.append(Line(_name(labels, common), told, figures["last"]))
    return out


def _name(labels: dict[str, str], common: set[str]) -> str:
    return said(short_name(labels, common) or "all together", 200)


def _summary(values: Any, unit: str) -> str:
    """Of all series together: the line of their means."""
    known = values[np.isfinite(values)]
    return ranged(float(known.min()), float(known.max()), unit) if len(known) else ""


def _instant(query: str, unit: str, at: datetime) -> Result:
    found = run_instant(query, round(at.timestamp() * 1000), within=LIMITS)
    if isinstance(found, RangeVector):
        raise QueryError("it answers a window of samples; write a function such as rate or avg_over_time around it")
    if isinstance(found, Scalar | Text):
        value = shown(found.v, unit) if isinstance(found, Scalar) else said(found.text)
        return Result(f"{said(query)} at {words.moment(at)}: {value}", {"query": query, "value": value})
    return _vector(query, unit, found, at)


def _vector(query: str, unit: str, found: Any, at: datetime) -> Result:
    assert isinstance(found, Vector)
    common = common_labels([*found.labels])
    pairs = sorted(zip(found.labels, found.v.tolist(), strict=True), key=lambda pair: -pair[1] if pair[1] == pair[1] else np.inf)
    rows = [(_name(labels, common), shown(value, unit)) for labels, value in pairs]
    evidence = citing.series(query, at - times.USUAL, at, said(query), f"{len(rows):,} series") if rows else None
    head = f"{words.cited(evidence)}{said(query, 500)} at {words.moment(at)}: {len(rows):,} series"
    told = words.lines(head, [f"{name}: {value}" for name, value in rows[:LISTED]], len(rows) - LISTED)
    table = words.table(said(query), ["Series", "Value"], [[(name, ""), (value, "")] for name, value in rows[:LISTED]])
    data = {"query": query, "unit": unit, "rows": rows[:LISTED], "total": len(rows)}
    return Result(told, data, [evidence] if evidence else [], [table] if rows else [])


# -- which metrics there are -----------------------------------------------------------------------------------------------
def find_metrics(given: Json, context: Context) -> Result:
    wanted = [word.lower() for word in given["words"].replace("_", " ").split()]
    counts, limit = vocabulary.metrics(), given.get("limit", 12)
    named = [name for name in counts if _hits(name, "", wanted)]
    described = vocabulary.describe(named[:2000] or list(counts)[:2000])
    hits = {name: _hits(name, about.help, wanted) for name, about in described.items()}
    found = sorted((name for name in hits if hits[name]), key=lambda name: (-hits[name], len(name), name))
    rows = [_metric(name, described[name], counts.get(name, 0)) for name in found[:limit]]
    told = words.lines(f"{words.many(len(found), 'metric')} for {said(given['words'], 80)}", rows, len(found) - limit, "write more words")
    return Result(told, {"metrics": found[:limit]})


def _metric(name: str, about: vocabulary.Described, series: int) -> str:
    told = f": {said(about.help, 160)}" if about.help else ""
    return f"{name} ({', '.join([*about.tags, f'{series:,} series'])}){told}{_labels(name)}"


def _hits(name: str, about: str, wanted: Sequence[str]) -> float:
    """Words of the name count more than those of its description."""
    low, more = name.lower(), about.lower()
    return sum(2.0 * (word in low) + 0.5 * (word in more) for word in wanted)


def _labels(name: str) -> str:
    """Its labels, each with some of its values."""
    known = vocabulary.labels(name)
    told = [f"{label}: {', '.join(said(value, 40) for value in sorted(values)[:MOST_VALUES])}{' …' if len(values) > MOST_VALUES else ''}"
            for label, values in list(known.items())[:MOST_LABELS]]  # fmt: skip
    return f" [{'; '.join(told)}]" if told else ""


QUERY_METRICS = Tool(
    "query_metrics",
    "Ask the metric store in PromQL over a time, or `instant` at its end. Answers first, last, mean, lowest and highest of each series.",
    base.takes(
        ["query"], query=base.text("PromQL", 2000), start=base.START, end=base.END, instant=base.yes_or_no("only the values at `end`")
    ),
    "monitoring:read",
    query_metrics,
)
FIND_METRICS = Tool(
    "find_metrics",
    "Find metric names by words (cpu, disk, latency …), with type, unit, number of series and labels. Ask this before writing PromQL.",
    base.takes(["words"], words=base.text("words of the name or description", 200), limit=base.number("metrics at most", 1, MOST_METRICS)),
    "monitoring:read",
    find_metrics,
)
