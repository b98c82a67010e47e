"""The HTTP API as its clients see it."""

import base64
import gzip
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import OperationalError
from django.test import Client

from monitoring.query import catalogue, evaluate, stored, views
from monitoring.query.errors import QueryCanceled, QueryTimeout
from monitoring.store import metadata, series, writer
from monitoring.store.batch import Batch
from monitoring.store.metadata import Description
from monitoring.store.windows import HOUR, MINUTE, floor, now_ms

pytestmark = pytest.mark.django_db
API = "/prometheus/api/v1/"


@pytest.fixture(autouse=True)
def _ids_of_this_test() -> Iterator[None]:
    series.forget()
    yield
    series.forget()


@pytest.fixture
def base() -> int:
    return floor(now_ms() - HOUR, MINUTE)


@pytest.fixture
def token(viewer: Any, token_of: Callable[..., str]) -> str:
    return token_of(viewer, "monitoring:read")


@pytest.fixture
def ask(token: str) -> Callable[..., Any]:
    def ask(path: str, status: int = 200, post: bool = False, **form: Any) -> Any:
        form = {name.replace("match", "match[]"): value for name, value in form.items()}
        headers = {"Authorization": f"Bearer {token}"}
        if post:
            response = Client().post(API + path, urlencode(form, doseq=True), "application/x-www-form-urlencoded", headers=headers)
        else:
            response = Client().get(API + path, form, headers=headers)
        assert response.status_code == status, response.content
        content = response.json()
        assert content["status"] == ("success" if status == 200 else "error")
        return content if status != 200 else content["data"]

    return ask


@pytest.fixture
def fleet(base: int) -> int:
    """Two hosts' `up`, one sample a minute for ten minutes; returns the first one's time."""
    samples = [("up", {"host": host, "job": "node"}, base + k * MINUTE, float(k)) for host in "ab" for k in range(10)]
    writer.write(Batch.of([*samples, ("temperature", {"host": "a"}, base, -0.5)]))
    return base


def seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


# -- queries ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("post", [False, True])
def test_an_instant_query(ask: Any, fleet: int, post: bool) -> None:
    data = ask("query", post=post, query='up{host="b"}', time=seconds(fleet + 2 * MINUTE))
    assert data == {
        "resultType": "vector",
        "result": [{"metric": {"__name__": "up", "host": "b", "job": "node"}, "value": [(fleet + 2 * MINUTE) // 1000, "2"]}],
    }


@pytest.mark.parametrize("post", [False, True])
def test_a_range_query(ask: Any, fleet: int, post: bool) -> None:
    times = {"start": seconds(fleet), "end": seconds(fleet + 2 * MINUTE), "step": "1m"}
    data = ask("query_range", post=post, query="up", **times)
    values = [[(fleet + k * MINUTE) // 1000, str(k)] for k in range(3)]
    assert data == {
        "resultType": "matrix",
        "result": [{"metric": {"__name__": "up", "host": host, "job": "node"}, "values": values} for host in "ab"],
    }


def test_times_are_read_as_rfc_3339_and_steps_as_seconds(ask: Any, fleet: int) -> None:
    from datetime import UTC, datetime

    start = datetime.fromtimestamp(fleet / 1000, UTC)
    data = ask("query_range", query="up", start=start.strftime("%Y-%m-%dT%H:%M:%SZ"), end=seconds(fleet + MINUTE), step="30.0")
    assert [value for _, value in data["result"][0]["values"]] == ["0", "0", "1"]


def test_a_query_without_a_time_is_for_now(ask: Any) -> None:
    data = ask("query", query="1+1")
    assert data["resultType"] == "scalar"
    assert data["result"][1] == "2"
    assert abs(data["result"][0] - now_ms() / 1000) < 60


def test_text_and_raw_samples_have_shapes_of_their_own(ask: Any, fleet: int) -> None:
    at = seconds(fleet + 2 * MINUTE)
    assert ask("query", query='"a\\"b"', time=at) == {"resultType": "string", "result": [(fleet + 2 * MINUTE) // 1000, 'a"b']}
    data = ask("query", query='up{host="a"}[2m]', time=at)
    assert data["resultType"] == "matrix"
    assert data["result"][0]["values"] == [[(fleet + MINUTE) // 1000, "1"], [(fleet + 2 * MINUTE) // 1000, "2"]]


def test_nothing_found_is_no_error(ask: Any) -> None:
    assert ask("query", query="nobody") == {"resultType": "vector", "result": []}
    assert ask("query_range", query="nobody", start="0", end="60", step="15") == {"resultType": "matrix", "result": []}


def test_lookback_can_be_shortened(ask: Any, fleet: int) -> None:
    at = seconds(fleet + 30_000)
    assert len(ask("query", query="up", time=at)["result"]) == 2
    assert ask("query", query="up", time=at, lookback_delta="10s")["result"] == []


def test_limit_cuts_and_says_so(token: str, fleet: int) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    content = Client().get(f"{API}query", {"query": "up", "time": seconds(fleet), "limit": "1"}, headers=headers).json()
    assert len(content["data"]["result"]) == 1
    assert content["warnings"] == ["results truncated due to limit"]
    content = Client().get(f"{API}query", {"query": "up", "time": seconds(fleet), "limit": "2"}, headers=headers).json()
    assert (len(content["data"]["result"]), "warnings" in content) == (2, False)


def test_statistics_are_told_when_asked_for(ask: Any, fleet: int) -> None:
    data = ask("query", query="up", time=seconds(fleet), stats="all")
    assert data["stats"]["samples"]["totalQueryableSamples"] == 2
    assert data["stats"]["timings"]["evalTotalTime"] > 0
    assert "stats" not in ask("query", query="up", time=seconds(fleet))


def test_large_answers_are_packed_for_who_unpacks(token: str, fleet: int) -> None:
    form = {"query": "up", "start": seconds(fleet), "end": seconds(fleet + 9 * MINUTE), "step": "1"}
    headers = {"Authorization": f"Bearer {token}"}
    plain = Client().get(f"{API}query_range", form, headers=headers)
    packed = Client().get(f"{API}query_range", form, headers={**headers, "Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 5


def test_a_query_can_be_laid_out(ask: Any) -> None:
    assert ask("format_query", query="sum(rate(x[5m]))by(a)") == "sum by (a) (rate(x[5m]))"
    assert ask("format_query", 400, query="sum(")["errorType"] == "bad_data"


def test_there_are_no_exemplars(ask: Any) -> None:
    assert ask("query_exemplars", post=True, query="x", start="1", end="2") == []


# -- bad input -------------------------------------------------------------------------------------------------------------
RANGE = {"query": "up", "start": "0", "end": "60", "step": "15"}


@pytest.mark.parametrize(
    ("path", "form", "word"),
    [
        ("query", {}, "query"),
        ("query", {"query": "  "}, "query"),
        ("query", {"query": "up", "time": "yesterday"}, "yesterday"),
        ("query", {"query": "up", "time": "NaN"}, "time"),
        ("query", {"query": "up", "time": "1e300"}, "time"),
        ("query", {"query": "up", "time": "2026-01-01"}, "time"),
        ("query", {"query": "up", "timeout": "-1"}, "timeout"),
        ("query", {"query": "up", "limit": "-1"}, "limit"),
        ("query", {"query": "up", "limit": "many"}, "limit"),
        ("query", {"query": "up", "lookback_delta": "0"}, "lookback_delta"),
        ("query", {"query": "sum(up"}, "parse error"),
        ("query", {"query": 'up{a=~"["}'}, "parse error"),
        ("query", {"query": "up" * 200_000}, "longer"),
        ("query_range", {**RANGE, "start": ""}, "start"),
        ("query_range", {**RANGE, "end": "-60"}, "before the start"),
        ("query_range", {**RANGE, "step": "0"}, "step"),
        ("query_range", {**RANGE, "step": "-15"}, "step"),
        ("query_range", {**RANGE, "step": "soon"}, "soon"),
        ("query_range", {**RANGE, "step": "Inf"}, "step"),
        ("query_range", {**RANGE, "end": "11001", "step": "1"}, "11,000"),
        ("series", {}, "match[]"),
        ("series", {"match[]": "up +"}, "parse error"),
        ("series", {"match[]": "sum(up)"}, "selector"),
        ("series", {"match[]": "up[5m]"}, "selector"),
        ("series", {"match[]": "{}"}, "non-empty"),
        ("labels", {"match[]": '{a=""}'}, "non-empty"),
        ("labels", {"start": "x"}, "start"),
        ("labels", {"match[]": ["up"] * 101}, "100 selectors"),
        ("labels", {"match[]": "u" * 200_001}, "200,000 characters"),
        ("label/job/values", {"end": "x"}, "end"),
        ("rules", {"type": "other"}, "type"),
        ("metadata", {"limit": "x"}, "limit"),
    ],
)
def test_what_cannot_be_understood_is_bad_data(token: str, path: str, form: dict[str, str], word: str) -> None:
    response = Client().post(API + path, form, headers={"Authorization": f"Bearer {token}"})
    content = response.json()
    assert (response.status_code, content["status"], content["errorType"]) == (400, "error", "bad_data")
    assert word in content["error"]


def test_11000_steps_are_allowed(ask: Any) -> None:
    ask("query_range", query="nobody", start="0", end="11000", step="1")


def test_a_query_that_cannot_be_evaluated_is_422(ask: Any, fleet: int, settings: Any) -> None:
    settings.QUERY_SAMPLES = 1
    content = ask("query", 422, query="up", time=seconds(fleet))
    assert content["errorType"] == "execution"
    assert "AIOPS_QUERY_SAMPLES" in content["error"]


@pytest.mark.parametrize(("fault", "kind", "status"), [(QueryTimeout, "timeout", 503), (QueryCanceled, "canceled", 499)])
def test_an_ended_query_says_why(ask: Any, monkeypatch: Any, fault: Any, kind: str, status: int) -> None:
    def end(*_: Any, **__: Any) -> None:
        raise fault("ended")

    monkeypatch.setattr(evaluate, "instant", end)
    assert ask("query", status, query="up")["errorType"] == kind


@pytest.mark.parametrize(("form", "allowed"), [({}, 30), ({"timeout": "5s"}, 5), ({"timeout": "2.5"}, 2.5), ({"timeout": "1h"}, 30)])
def test_a_shorter_time_may_be_asked_for_but_no_longer(rf: Any, settings: Any, form: dict[str, str], allowed: float) -> None:
    settings.QUERY_SECONDS = 30
    assert views.within(rf.get("/", form)).seconds == allowed


def test_a_database_that_does_not_answer_is_503(token: str, monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(stored.matching, "select", fail)
    response = Client().get(f"{API}query", {"query": "up"}, headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.json()["errorType"], response["Retry-After"]) == (503, "unavailable", "5")


def test_a_client_that_has_gone_ends_its_query(token: str, fleet: int) -> None:
    from threading import Event

    from aiops.turnstile import GONE

    gone = Event()
    gone.set()
    scope = {"asgi.scope": {GONE: gone}}
    response = Client().get(f"{API}query", {"query": "up"}, headers={"Authorization": f"Bearer {token}"}, **scope)  # type: ignore[arg-type]
    assert (response.status_code, response.json()["errorType"]) == (499, "canceled")


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_methods_are_not_understood(token: str, method: str) -> None:
    response = getattr(Client(), method)(f"{API}query", headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response["Allow"]) == (405, "GET, POST")


# -- what there is ---------------------------------------------------------------------------------------------------------
def test_series_labels_and_values(ask: Any, fleet: int) -> None:
    assert ask("series", match='up{host="a"}') == [{"__name__": "up", "host": "a", "job": "node"}]
    assert ask("series", post=True, match=["up", 'temperature{host="a"}', 'up{host="a"}']) == [
        {"__name__": "up", "host": "a", "job": "node"},
        {"__name__": "up", "host": "b", "job": "node"},
        {"__name__": "temperature", "host": "a"},
    ]
    assert len(ask("series", match="up", limit=1)) == 1
    assert ask("labels") == ["__name__", "host", "job"]
    assert ask("labels", post=True, match="temperature") == ["__name__", "host"]
    assert ask("labels", limit=1) == ["__name__"]
    assert ask("label/__name__/values") == ["temperature", "up"]
    assert ask("label/host/values", match='up{host!="a"}', start=seconds(fleet), end=seconds(fleet + HOUR)) == ["b"]
    assert ask("label/host/values", start="-292273086-05-16T16:47:06Z", end="292277025-08-18T07:12:54.999999999Z") == ["a", "b"]
    assert ask("label/nobody/values") == []
    assert ask("label/U__jo_62_/values") == ["node"]


def test_an_answer_has_only_so_many_series(token: str, fleet: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(catalogue, "MOST_SERIES", 1)
    content = Client().get(f"{API}series", {"match[]": "up"}, headers={"Authorization": f"Bearer {token}"}).json()
    assert (len(content["data"]), content["warnings"]) == (1, ["results truncated due to limit"])


def test_metadata_of_all_and_of_one(ask: Any) -> None:
    metadata.forget()
    metadata.record({"up": Description("gauge", "", "Whether it is up."), "cpu": Description("counter", "seconds", "Time.")})
    of_up = {"up": [{"type": "gauge", "unit": "", "help": "Whether it is up."}]}
    assert ask("metadata", metric="up") == of_up
    assert list(ask("metadata")) == ["cpu", "up"]
    assert list(ask("metadata", limit=1)) == ["cpu"]
    assert ask("metadata", metric="nobody") == {}


def test_what_the_series_are_made_of(ask: Any, fleet: int) -> None:
    data = ask("status/tsdb")
    assert data["headStats"] == {"numSeries": 3, "numLabelPairs": 5}
    assert data["seriesCountByMetricName"] == [{"name": "up", "value": 2}, {"name": "temperature", "value": 1}]
    assert len(ask("status/tsdb", limit=1)["seriesCountByMetricName"]) == 1


def test_status(ask: Any, fleet: int) -> None:
    assert ask("status/buildinfo")["version"] == "3.1.0"
    assert ask("status/flags")["query.timeout"] == "30s"
    assert ask("status/runtimeinfo")["timeSeriesCount"] == 3


# -- who may ask -----------------------------------------------------------------------------------------------------------
PATHS = [
    "api/v1/query",
    "api/v1/query_range",
    "api/v1/query_exemplars",
    "api/v1/format_query",
    "api/v1/series",
    "api/v1/labels",
    "api/v1/label/job/values",
    "api/v1/metadata",
    "api/v1/rules",
    "api/v1/alerts",
    "api/v1/targets",
    "api/v1/status/buildinfo",
    "api/v1/status/flags",
    "api/v1/status/runtimeinfo",
    "api/v1/status/tsdb",
    "-/healthy",
    "-/ready",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_refused_everywhere(path: str, db: None) -> None:
    response = Client().get(f"/prometheus/{path}")
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["errorType"] == "unauthorized"


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_may_ask_with_a_token_or_signed_in(role: str, request: Any, token_of: Any, client_of: Any) -> None:
    user = request.getfixturevalue(role)
    with_token = Client().post(f"{API}query", {"query": "1"}, headers={"Authorization": f"Bearer {token_of(user, 'monitoring:read')}"})
    signed_in = client_of(user).post(f"{API}query", {"query": "1"})
    assert (with_token.status_code, signed_in.status_code) == (200, 200)


def test_a_token_for_something_else_is_forbidden(operator: Any, token_of: Any) -> None:
    response = Client().get(f"{API}query", {"query": "1"}, headers={"Authorization": f"Bearer {token_of(operator, 'metrics:write')}"})
    assert (response.status_code, response.json()["errorType"]) == (403, "forbidden")


def test_a_wrong_token_is_refused_even_for_who_is_signed_in(viewer: Any, client_of: Any) -> None:
    response = client_of(viewer).get(f"{API}query", {"query": "1"}, headers={"Authorization": "Bearer aio_wrong"})
    assert response.status_code == 401


def test_the_token_may_be_a_password(token: str) -> None:
    basic = base64.b64encode(f"grafana:{token}".encode()).decode()
    response = Client().get(f"{API}query", {"query": "1"}, headers={"Authorization": f"Basic {basic}"})
    assert response.status_code == 200
