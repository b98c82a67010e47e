"""Answers of the explorer as CSV: time in UTC, then a column per series."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from monitoring.dashboards.charts import safe_cell
from monitoring.dashboards.explorer import Answer, Row, Steps, full_name

AT_ONCE = 200  # rows per piece sent


def lines(steps: Steps, found: Sequence[Answer]) -> Iterator[str]:
    columns = [column for answer in found for row in answer.rows for column in _columns(answer, row)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["time", *(safe_cell(name) for name, _ in columns)])
    for at, seconds in enumerate(steps.seconds):
        values = ["" if np.isnan(column[at]) else f"{column[at]:.10g}" for _, column in columns]
        if any(values):
            writer.writerow([datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds"), *values])
        if at % AT_ONCE == AT_ONCE - 1:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def _columns(answer: Answer, row: Row) -> Iterator[tuple[str, np.ndarray]]:
    name = full_name(row.labels)
    yield f"{answer.query.letter} {name if name != '{}' else answer.query.text}", row.values
    if row.then is not None:
        yield f"{answer.query.letter} {name}, compared", row.then
