"""The metric store at any engine that takes Prometheus remote write and answers PromQL over HTTP.

Which series there are stays in our database; only samples live there. The engine applies stale markers and retention itself.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
import orjson

from aiops import http
from monitoring.store import outlines, promql, remote_write, series
from monitoring.store.batch import Ids, SeriesKey, Times, Values
from monitoring.store.errors import Forgotten, StoreUnavailable
from monitoring.store.protocol import Series
from monitoring.store.samples import NONE, Buckets, Samples, concatenate, settle
from monitoring.store.windows import FUTURE, MINUTE, now_ms

AT_ONCE = 20_000  # samples per request
ATTEMPTS = 64  # requests to find the samples an engine does not want among those it does
LOOKBACK = 5 * MINUTE  # how far an instant query looks for a series that has not ended: Prometheus' default
_UNWANTED = {400, 422}


_Columns = defaultdict[int, dict[str, dict[int, float]]]  # series -> aggregate -> bucket -> value


class PromStore:
    def __init__(
        self, write_url: str, read_url: str, headers: Mapping[str, str], request: Callable[..., httpx.Response] = http.request
    ) -> None:
        self.write_url, self.read_url = write_url, read_url.rstrip("/")
        self.headers, self._request = dict(headers), request

    # -- writing -------------------------------------------------------------------------------------------------------------
    def write(self, sid: Ids, t: Times, v: Values) -> int:
        samples = Samples(sid, t, v).settled()
        wanted = np.unique(sid).tolist()
        keys = series.keys_of(wanted)
        if len(keys) < len(wanted):
            raise Forgotten
        labels = {one: remote_write.label_bytes(key) for one, key in keys.items()}
        places = range(0, len(samples), AT_ONCE)
        return sum(self._send(samples.where(slice(place, place + AT_ONCE)), labels) for place in places)

    def foretell(self, sids: Ids, sid: Ids, t: Times, v: Values, now: int) -> int:
        """An engine keeps what was written before where nothing new is written, and may refuse times that are far ahead."""
        return self.write(sid, t, v) if len(sid) else 0

    def _send(self, samples: Samples, labels: Mapping[int, bytes]) -> int:
        """An engine drops a whole request for one sample it does not want, so what was refused is sent again in halves."""
        rest, refused, attempts = [samples], 0, 0
        while rest:
            part = rest.pop()
            attempts += 1
            if self._post(part, labels):
                continue
            half = len(part) // 2
            if half and attempts < ATTEMPTS:
                rest += [part.where(slice(None, half)), part.where(slice(half, None))]
            else:
                refused += len(part)
        return refused

    def _post(self, samples: Samples, labels: Mapping[int, bytes]) -> bool:
        content = remote_write.encode(samples, labels)
        answer = self._ask("POST", self.write_url, remote_write.headers(), content)
        if answer.status_code in _UNWANTED:
            return False
        _require(answer)
        return True

    # -- reading -------------------------------------------------------------------------------------------------------------
    def raw_many(self, sids: Collection[int], a: int, b: int, *, stale: bool = False) -> dict[int, Series]:
        """Markers of ended series do not come back: `stale` changes nothing."""
        keys = series.keys_of(sids)
        if not keys or a >= b:
            return {}
        return self._raw({key: sid for sid, key in keys.items()}, promql.selector(keys.values()), a, b)

    def flat(self, sids: Collection[int], a: int, b: int) -> tuple[Ids, Times, Values]:
        parts = [Samples(np.full(len(t), sid, np.int32), t, v) for sid, (t, v) in sorted(self.raw_many(sids, a, b).items())]
        found = concatenate(parts)
        return found.sid, found.t, found.v

    def _raw(self, wanted: Mapping[SeriesKey, int], selector: str, a: int, b: int) -> dict[int, Series]:
        found = {}
        for labels, t, v in promql.matrix(self._query(f"{selector}[{b - a}ms]", b - 1)):
            sid = wanted.get(promql.key_of(labels))
            keep = (t >= a) & (t < b)
            if sid is not None and keep.any():
                found[sid] = settle(t[keep], v[keep])  # VictoriaMetrics keeps repeated samples unless told to drop them
        return found

    def buckets_many(self, sids: Collection[int], a: int, b: int, step: int) -> dict[int, Buckets]:
        found: dict[int, Buckets] = {}
        for metric, wanted in self._by_metric(sids).items():
            columns: _Columns = defaultdict(lambda: {name: {} for name in promql.AGGREGATES})
            whole = (b - a) // step
            if whole:
                self._aggregate(metric, wanted, a, a + whole * step, step, columns)
            if a + whole * step < b:  # the last bucket is cut short
                self._aggregate(metric, wanted, a + whole * step, b, b - a - whole * step, columns)
            found |= {sid: _buckets(of_series) for sid, of_series in columns.items()}
        return found

    def outlines(self, sids: Collection[int], a: int, b: int, step: int) -> outlines.Outlines:
        return outlines.of_buckets(self.buckets_many(sids, a, b, step))

    def _aggregate(self, metric: str, wanted: Mapping[SeriesKey, int], a: int, b: int, step: int, columns: _Columns) -> None:
        """A bucket is asked for at its last millisecond: the engine looks back from there."""
        query = promql.aggregates(promql.selector(wanted), step)
        times = {"start": _seconds(a + step - 1), "end": _seconds(b - 1), "step": _seconds(step)}
        for labels, t, v in promql.matrix(self._ask_query("query_range", {"query": query, **times})):
            sid = wanted.get(promql.key_of(labels, metric))
            if sid is not None:
                columns[sid][labels[promql.COLUMN]].update(zip((t - step + 1).tolist(), v.tolist(), strict=True))

    def _by_metric(self, sids: Collection[int]) -> dict[str, dict[SeriesKey, int]]:
        found: defaultdict[str, dict[SeriesKey, int]] = defaultdict(dict)
        for sid, key in series.keys_of(sids).items():
            found[key.metric][key] = sid
        return found

    def latest(self, sids: Collection[int] | None, since: int) -> tuple[Ids, Times, Values]:
        now = now_ms()
        if sids is None:
            selector, wanted = '{__name__=~".+"}', series.known()
        else:
            keys = series.keys_of(sids)
            wanted = {key: sid for sid, key in keys.items()}
            selector = promql.selector(keys.values()) if keys else ""
        if not wanted:
            return NONE.sid, NONE.t, NONE.v
        found = self._raw(wanted, selector, since, max(now, since) + FUTURE)
        alive = {promql.key_of(labels) for labels, _ in promql.vector(self._query(selector, now))}
        ended = {sid for key, sid in wanted.items() if key not in alive}
        last = [(sid, t[-1], v[-1]) for sid, (t, v) in sorted(found.items()) if sid not in ended or not now - LOOKBACK < t[-1] <= now]
        columns = zip(*last, strict=True) if last else ([], [], [])
        sid, t, v = columns
        return np.array(sid, np.int32), np.array(t, np.int64), np.array(v, np.float64)

    def reduce(self, sids: Sequence[int], a: int, b: int) -> Values:
        means: dict[int, float] = {}
        for metric, wanted in self._by_metric(sids).items():
            query = f"avg_over_time({promql.selector(wanted)}[{b - a}ms])"
            answers = ((wanted.get(promql.key_of(labels, metric)), mean) for labels, mean in promql.vector(self._query(query, b - 1)))
            means |= {sid: mean for sid, mean in answers if sid is not None}
        return np.array([means.get(sid, np.nan) for sid in sids])

    def probe(self) -> None:
        """Raises StoreUnavailable unless the engine answers."""
        self._query("1", now_ms())

    # -- HTTP ----------------------------------------------------------------------------------------------------------------
    def _query(self, query: str, when: int) -> dict[str, Any]:
        return self._ask_query("query", {"query": query, "time": _seconds(when)})

    def _ask_query(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        # nocache: VictoriaMetrics would else answer for half a minute ago
        content = urlencode({**form, "nocache": "1"}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._ask("POST", f"{self.read_url}/api/v1/{path}", headers, content, retries=2)
        _require(answer)
        data: dict[str, Any] = orjson.loads(answer.content)["data"]
        return data

    def _ask(self, method: str, url: str, headers: dict[str, str], content: bytes, retries: int = 0) -> httpx.Response:
        try:
            return self._request(method, url, headers={**self.headers, **headers}, content=content, retries=retries, allow_private=True)
        except (http.Refused, http.Unreachable) as fault:
            raise StoreUnavailable(str(fault)) from fault


def _buckets(columns: Mapping[str, Mapping[int, float]]) -> Buckets:
    t = np.array(sorted(columns["count"]), np.int64)
    low, high, mean, last, count = (np.array([columns[name][when] for when in t.tolist()]) for name in promql.AGGREGATES)
    return Buckets(t, low, high, mean, last, count.astype(np.int64))


def _require(answer: httpx.Response) -> None:
    if answer.status_code // 100 != 2:
        raise StoreUnavailable(f"the metric engine answered {answer.status_code}: {answer.text[:200]}")


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"
