"""Queries over a metric engine elsewhere: they go there as they are, and its answers come back as the same values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlencode

import httpx
import numpy as np
import orjson
from django.conf import settings

from aiops import http
from monitoring import store
from monitoring.query.errors import ExecutionError, ParseError, QueryCanceled, QueryError, QueryTimeout
from monitoring.query.evaluate import LOOKBACK
from monitoring.query.source import SeriesData
from monitoring.query.values import Matrix, RangeVector, Scalar, Text, Value, Vector
from monitoring.store import StoreUnavailable

if TYPE_CHECKING:
    from monitoring.store.remote import PromStore

MOST_BYTES = 256 * 2**20  # of one answer, unpacked
GRACE = 5.0  # seconds more than the query has, so that the engine can say itself that it took too long
FORM = "application/x-www-form-urlencoded"
_ERRORS: dict[str, type[QueryError]] = {
    "bad_data": ParseError,
    "execution": ExecutionError,
    "timeout": QueryTimeout,
    "canceled": QueryCanceled,
    "400": ParseError,  # VictoriaMetrics gives the status as the type, and 422 for mistakes in the query as well
    "422": ExecutionError,
}


def configured() -> "PromStore | None":
    """The engine that the settings name."""
    return cast("PromStore", store.current()) if settings.METRICS_WRITE_URL else None


class Call(NamedTuple):
    """Of the engine's HTTP API."""

    method: str
    path: str  # after /api/v1/
    query: str = ""
    body: bytes = b""
    content_type: str = ""


def forward(engine: "PromStore", call: Call, seconds: float) -> httpx.Response:
    """What the engine answers, good or bad. Raises StoreUnavailable when it does not answer."""
    url = f"{engine.read_url}/api/v1/{call.path}" + (f"?{call.query}" if call.query else "")
    headers = {**engine.headers, **({"Content-Type": call.content_type} if call.body else {})}
    within = seconds + GRACE
    try:
        return http.request(
            call.method,
            url,
            headers=headers,
            content=call.body,
            timeout=within,
            deadline=within,
            retries=0,
            allow_private=True,
            most_bytes=MOST_BYTES,
        )
    except (http.Refused, http.Unreachable) as fault:
        raise StoreUnavailable(str(fault)) from fault
    except http.TooLarge as fault:
        raise ExecutionError(f"{fault}; select fewer series or a shorter time") from fault


def instant(engine: "PromStore", query: str, at: int, *, lookback: int, seconds: float) -> Value:
    found = _ask(engine, "query", {"query": query, "time": _seconds(at)}, lookback, seconds)
    return replace(found, t=at) if isinstance(found, Vector) else found


def range_query(engine: "PromStore", query: str, start: int, end: int, step: int, *, lookback: int, seconds: float) -> Matrix:
    form = {"query": query, "start": _seconds(start), "end": _seconds(end), "step": _seconds(step)}
    found = _ask(engine, "query_range", form, lookback, seconds)
    series = found.series if isinstance(found, RangeVector) else []
    return _matrix(series, np.arange(start, end + 1, step), found)


def _ask(engine: "PromStore", path: str, form: Mapping[str, str], lookback: int, seconds: float) -> Value:
    form = {**form, "timeout": f"{seconds:g}s"} | ({} if lookback == LOOKBACK else {"lookback_delta": f"{lookback}ms"})
    answer = forward(engine, Call("POST", path, body=urlencode(form).encode(), content_type=FORM), seconds)
    try:
        content = orjson.loads(answer.content)
        if content["status"] == "success":
            return _value(content["data"], content.get("warnings") or [], content.get("infos") or [])
        kind, sentence = content["errorType"], content["error"]
    except (ValueError, KeyError, TypeError) as fault:
        raise StoreUnavailable(f"the metric engine answered {answer.status_code}: {answer.text[:200]}") from fault
    if kind not in _ERRORS:
        raise StoreUnavailable(f"the metric engine answered {answer.status_code}: {sentence}")
    raise _ERRORS[kind](sentence)


def _value(data: Mapping[str, Any], warnings: list[str], infos: list[str]) -> Value:
    kind, result = data["resultType"], data["result"]
    notes = {"warnings": warnings, "infos": infos}
    if kind == "matrix":
        return RangeVector([_samples(row) for row in result if "values" in row], **notes)
    if kind == "vector":
        rows = [row for row in result if "value" in row]  # native histograms have none
        return Vector([row["metric"] for row in rows], 0, np.array([float(row["value"][1]) for row in rows]), **notes)
    if kind == "scalar":
        return Scalar(_ms(result[0]), float(result[1]), **notes)
    return Text(_ms(result[0]), result[1], **notes)


def _samples(row: Mapping[str, Any]) -> SeriesData:
    times, values = zip(*row["values"], strict=True) if row["values"] else ((), ())
    return SeriesData(row["metric"], np.array([_ms(t) for t in times], np.int64), np.array([float(v) for v in values], np.float64))


def _matrix(series: Sequence[SeriesData], steps: np.ndarray, notes: Value) -> Matrix:
    v, present = np.full((len(series), len(steps)), np.nan), np.zeros((len(series), len(steps)), np.bool_)
    for row, one in enumerate(series):
        at = np.searchsorted(steps, one.t)
        known = at < len(steps)
        v[row, at[known]], present[row, at[known]] = one.v[known], True
    return Matrix([one.labels for one in series], steps, v, present, warnings=notes.warnings, infos=notes.infos)


def _ms(seconds: float) -> int:
    return round(float(seconds) * 1000)


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"
