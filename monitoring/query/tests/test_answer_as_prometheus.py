"""The same samples here and in a real Prometheus: the same HTTP answers, and passed through when it is the engine."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
import pytest
from django.test import Client

from monitoring.query import stored
from monitoring.query.errors import ExecutionError, ParseError, QueryTimeout
from monitoring.query.values import RangeVector, Scalar, Text, Vector
from monitoring.store import StoreUnavailable, remote_write, series, writer
from monitoring.store.batch import Batch, SeriesKey
from monitoring.store.samples import Samples
from monitoring.store.tests.engines import running
from monitoring.store.windows import MINUTE, floor, now_ms

pytestmark = pytest.mark.django_db
API = "/prometheus/api/v1/"
BASE = floor(now_ms(), 10 * MINUTE) - 20 * MINUTE
AWKWARD = [
    0.1,
    1e6,
    -2.5,
    1e16,
    123456789012345680.0,
    1e21,
    1e-5,
    1e-6,
    9e-7,
    5e-324,
    float("inf"),
    -float("inf"),
    float("nan"),
    -0.0,
    1 / 3,
]


def samples() -> dict[SeriesKey, list[tuple[int, float]]]:
    found = {}
    for place, host in enumerate(("a", "b", "ü")):
        labels = {"host": host, "job": "node", **({"zone": "1"} if place else {})}
        found[SeriesKey.of("up", labels)] = [(BASE + k * 15_000 + place, float(k % 3)) for k in range(41)]
        found[SeriesKey.of("bytes_total", labels)] = [(BASE + k * 15_000 + place, k * 100.5 * (place + 1)) for k in range(41)]
    found[SeriesKey.of("awkward", {"q": 'a"b\\c\nd<&>'})] = [(BASE + k * MINUTE, value) for k, value in enumerate(AWKWARD)]
    return found


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = list(samples())
    sid, t, v = zip(*((place, t, v) for place, key in enumerate(keys) for t, v in samples()[key]), strict=True)
    columns = Samples(np.array(sid, np.int32), np.array(t, np.int64), np.array(v))
    labels = {place: remote_write.label_bytes(key) for place, key in enumerate(keys)}
    with running("prometheus", tmp_path_factory.mktemp("prometheus")) as root:
        content = remote_write.encode(columns, labels)
        assert httpx.post(f"{root}/api/v1/write", content=content, headers=remote_write.headers()).status_code == 204
        yield root


@pytest.fixture
def here(viewer: Any, token_of: Callable[..., str]) -> Iterator[Callable[..., Any]]:
    headers = {"Authorization": f"Bearer {token_of(viewer, 'monitoring:read')}"}

    def here(path: str, post: bool = False, **form: Any) -> Any:
        if not post:
            return Client().get(API + path, _bracketed(form), headers=headers)
        return Client().post(API + path, urlencode(_bracketed(form), doseq=True), "application/x-www-form-urlencoded", headers=headers)

    series.forget()
    yield here
    series.forget()


@pytest.fixture
def kept_here() -> None:
    for key, points in samples().items():
        writer.write(Batch.of([(key.metric, dict(key.labels), t, v) for t, v in points]))


def _bracketed(form: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("match", "match[]"): value for name, value in form.items()}


def there(root: str, path: str, post: bool = False, **form: Any) -> httpx.Response:
    url = f"{root}/api/v1/{path}"
    return httpx.post(url, data=_bracketed(form)) if post else httpx.get(url, params=_bracketed(form))


def seconds(ms: float) -> str:
    return f"{ms / 1000:.3f}"


AT = {"time": seconds(BASE + 7 * MINUTE + 30)}
RANGE = {"start": seconds(BASE + 30_000), "end": seconds(BASE + 9 * MINUTE), "step": "40"}
SAME = [
    ("query", {"query": "1+1", **AT}),
    ("query", {"query": '"text"', **AT}),
    ("query", {"query": "sort_desc(bytes_total)", **AT}),
    ("query", {"query": 'up{zone="1"}[61s]', **AT}),
    ("query", {"query": "up", "time": "2015-07-01T20:10:51.781Z"}),
    ("query_range", {"query": "awkward", "start": seconds(BASE), "end": seconds(BASE + 15 * MINUTE), "step": "60"}),
    ("query_range", {"query": "up", **RANGE}),
    ("query_range", {"query": "rate(bytes_total[1m1s])", **RANGE}),
    ("query_range", {"query": "sum by (job)(bytes_total) / 7", **RANGE, "step": "1m"}),
    ("query_range", {"query": "1", **RANGE}),
    ("query_range", {"query": "-up > -2", **RANGE}),
    ("series", {"match": ["up", 'bytes_total{host="a"}'], "start": seconds(BASE)}),
    ("labels", {"start": seconds(BASE)}),
    ("labels", {"match": "awkward", "start": seconds(BASE)}),
    ("label/host/values", {"match": 'up{zone="1"}', "start": seconds(BASE)}),
    ("label/__name__/values", {"start": seconds(BASE)}),
    ("label/nobody/values", {"start": seconds(BASE)}),
    ("query_exemplars", {"query": "up", **RANGE}),
    ("format_query", {"query": "sum(up)by(job) / 2"}),
    ("alerts", {}),
    ("rules", {}),
]


def same_order(data: Any) -> Any:
    """Vectors and series have no order of their own."""
    rows = data["result"] if isinstance(data, dict) and data.get("resultType") == "vector" else data
    if isinstance(rows, list) and rows and isinstance(rows[0], dict):
        rows.sort(key=lambda row: sorted(row.get("metric", row).items()))
    return data


@pytest.mark.parametrize(("path", "form"), SAME)
def test_the_data_is_the_same(prometheus: str, here: Any, kept_here: None, path: str, form: dict[str, Any]) -> None:
    ours, theirs = here(path, **form), there(prometheus, path, **form)
    assert (ours.status_code, theirs.status_code) == (200, 200), (ours.content, theirs.text)
    assert same_order(ours.json()["data"]) == same_order(theirs.json()["data"])


def test_numbers_and_times_are_written_character_by_character_the_same(prometheus: str, here: Any, kept_here: None) -> None:
    form = {"query": "awkward", "start": seconds(BASE + 500), "end": seconds(BASE + 15 * MINUTE), "step": "59.75"}
    ours, theirs = here("query_range", **form).content, there(prometheus, "query_range", **form).content
    mark = b'"values":['
    assert ours.partition(mark)[2].partition(b"]]")[0] == theirs.partition(mark)[2].partition(b"]]")[0] != b""


REFUSED = [
    ("query", {}),
    ("query", {"query": "sum("}),
    ("query", {"query": "up", "time": "soon"}),
    ("query", {"query": "up", "timeout": "never"}),
    ("query_range", {"query": "up"}),
    ("query_range", {"query": "up", **RANGE, "step": "0"}),
    ("query_range", {"query": "up", **RANGE, "end": "1"}),
    ("query_range", {"query": "up", **RANGE, "step": "0.01"}),
    ("query_range", {"query": "up[5m]", **RANGE}),
    ("query", {"query": 'label_replace(up, "x", "$1", "host", "(")', **AT}),
    ("query", {"query": "up * on(job) bytes_total", **AT}),
    ("series", {}),
    ("series", {"match": "up +"}),
    ("labels", {"start": "soon"}),
    ("metadata", {"limit": "x"}),
]


@pytest.mark.parametrize(("path", "form"), REFUSED)
def test_refusals_have_the_same_kind_and_status(prometheus: str, here: Any, kept_here: None, path: str, form: dict[str, Any]) -> None:
    ours, theirs = here(path, **form), there(prometheus, path, **form)
    assert (ours.status_code, ours.json()["errorType"]) == (theirs.status_code, theirs.json()["errorType"])
    assert ours.json().keys() == theirs.json().keys() == {"status", "errorType", "error"}


# -- when it is the engine -------------------------------------------------------------------------------------------------
@pytest.fixture
def as_engine(prometheus: str, settings: Any) -> str:
    settings.METRICS_WRITE_URL, settings.METRICS_READ_URL = f"{prometheus}/api/v1/write", prometheus
    return prometheus


@pytest.mark.parametrize(
    ("path", "post", "form"),
    [
        ("query", True, {"query": "sum(up)", **AT}),
        ("query_range", False, {"query": "up", **RANGE}),
        ("query_range", True, {"query": "up", **RANGE, "step": "0"}),
        ("series", True, {"match": ["up", "awkward"]}),
        ("labels", False, {}),
        ("label/host/values", False, {}),
        ("query", False, {"query": "sum("}),
    ],
)
def test_its_answers_are_passed_through_as_they_are(as_engine: str, here: Any, path: str, post: bool, form: dict[str, Any]) -> None:
    ours, theirs = here(path, post, **form), there(as_engine, path, post, **form)
    assert (ours.status_code, ours["Content-Type"]) == (theirs.status_code, theirs.headers["Content-Type"])
    assert ours.content == theirs.content


def test_its_build_is_told_so_that_clients_know_what_it_can(as_engine: str, here: Any) -> None:
    assert here("status/buildinfo").content == there(as_engine, "status/buildinfo").content


def test_its_values_come_back_as_ours(as_engine: str) -> None:
    at = BASE + 7 * MINUTE
    vector = stored.run_instant('up{host="a"}', at)
    assert isinstance(vector, Vector)
    assert (vector.labels, vector.t, vector.v.tolist()) == ([{"__name__": "up", "host": "a", "job": "node"}], at, [1.0])
    scalar, text = stored.run_instant("1/3", at), stored.run_instant('"x"', at)
    assert isinstance(scalar, Scalar) and isinstance(text, Text)  # noqa: PT018
    assert (scalar.t, scalar.v, text.text) == (at, 1 / 3, "x")
    found = stored.run_instant('up{host="a"}[30s]', at)
    assert isinstance(found, RangeVector)
    assert found.series[0].t.tolist()[-2:] == [at - 15_000, at]
    matrix = stored.run_range("awkward", BASE - 2 * MINUTE, BASE + MINUTE, MINUTE)
    assert (matrix.present.tolist(), matrix.v[0][2:].tolist()) == ([[False, False, True, True]], [0.1, 1e6])


@pytest.mark.parametrize(("query", "fault"), [("sum(", ParseError), ("up * on(job) bytes_total", ExecutionError)])
def test_its_refusals_come_back_as_ours(as_engine: str, query: str, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        stored.run_instant(query, BASE + 7 * MINUTE)


def test_an_engine_that_is_gone_is_an_outage(here: Any, settings: Any) -> None:
    settings.METRICS_WRITE_URL = settings.METRICS_READ_URL = "http://127.0.0.1:1/write"
    response = here("query", query="up")
    assert (response.status_code, response.json()["errorType"]) == (503, "unavailable")
    with pytest.raises(StoreUnavailable):
        stored.run_range("up", 0, 60_000, 15_000)


def test_an_engine_that_talks_nonsense_is_an_outage(monkeypatch: Any, settings: Any) -> None:
    settings.METRICS_WRITE_URL = settings.METRICS_READ_URL = "http://127.0.0.1:1/write"
    for content in (b"<html>", b"[]", b'{"status":"error","errorType":"internal","error":"x"}', b'{"status":"success"}'):
        monkeypatch.setattr(stored.engine, "forward", lambda *_, content=content: httpx.Response(500, content=content))
        with pytest.raises(StoreUnavailable):
            stored.run_instant("up", 0)
    theirs = b'{"status":"error","errorType":"422","error":"x"}'
    monkeypatch.setattr(stored.engine, "forward", lambda *_: httpx.Response(422, content=theirs))
    with pytest.raises(ExecutionError):
        stored.run_instant("up", 0)
    late = b'{"status":"error","errorType":"timeout","error":"x"}'
    monkeypatch.setattr(stored.engine, "forward", lambda *_: httpx.Response(503, content=late))
    with pytest.raises(QueryTimeout):
        stored.run_instant("up", 0)
