"""What Grafana's Prometheus data source sends when all it was given is the address and a token."""

import base64
import gzip
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest
from django.test import Client

from monitoring.store import metadata, series, writer
from monitoring.store.batch import Batch
from monitoring.store.metadata import Description
from monitoring.store.windows import HOUR, MINUTE, floor, now_ms

pytestmark = pytest.mark.django_db
FORM = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Grafana/11.2.0", "Accept-Encoding": "gzip"}


@pytest.fixture
def base() -> Iterator[int]:
    """A server's metrics of the last hour."""
    series.forget()
    metadata.forget()
    start = floor(now_ms(), MINUTE) - HOUR
    rows = []
    for host in ("web-1", "web-2"):
        labels = {"instance": f"{host}:9100", "job": "node"}
        for k in range(60):
            rows += [("node_cpu_seconds_total", {**labels, "mode": mode}, start + k * MINUTE, k * 30.0) for mode in ("idle", "user")]
            rows.append(("node_load1", labels, start + k * MINUTE, 0.5))
    writer.write(Batch.of(rows))
    metadata.record({"node_cpu_seconds_total": Description("counter", "", "Seconds the CPUs spent.")})
    yield start
    series.forget()
    metadata.forget()


@pytest.fixture(params=["bearer", "basic"])
def source(request: pytest.FixtureRequest, viewer: Any, token_of: Callable[..., str]) -> Callable[..., Any]:
    token = token_of(viewer, "monitoring:read")
    words = {"bearer": f"Bearer {token}", "basic": f"Basic {base64.b64encode(f'x:{token}'.encode()).decode()}"}
    headers = {**FORM, "Authorization": words[request.param]}

    def source(method: str, path: str, **form: Any) -> Any:
        form = {name.replace("match", "match[]"): value for name, value in form.items()}
        sent = httpx.Request(method, f"http://localhost/prometheus{path}", **{"data" if method == "POST" else "params": form})
        response = Client().generic(method, sent.url.raw_path.decode(), sent.read(), FORM["Content-Type"], headers=headers)
        body = gzip.decompress(response.content) if response.headers.get("Content-Encoding") == "gzip" else response.content
        assert response.status_code == 200, body
        content = orjson.loads(body)
        assert content["status"] == "success"
        return content["data"]

    return source


def test_save_and_test(source: Any) -> None:
    assert source("POST", "/api/v1/query", query="1+1", time="4") == {"resultType": "scalar", "result": [4, "2"]}
    build = source("GET", "/api/v1/status/buildinfo")
    assert int(build["version"].split(".")[0]) >= 3
    assert "features" not in build  # with them it would be taken for Mimir
    assert source("GET", "/api/v1/rules") == {"groups": []}


def test_a_panel(source: Any, base: int) -> None:
    times = {"start": base / 1000, "end": (base + HOUR) / 1000, "step": "15"}
    query = 'sum by (instance)(rate(node_cpu_seconds_total{mode="user",instance=~"web-.+"}[5m]))'
    data = source("POST", "/api/v1/query_range", query=query, **times)
    assert [row["metric"] for row in data["result"]] == [{"instance": f"web-{n}:9100"} for n in (1, 2)]
    values = {t: float(value) for t, value in data["result"][0]["values"]}
    assert values[(base + HOUR // 2) // 1000] == pytest.approx(0.5)
    assert source("POST", "/api/v1/query_exemplars", query=query, **times) == []


def test_the_query_editor(source: Any, base: int) -> None:
    times = {"start": base // 1000, "end": (base + HOUR) // 1000}
    assert source("GET", "/api/v1/label/__name__/values", **times) == ["node_cpu_seconds_total", "node_load1"]
    help_of = [{"type": "counter", "unit": "", "help": "Seconds the CPUs spent."}]
    assert source("GET", "/api/v1/metadata", limit="40000") == {"node_cpu_seconds_total": help_of}
    assert source("POST", "/api/v1/labels", match="node_load1", limit="40000", **times) == ["__name__", "instance", "job"]
    assert source("GET", "/api/v1/label/mode/values", match="node_cpu_seconds_total", limit="40000", **times) == ["idle", "user"]
    assert source("GET", "/api/v1/format_query", query="sum(node_load1)by(job)") == "sum by (job) (node_load1)"


def test_variables_of_a_dashboard(source: Any, base: int) -> None:
    times = {"start": base // 1000, "end": (base + HOUR) // 1000}
    found = source("POST", "/api/v1/series", match='node_load1{job="node"}', **times)
    assert [row["instance"] for row in found] == ["web-1:9100", "web-2:9100"]
    at = source("POST", "/api/v1/query", query="count(node_load1)", time=(base + HOUR - MINUTE) / 1000)
    assert at["result"][0]["value"][1] == "2"


def test_the_alert_list(source: Any) -> None:
    assert source("GET", "/api/v1/alerts") == {"alerts": []}
    assert source("GET", "/api/v1/rules", type="alert") == {"groups": []}
