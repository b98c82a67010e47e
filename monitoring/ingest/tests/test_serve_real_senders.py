"""Real senders against a real server process: InfluxDB's two Python clients, and a Prometheus that outlives a kill -9 of ours."""

import subprocess
import time
from datetime import UTC, datetime

import httpx
import influxdb
import influxdb_client
import pytest
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.write_api import SYNCHRONOUS, WriteOptions
from influxdb_client.rest import ApiException

from monitoring.ingest.tests.servers import Ours, await_answer, binary, free_port

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("real senders")]


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    server = Ours(tmp_path_factory.mktemp("ours"))
    server.start()
    server.raw = server.token()
    yield server
    server.kill()


@pytest.fixture
def v1(ours):
    client = influxdb.InfluxDBClient("127.0.0.1", ours.port, "telegraf", ours.raw, "telegraf", path="webhooks/influxdb", retries=1)
    yield client
    client.close()


@pytest.fixture
def v2(ours):
    with influxdb_client.InfluxDBClient(f"{ours.url}/webhooks/influxdb", ours.raw, org="o") as client:
        yield client


NOW = int(time.time())
POINT = {"measurement": "room", "tags": {"host": "v1", "note": "a b,c=d"}, "time": NOW * 10**9}


def test_influxdb_1_s_client_writes(ours, v1):
    assert v1.ping()
    v1.create_database("telegraf")
    assert v1.get_list_database() == []
    v1.write_points([{**POINT, "fields": {"temp": 21.5, "people": 3, "open": True, "name": "lab"}}])
    v1.write_points([{**POINT, "time": NOW, "fields": {"temp": 22.5}}], time_precision="s", tags={"dc": "eu"})
    stored = ours.stored("room_")
    labels = repr([("host", "v1"), ("instance", "v1"), ("note", "a b,c=d")])
    assert {metric: series[labels] for metric, series in stored.items() if labels in series} == {
        "room_temp": {NOW * 1000: "21.5"},
        "room_people": {NOW * 1000: "3.0"},
        "room_open": {NOW * 1000: "1.0"},
    }
    assert len(stored["room_temp"]) == 2


def test_influxdb_1_s_client_with_gzip_and_a_refusal(ours, v1):
    v1._gzip = True
    v1.write_points([{**POINT, "measurement": "packed", "fields": {"v": n}, "time": (NOW + n) * 10**9} for n in range(300)], batch_size=100)
    assert [len(series) for series in ours.stored("packed_v")["packed_v"].values()] == [300]
    with pytest.raises(influxdb.exceptions.InfluxDBClientError, match="partial write: unable to parse 'bad': missing fields dropped=1"):
        v1.write(["packed v=1", "bad"], {"db": "telegraf"}, 204, "line")


def test_influxdb_1_s_client_with_a_wrong_token(ours):
    client = influxdb.InfluxDBClient("127.0.0.1", ours.port, "x", "aio_wrong", "d", path="webhooks/influxdb", retries=1)
    with pytest.raises(influxdb.exceptions.InfluxDBClientError, match="401"):
        client.write_points([{**POINT, "fields": {"v": 1}}])


def test_influxdb_2_s_client_writes(ours, v2):
    assert v2.ping()
    assert v2.health().status == "pass"
    assert v2.ready().status == "ready"
    assert v2.version()
    point = influxdb_client.Point("hall").tag("host", "v2").field("temp", 20.5).field("people", 4).field("open", False)
    with v2.write_api(write_options=SYNCHRONOUS) as api:
        for precision, time_ in (("s", NOW), ("ms", NOW * 1000 + 1), ("us", NOW * 10**6 + 2000), ("ns", NOW * 10**9 + 3_000_000)):
            api.write("b", record=point.time(time_, precision), write_precision=precision)
        api.write("b", record=influxdb_client.Point("hall").tag("host", "v2").field("temp", 1.0).time(datetime.now(UTC)))
    [series] = ours.stored("hall_temp")["hall_temp"].values()
    assert sorted(series)[:4] == [NOW * 1000 + n for n in range(4)]
    assert len(series) == 5


def test_influxdb_2_s_client_batches_with_gzip(ours, v2):
    told = []
    client = influxdb_client.InfluxDBClient(f"{ours.url}/webhooks/influxdb", ours.raw, org="o", enable_gzip=True)
    options = WriteOptions(batch_size=50, flush_interval=200)
    with client, client.write_api(options, error_callback=lambda *fault: told.append(fault)) as api:
        for n in range(200):
            api.write("b", record=f"batched,host=v2 v={n}i {(NOW + n) * 10**9}")
    assert told == []
    assert [len(series) for series in ours.stored("batched_v")["batched_v"].values()] == [200]


def test_influxdb_2_s_client_reads_refusals(ours, v2):
    with v2.write_api(write_options=SYNCHRONOUS) as api:
        api.write("b", record=["good,host=v2 v=1", "bad"])
        with pytest.raises(ApiException) as refusal:
            api.write("b", record="bad")
        assert (refusal.value.status, refusal.value.message) == (400, "unable to parse 'bad': missing fields")
    with influxdb_client.InfluxDBClient(f"{ours.url}/webhooks/influxdb", "aio_wrong", org="o") as stranger:
        api = stranger.write_api(write_options=SYNCHRONOUS)
        with pytest.raises((ApiException, InfluxDBError)) as refusal:
            api.write("b", record="m v=1")
        assert refusal.value.response.status == 401


PROMETHEUS = """
global: {{scrape_interval: 1s, external_labels: {{site: here}}}}
scrape_configs: [{{job_name: self, static_configs: [{{targets: ["127.0.0.1:{own}"]}}]}}]
remote_write:
  - url: {url}/webhooks/prometheus
    authorization: {{credentials: {token}}}
    metadata_config: {{send_interval: 2s}}
    queue_config: {{batch_send_deadline: 500ms, min_backoff: 100ms, max_backoff: 500ms}}
"""


class Prometheus:
    def __init__(self, directory, ours):
        self.port = free_port()
        (directory / "prometheus.yml").write_text(PROMETHEUS.format(own=self.port, url=ours.url, token=ours.raw))
        command = [binary("prometheus"), f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/tsdb"]
        command += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await_answer(f"http://127.0.0.1:{self.port}/-/ready", self.process)

    def own(self, metric):
        """Of its own metrics, the sum."""
        lines = httpx.get(f"http://127.0.0.1:{self.port}/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(metric + "{") or line.startswith(metric + " "))

    def samples(self, until):
        """{(metric, labels): {ms: value}} of what it stored itself."""
        query = {"query": '{job="self"}[5m]', "time": str(until)}
        answer = httpx.get(f"http://127.0.0.1:{self.port}/api/v1/query", params=query, timeout=20).json()
        found = {}
        for series in answer["data"]["result"]:
            labels = series["metric"] | {"site": "here"}
            metric = labels.pop("__name__")
            found[metric, repr(sorted(labels.items()))] = {round(t * 1000): v for t, v in series["values"]}
        return found


def _wait(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_prometheus_loses_no_sample_while_we_are_killed_and_started_again(ours, tmp_path):
    prometheus = Prometheus(tmp_path, ours)
    sent = "prometheus_remote_storage_samples_total"
    try:
        _wait(lambda: prometheus.own(sent) > 1500)
        begun = time.time()
        ours.kill()
        time.sleep(3)
        ours.start()
        back = time.time()
        _wait(lambda: time.time() > back + 3 and prometheus.own("prometheus_remote_storage_samples_pending") < 100)
        until = time.time() - 1
        time.sleep(2)
        assert prometheus.own("prometheus_remote_storage_samples_failed_total") == 0
        assert prometheus.own("prometheus_remote_storage_samples_dropped_total") == 0
        assert prometheus.own("prometheus_remote_storage_samples_retried_total") > 0
        theirs = prometheus.samples(until)
    finally:
        prometheus.process.kill()
        prometheus.process.wait()
    stored = ours.stored()
    since = (begun - 1) * 1000
    compared = 0
    for (metric, labels), samples in theirs.items():
        recent = {t: v for t, v in samples.items() if t > since}
        kept = stored[metric][labels]
        assert {t: repr(float(v)) for t, v in recent.items()} == {t: kept[t] for t in recent if t in kept}, (metric, labels)
        compared += len(recent)
    assert compared > 3000
    described = ours.read("SELECT type, help FROM monitoring_metricdescription WHERE metric = 'go_goroutines'")
    assert described == [("gauge", "Number of goroutines that currently exist.")]
