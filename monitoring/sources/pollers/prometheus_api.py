"""The HTTP API of Prometheus and of whatever speaks it: the three calls a poll needs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np

from aiops import http
from aiops.plugins import PluginError
from monitoring.sources.pollers.base import Asked
from monitoring.store.batch import SeriesKey, Times, Values
from monitoring.store.metadata import Description

MOST_BYTES = 32 * 2**20  # of one answer
DENIED = "; user name, password or token are missing or refused"
PERMANENT = {400: "", 401: DENIED, 403: DENIED, 404: "; is the address right?"}

Found = list[tuple[SeriesKey, Times, Values]]


class _Series(msgspec.Struct):
    metric: dict[str, str] = {}
    values: list[tuple[float, str]] = []


class _Data(msgspec.Struct):
    resultType: str = ""  # noqa: N815 as the API writes it
    result: list[_Series] = []


class _Answer(msgspec.Struct):
    status: str = ""
    data: _Data | None = None
    error: str = ""


_answer = msgspec.json.Decoder(_Answer)


class Api:
    def __init__(self, url: str, headers: Mapping[str, str], verify: bool) -> None:
        self.url, self.headers, self.verify = url.rstrip("/"), headers, verify

    def samples(self, selector: str, start: int, end: int, timeout: float) -> Found:
        """The samples as they are, (start, end] in ms. Raises TooLarge, PluginError."""
        range_ms = max(1, end - start)
        return self._matrix("query", {"query": f"{selector}[{range_ms}ms]", "time": f"{end / 1000:.3f}"}, timeout)

    def evaluated(self, expression: str, start: int, end: int, step: int, timeout: float) -> Found:
        """The values at start, start + step … end, all in ms. Raises TooLarge, PluginError."""
        times = {"start": f"{start / 1000:.3f}", "end": f"{end / 1000:.3f}", "step": f"{step / 1000:g}"}
        return self._matrix("query_range", {"query": expression, **times}, timeout)

    def _matrix(self, path: str, form: Mapping[str, str], timeout: float) -> Found:
        content = self._call("POST", path, timeout, urlencode({**form, "timeout": f"{timeout:.0f}s"}).encode())
        try:
            answer = _answer.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise PluginError(f"{self.url} does not answer as Prometheus does: {fault}") from None
        if answer.data is None:
            raise PluginError(f"{self.url} answers without data: {answer.error}")
        return [_columns(series) for series in answer.data.result if series.values]

    def targets(self, timeout: float) -> list[Asked] | None:
        """None where it has no targets to tell of: an engine that only stores."""
        data = self._data("targets?state=active", timeout)
        rows = data.get("activeTargets") if isinstance(data, dict) else None
        if not isinstance(rows, list):
            return None
        found: dict[str, Asked] = {}
        for row in rows:
            one = _target(row if isinstance(row, dict) else {})
            address = one.address if one.address not in found else f"{one.address} ({one.labels.get('job', '')} {len(found)})"
            found[address] = replace(one, address=address)
        return list(found.values())

    def descriptions(self, timeout: float) -> dict[str, Description]:
        data = self._data("metadata?limit_per_metric=1", timeout)
        found = {}
        for metric, entries in data.items() if isinstance(data, dict) else ():
            if entries and isinstance(entries, list) and isinstance(entries[0], dict):
                said = {name: str(entries[0].get(name) or "") for name in ("type", "unit", "help")}
                found[str(metric)] = Description(said["type"] or "unknown", said["unit"], said["help"])
        return found

    def _data(self, path: str, timeout: float) -> Any:
        """Of a call that a peer may not know; None then."""
        try:
            answer = msgspec.json.decode(self._call("GET", path, timeout))
        except (PluginError, http.TooLarge, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return answer.get("data") if isinstance(answer, dict) else None

    def _call(self, method: str, path: str, timeout: float, content: bytes | None = None) -> bytes:
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if content else {}
        try:
            answer = http.request(
                method, f"{self.url}/api/v1/{path}", headers={"Accept-Encoding": "gzip", **kind, **self.headers}, content=content,
                timeout=timeout, deadline=timeout, retries=0, allow_private=True, verify=self.verify, most_bytes=MOST_BYTES,
            )  # fmt: skip
        except (http.Refused, http.Unreachable) as fault:
            raise PluginError(str(fault)) from None
        if answer.status_code != 200:
            said = f"{_error(answer.content)}{PERMANENT.get(answer.status_code, '')}"
            raise PluginError(f"{self.url} answers {answer.status_code}{said}", permanent=answer.status_code in PERMANENT)
        return answer.content


def _error(content: bytes) -> str:
    try:
        said = msgspec.json.decode(content, type=_Answer).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f": {said[:300]}" if said else ""


def _columns(series: _Series) -> tuple[SeriesKey, Times, Values]:
    labels = dict(series.metric)
    key = SeriesKey.of(labels.pop("__name__", ""), labels)
    t = np.array([round(at * 1000) for at, _value in series.values], np.int64)
    return key, t, np.array([float(value) for _at, value in series.values], np.float64)


def _target(row: Mapping[str, Any]) -> Asked:
    labels = row.get("labels")
    health = row.get("health")
    seconds = row.get("lastScrapeDuration")
    return Asked(
        address=str(row.get("scrapeUrl") or row.get("scrapePool") or "?"),
        labels={str(name): str(value) for name, value in labels.items()} if isinstance(labels, dict) else {},
        up=None if health not in ("up", "down") else health == "up",
        at_ms=_milliseconds(str(row.get("lastScrape") or "")),
        duration_ms=1000 * seconds if isinstance(seconds, int | float) else 0.0,
        error=str(row.get("lastError") or ""),
    )


def _milliseconds(text: str) -> int | None:
    """None for no time, and for the year 1, by which it says never."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(found.timestamp() * 1000) if found.year > 1970 else None
