"""/metrics: Prometheus text of every process, for those who may read it."""

import pytest
from prometheus_client import Counter, Gauge
from prometheus_client.parser import text_string_to_metric_families

from aiops import metrics, processes
from aiops.models import Process

HITS = Counter("aiops_test_hits", "Hits in tests", ["kind"])
LEVEL = Gauge("aiops_test_level", "Level in tests")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_other_sources(monkeypatch):
    monkeypatch.setattr(metrics, "_gauge_sources", {})


def families(text):
    return {family.name: family for family in text_string_to_metric_families(text)}


def another_process(kind, value):
    counters = [["aiops_test_hits", "counter", "Hits in tests", [["aiops_test_hits_total", {"kind": kind}, value]]]]
    Process.objects.create(name="worker@there:9", role="worker", host="there", pid=9, counters=counters)


def test_all_processes_are_in_one_scrape(viewer, client_of):
    HITS.labels("a").inc(3)
    another_process("a", 40.0)
    response = client_of(viewer).get("/metrics")
    assert response["Content-Type"].startswith("text/plain; version=")
    samples = families(response.content.decode())["aiops_test_hits"].samples
    by_process = {sample.labels["process"]: sample.value for sample in samples}
    assert by_process == {processes.name(): HITS.labels("a")._value.get(), "worker@there:9": 40.0}


def test_sums_are_over_all_processes():
    HITS.labels("b").inc(2)
    another_process("b", 5.0)
    assert metrics.total("aiops_test_hits_total", kind="b") == 7
    assert metrics.by_label("aiops_test_hits_total", "kind")["b"] == 7
    assert metrics.total("aiops_test_hits_total", kind="never") == 0


def test_a_gauge_is_read_when_somebody_asks(viewer, client_of):
    metrics.gauge_source("aiops_test_rows", "Rows", lambda: 12)
    metrics.gauge_source("aiops_test_depth", "Depth", lambda: {"poll": 3.0, "store": 0.0}, label="queue")
    found = families(client_of(viewer).get("/metrics").content.decode())
    assert found["aiops_test_rows"].samples[0].value == 12
    assert {sample.labels["queue"]: sample.value for sample in found["aiops_test_depth"].samples} == {"poll": 3, "store": 0}


def test_a_gauge_that_fails_leaves_the_rest(viewer, client_of):
    def broken():
        raise ValueError("no rows")

    metrics.gauge_source("aiops_test_broken", "Broken", broken)
    metrics.gauge_source("aiops_test_rows", "Rows", lambda: 1)
    found = families(client_of(viewer).get("/metrics").content.decode())
    assert "aiops_test_rows" in found
    assert "aiops_test_broken" not in found


def test_a_scraper_signs_in_by_token(client, operator, token_of):
    headers = {"authorization": f"Bearer {token_of(operator, 'monitoring:read')}"}
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    assert client.get("/metrics", headers={**headers, "accept": accept}).status_code == 200


def test_a_token_without_the_scope_is_refused(client, operator, token_of):
    headers = {"authorization": f"Bearer {token_of(operator, 'metrics:write')}"}
    assert client.get("/metrics", headers=headers).status_code == 403


def test_a_stranger_is_refused(client):
    response = client.get("/metrics", headers={"accept": "text/plain"})
    assert response.status_code == 401
    assert "aiops_" not in response.content.decode()


def test_answers_are_counted_by_view_method_and_status(client):
    counted = metrics.REQUESTS.labels("metrics", "GET", 401)
    before = counted._value.get()
    client.get("/metrics")
    assert counted._value.get() == before + 1


def test_made_up_addresses_and_methods_make_no_new_labels(client):
    before = metrics.REQUESTS.labels("unmatched", "other", 404)._value.get()
    client.generic("BREW", "/nowhere-1")
    client.generic("STEEP", "/nowhere-2")
    assert metrics.REQUESTS.labels("unmatched", "other", 404)._value.get() == before + 2


def test_a_value_json_cannot_say_is_left_out_of_the_snapshot():
    LEVEL.set(float("nan"))
    assert [samples for name, _, _, samples in metrics.snapshot() if name == "aiops_test_level"] == [[]]
    LEVEL.set(1)
