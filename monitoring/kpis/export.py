"""Figures and their rows as CSV: one table of the eight, or the rows of one of them."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain

from django.http import StreamingHttpResponse
from django.utils import timezone

from monitoring.dashboards.charts import safe_cell
from monitoring.kpis.asking import Asked
from monitoring.kpis.report import Kpi, kpis
from monitoring.kpis.rows import Found, Row

AT_ONCE = 500
Cells = list[object]
UNIT = {"percent": "%", "seconds": "s", "count": ""}


def response(ask: Asked, found: Found | None) -> StreamingHttpResponse:
    rows = _rows(found) if found is not None else _summary(ask)
    answer = StreamingHttpResponse(_written(rows), content_type="text/csv; charset=utf-8")
    name = ask.wanted.key if ask.wanted else "key-figures"
    answer["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localtime():%Y%m%d-%H%M}.csv"'
    return answer


def _summary(ask: Asked) -> Iterator[Cells]:
    report = ask.report
    yield [
        "figure",
        "value",
        "unit",
        "n",
        "counts",
        "mean",
        "median",
        "p90",
        "before",
        "n before",
        "formula",
        "from",
        "to",
        "service",
        "team",
    ]
    about: Cells = [ask.span.start.isoformat(timespec="seconds"), ask.span.end.isoformat(timespec="seconds"), *ask.scope]
    for kpi in kpis(report):
        yield [*_cells(kpi), *about]
    for row in report.services:
        yield [
            f"Availability of {row.service.name}", _number(row.percent), "%", row.uptime.resources, "resources", "", "", "",
            _number(row.before), "", f"objective {row.service.objective:g} %, budget left {_number(row.budget) or '–'} %", *about,
        ]  # fmt: skip


def _cells(kpi: Kpi) -> Cells:
    spread = [_number(value) for value in kpi.spread[1:]] if kpi.spread else ["", "", ""]
    label = f"{kpi.label} ({kpi.short})" if kpi.short else kpi.label
    before = [_number(kpi.before), kpi.before_n]
    return [label, _number(kpi.value), UNIT[kpi.shape], kpi.n, kpi.counts, *spread, *before, kpi.formula]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}" if value % 1 else f"{value:.0f}"


def _rows(found: Found) -> Iterator[Cells]:
    yield ["id", "severity", "what", "about", "opened", "ended", "acknowledged after, s", f"{found.length.lower()}, s", "by"]
    portions = (found[at : at + AT_ONCE] for at in range(0, len(found), AT_ONCE))
    for row in chain.from_iterable(portions):
        yield _row(row)


def _row(row: Row) -> Cells:
    times = [_time(row.opened), _time(row.ended), _number(row.acknowledged), _number(row.length)]
    return [row.id, row.severity, row.title, row.about, *times, row.by]


def _time(time: datetime | None) -> str:
    return time.astimezone(timezone.get_default_timezone()).isoformat(timespec="seconds") if time else ""


def _written(rows: Iterable[Cells]) -> Iterator[str]:
    for row in rows:
        out = io.StringIO()
        csv.writer(out).writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in row])
        yield out.getvalue()
