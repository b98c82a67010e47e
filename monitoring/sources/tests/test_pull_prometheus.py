"""Pulling from a Prometheus: a real one through outages, and a written one for what a real one seldom does."""

import json
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from urllib.parse import parse_qs

import httpx
import numpy as np
import pytest

from aiops import http
from aiops.plugins import PluginError
from monitoring.inventory.models import Resource
from monitoring.sources import polling, schedule
from monitoring.sources.models import Source
from monitoring.sources.pollers import prometheus
from monitoring.sources.pollers.prometheus import Prometheus, PrometheusConfig
from monitoring.sources.tests import peers
from monitoring.store import metadata, reader

NOW = time.time
JSON = "application/json"


@pytest.fixture(autouse=True)
def _closed_circuits(monkeypatch):
    monkeypatch.setattr(http, "_breakers", {})
    metadata.forget()


class Server:
    """Debian's Prometheus, which scrapes itself every second."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.url, self.process = folder, f"http://127.0.0.1:{self.port}", None
        job = {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}]}
        dead = {"job_name": "dead", "static_configs": [{"targets": ["127.0.0.1:1"]}]}
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job, dead]}
        (folder / "prometheus.yml").write_text(json.dumps(config))

    def start(self):
        self.started = 1000 * time.time()
        own = [f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data", "--log.level=error"]
        self.process = subprocess.Popen(["prometheus", *own, f"--web.listen-address=127.0.0.1:{self.port}"], stderr=subprocess.DEVNULL)
        for _ in range(200):
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/-/ready").status_code == 200 and self.scraping():
                    return
            time.sleep(0.1)
        raise RuntimeError("prometheus did not start")

    def scraping(self):
        """It looks for its targets some seconds after its start."""
        found = self.samples("up", 1000 * (time.time() + 1))
        return len(found) == 2 and all(times[-1] > self.started for times in found.values())

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def samples(self, selector, end, span="10m"):
        """{labels: times} of what it has itself up to a time in ms."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": f"{selector}[{span}]", "time": end / 1000}).json()
        return {
            tuple(sorted(series["metric"].items())): [round(1000 * t) for t, _v in series["values"]] for series in answer["data"]["result"]
        }


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if not shutil.which("prometheus"):
        pytest.skip("no prometheus here")
    made = Server(tmp_path_factory.mktemp("prometheus"))
    made.start()
    yield made
    made.stop()


def pull(url, queries, **config):
    return Source.objects.create(
        name="prom", kind="prometheus", interval=1, timeout=5, config={"url": url, "queries": queries, "backfill": 1, **config}
    )


def poll(source):
    assert polling.poll(source.pk, schedule.claim_now(source.pk))
    source.refresh_from_db()


def stored(end):
    refs = reader.select()
    data = reader.raw_many([ref.id for ref in refs], end - 600_000, end + 1)
    return {tuple(sorted({**ref.labels, "__name__": ref.metric}.items())): data[ref.id][0].tolist() for ref in refs if ref.id in data}


@pytest.mark.django_db
def test_gaps_are_filled_after_outages_of_either_side_and_nothing_comes_twice(server):
    source = pull(server.url, '{__name__=~"up|process_.*|prometheus_tsdb_head_.*"}')
    poll(source)
    assert (source.status, source.failures) == ("ok", 0), source.last_error
    time.sleep(2.2)  # we are away
    polling._pollers.clear()  # and start anew
    poll(source)
    server.stop()
    poll(source)
    assert source.status == "failing"
    server.start()
    http._breakers.clear()
    poll(source)
    assert source.status == "ok", source.last_error
    poll(source)
    end = source.cursor
    theirs, ours = server.samples('{__name__=~"up|process_.*|prometheus_tsdb_head_.*"}', end), stored(end)
    assert ours.keys() == theirs.keys()
    assert len(theirs) > 20
    late = end - prometheus.OVERLAP // 10  # what was scraped in the last moment may come with the next poll
    for labels, times in theirs.items():
        assert [t for t in ours[labels] if t <= late] == [t for t in times if t <= late], labels
    assert sum(source_samples(source)) < 1.5 * sum(map(len, theirs.values()))  # the overlap is not written again and again


def source_samples(source):
    return [samples for _t, _took, samples, _error in source.outcomes]


@pytest.mark.django_db
def test_its_targets_are_kept_with_up_and_down_and_its_metrics_described(server):
    source = pull(server.url, "up\nprocess_open_fds")
    poll(source)
    targets = {target.labels["job"]: target for target in source.targets.all()}
    assert (targets["prometheus"].up, targets["dead"].up) == (True, False)
    assert "connection refused" in targets["dead"].error
    assert targets["prometheus"].duration_ms > 0
    assert metadata.of(["process_open_fds"])["process_open_fds"].type == "gauge"
    service = Resource.objects.get(name__startswith="prometheus ")
    assert (service.kind, service.labels["job"]) == ("service", "prometheus")


# -- against a written one -------------------------------------------------------------------------------------------------
@pytest.fixture
def peer():
    with peers.serving() as server:
        server.pages["/api/v1/targets"] = answer({"activeTargets": []})
        server.pages["/api/v1/metadata"] = answer({})
        yield server


def answer(data):
    return 200, "application/json", json.dumps({"status": "success", "data": data})


def matrix(*series):
    rows = [{"metric": {"__name__": name, **labels}, "values": [[t, str(v)] for t, v in values]} for name, labels, values in series]
    return answer({"resultType": "matrix", "result": rows})


def puller(peer, queries="up", cursor=None, interval=30, **config):
    made = Prometheus({"url": f"http://{peer.address}", "queries": queries, **config}, {}, interval)
    made.timeout, made.cursor = 2.0, cursor
    return made


def asked(peer, path="/api/v1/query"):
    return [parse_qs(body.decode()) for where, body in peer.bodies if where == path]


@pytest.fixture
def posts(peer):
    """What was posted, as forms."""
    peer.bodies = []

    def remember(page):
        def keep(handler):
            peer.bodies.append((handler.path, handler.rfile.read(int(handler.headers["Content-Length"]))))
            return page() if callable(page) else page

        return keep

    return remember


def test_a_gap_is_asked_for_window_by_window_and_no_further_back_than_allowed(peer, posts):
    peer.pages["/api/v1/query"] = posts(matrix())
    now = int(NOW() * 1000)
    poller = puller(peer, cursor=now - 48 * 3_600_000, backfill=1)
    polled = poller.poll()
    ranges = [(float(form["time"][0]), form["query"][0]) for form in asked(peer)]
    assert len(ranges) == 6
    assert ranges[0][1] == "up[620000ms]"
    assert ranges[1][1] == "up[600000ms]"
    assert abs(ranges[0][0] - (now / 1000 - 3000)) < 2
    assert abs(polled.cursor - now) < 2000


def test_a_poll_takes_only_so_much_and_the_next_goes_on(peer, posts, monkeypatch):
    monkeypatch.setattr(prometheus, "MOST_SAMPLES", 5)
    now = int(NOW())
    peer.pages["/api/v1/query"] = posts(matrix(("up", {"instance": "a:1"}, [(now - 3000 + n, 1) for n in range(6)])))
    poller = puller(peer, cursor=(now - 3000) * 1000)
    assert poller.poll().cursor == (now - 3000) * 1000 + prometheus.WINDOW


def test_an_answer_that_is_too_large_is_asked_for_in_smaller_windows(peer, posts, monkeypatch):
    monkeypatch.setattr("monitoring.sources.pollers.prometheus_api.MOST_BYTES", 2000)
    now = int(NOW())

    def page():
        seconds = int(peer.bodies[-1][1].decode().split("%5B")[1].split("ms")[0]) // 1000
        return matrix(("up", {"instance": "a:1"}, [(now - 590 + n, 1) for n in range(0, seconds, 3)]))

    peer.pages["/api/v1/query"] = posts(page)
    poller = puller(peer, cursor=(now - 590) * 1000)
    assert poller.poll().cursor >= now * 1000
    assert poller.window == 150_000


def test_what_was_pulled_but_not_stored_is_pulled_again(peer):
    now = int(NOW())
    peer.pages["/api/v1/query"] = matrix(("up", {"instance": "a:1"}, [(now - 10, 1), (now - 5, 1)]))
    poller = puller(peer)
    first = poller.poll()
    assert sum(map(len, first.batches)) == 2
    poller.cursor = first.cursor
    assert sum(map(len, poller.poll().batches)) == 0
    poller.cursor = None
    assert sum(map(len, poller.poll().batches)) == 2


def test_an_expression_is_evaluated_on_its_grid_under_its_name(peer, posts):
    peer.pages["/api/v1/query_range"] = posts(matrix(("x", {"job": "api"}, [(1_700_000_040, "0.25"), (1_700_000_100, "NaN")])))
    polled = puller(peer, "api:errors = sum by (job) (rate(e_total[5m]))", step=60).poll()
    form = asked(peer, "/api/v1/query_range")[0]
    assert (float(form["start"][0]) % 60, form["step"], form["query"]) == (0.0, ["60"], ["sum by (job) (rate(e_total[5m]))"])
    (batch,) = polled.batches
    assert (batch.keys[0].metric, batch.keys[0].labels, batch.t.tolist()) == (
        "api:errors",
        (("job", "api"),),
        [1_700_000_040_000, 1_700_000_100_000],
    )
    assert (polled.reports, batch.resources) == ([], [None])


def test_hosts_and_gpus_are_recognised_as_in_a_scrape(peer):
    now = int(NOW())
    node, gpu = {"job": "node", "instance": "10.0.0.5:9100"}, {"job": "gpu", "instance": "10.0.0.5:9400", "gpu": "0", "UUID": "GPU-AB"}
    peer.pages["/api/v1/query"] = matrix(
        ("node_uname_info", {**node, "nodename": "db-1", "sysname": "Linux", "release": "6.1"}, [(now - 5, 1)]),
        ("DCGM_FI_DEV_FB_USED", gpu, [(now - 20, 100), (now - 5, 200)]),
        ("DCGM_FI_DEV_FB_FREE", gpu, [(now - 20, 300), (now - 5, 200)]),
        ("old", {"job": "gone", "instance": "10.0.0.9:1"}, [(now - 3000, 1)]),
    )
    polled = puller(peer).poll()
    assert [(one.kind, one.name, one.parent) for one in polled.reports] == [
        ("host", "db-1", None),
        ("host", "db-1", None),
        ("gpu", "db-1 GPU 0", ("host", "db-1")),
    ]
    total = [
        (batch, place) for batch in polled.batches for place, key in enumerate(batch.keys) if key.metric == "nvidia_smi_memory_total_bytes"
    ]
    ((batch, place),) = total
    assert batch.v[batch.index == place].tolist() == [400 * 2**20] * 2
    assert polled.reports[batch.resources[place]].kind == "gpu"


@pytest.mark.parametrize(
    ("page", "says", "permanent"),
    [
        ((400, JSON, b'{"status":"error","errorType":"bad_data","error":"invalid parameter"}'), "answers 400: invalid parameter", True),
        ((401, "text/plain", b"no"), "answers 401; user name, password or token are missing", True),
        ((503, "application/json", b'{"status":"error","error":"query timed out"}'), "answers 503: query timed out", False),
        ((200, "text/html", b"<html>"), "does not answer as Prometheus does", False),
        ((200, JSON, b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":3}]}}'), "does not answer as", False),
        ((200, "application/json", b'{"status":"success"}'), "answers without data", False),
        (peers.cut_off(b'{"status":'), "cannot be reached", False),
        (peers.hang(3), "cannot be reached", False),
        (peers.trickle, "cannot be reached", False),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(peer, page, says, permanent):
    peer.pages["/api/v1/query"] = page
    poller = puller(peer)
    poller.timeout = 0.4
    with pytest.raises(PluginError) as fault:
        poller.poll()
    assert says in fault.value.message
    assert fault.value.permanent == permanent


@pytest.mark.parametrize(
    "page", [(404, "text/plain", b""), (200, "application/json", b"[]"), (200, "text/html", b"<"), answer({"activeTargets": [7, {}]})]
)
def test_an_engine_without_targets_is_pulled_all_the_same(peer, page):
    peer.pages["/api/v1/query"] = matrix(("up", {"instance": "a:1"}, [(int(NOW()) - 5, 1)]))
    peer.pages["/api/v1/targets"] = peer.pages["/api/v1/metadata"] = page
    polled = puller(peer).poll()
    assert np.concatenate([batch.v for batch in polled.batches]).tolist() == [1.0]


GOOD = {"url": "http://prometheus:9090/", "queries": "up"}


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"url": "prometheus:9090"}, "url", "http or https"),
        ({"url": "http://ada:pw@p:9090"}, "url", "without password"),
        ({"url": "http://p:x"}, "url", "http or https"),
        ({"queries": "up{"}, "queries", "Line 1 is not PromQL"),
        ({"queries": "up\nrate(x[5m])"}, "queries", "Line 2 is not a plain selector; give the result a name: my_metric = rate(x[5m])"),
        ({"queries": "up offset 5m"}, "queries", "not a plain selector"),
        ({"queries": "x = up[5m]"}, "queries", "a range of samples is not a value"),
        ({"queries": "a == b"}, "queries", "not a plain selector"),
        ({"queries": "# nothing"}, "queries", "Name at least one selector"),
    ],
)
def test_a_wrong_config_is_named(given, field, says):
    form = PrometheusConfig({**GOOD, **given})
    assert not form.is_valid()
    assert says in form.errors[field][0]


def test_the_address_is_the_servers_whatever_was_copied():
    form = PrometheusConfig({**GOOD, "url": " https://mimir/prometheus/api/v1/ "})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["url"] == "https://mimir/prometheus"
