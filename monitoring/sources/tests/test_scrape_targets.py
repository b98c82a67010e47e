"""Scraping without the database: what Prometheus adds to a page, where series end, who is behind it, and every way to be down."""

import threading
import time
from collections import Counter

import numpy as np
import pytest

from aiops import http
from aiops.plugins import PluginError
from monitoring.sources.pollers.scrape import Scrape, ScrapeConfig
from monitoring.sources.tests import peers
from monitoring.store.batch import is_stale

pytestmark = pytest.mark.once

NODE = """# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.5
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 10
node_cpu_seconds_total{cpu="1",mode="idle"} 11
node_memory_MemTotal_bytes 8.3e+09
node_boot_time_seconds 1.7e+09
node_os_info{pretty_name="Debian GNU/Linux 12 (bookworm)",id="debian"} 1
node_uname_info{sysname="Linux",release="6.1.0-18-amd64",version="#1 SMP",machine="x86_64",nodename="db-1",domainname="(none)"} 1
"""


@pytest.fixture
def peer(monkeypatch):
    monkeypatch.setattr(http, "_breakers", {})
    with peers.serving() as server:
        server.pages["/metrics"] = NODE
        yield server


def scraper(*lines, timeout=2.0, interval=15, secrets=None, **config):
    made = Scrape({"targets": "\n".join(lines), **config}, secrets or {}, interval)
    made.timeout = timeout
    return made


def samples(polled):
    """{(metric, its other labels): value}, with "stale" for the marker."""
    found = {}
    for batch in polled.batches:
        stale = is_stale(batch.v)
        for place, key in enumerate(batch.index.tolist()):
            labels = tuple(pair for pair in batch.keys[key].labels if pair[0] not in ("job", "instance"))
            found[batch.keys[key].metric, *labels] = "stale" if stale[place] else float(batch.v[place])
    return found


def test_what_prometheus_adds_is_added(peer):
    first, again = (samples(poller_poll) for poller_poll in _polls(scraper(peer.address), 2))
    assert (first["up",], first["scrape_samples_scraped",], first["scrape_series_added",]) == (1.0, 7.0, 7.0)
    assert first["scrape_samples_post_metric_relabeling",] == 7.0
    assert 0 < first["scrape_duration_seconds",] < 2
    assert again["scrape_series_added",] == 0.0
    assert again["node_cpu_seconds_total", ("cpu", "1"), ("mode", "idle")] == 11.0


def _polls(poller, times):
    return [poller.poll() for _ in range(times)]


def test_series_carry_job_instance_and_the_lines_labels(peer):
    polled = scraper(f"{peer.address} rack=b2", job="linux").poll()
    assert {key.labels for batch in polled.batches for key in batch.keys if key.metric in ("up", "node_load1")} == {
        (("instance", peer.address), ("job", "linux"), ("rack", "b2"))
    }


def test_it_asks_as_a_scraper_does(peer):
    scraper(peer.address, secrets={"bearer_token": "t0"}).poll()
    scraper(peer.address, username="ada", secrets={"password": "pw", "bearer_token": "left behind"}).poll()
    bearer, basic = (headers for _path, headers in peer.asked)
    assert bearer["Accept"].startswith("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert (bearer["X-Prometheus-Scrape-Timeout-Seconds"], bearer["Authorization"]) == ("2", "Bearer t0")
    assert basic["Authorization"] == "Basic YWRhOnB3"


def test_the_host_is_who_it_says_and_brings_its_facts(peer):
    (report,) = scraper(peer.address).poll().reports
    assert (report.kind, report.name, report.report_interval) == ("host", "db-1", 15)
    assert report.facts == {
        "hostname": "db-1", "os": "Debian GNU/Linux 12 (bookworm)", "kernel": "Linux 6.1.0-18-amd64", "architecture": "x86_64", "cores": 2,
        "memory_bytes": 8_300_000_000, "boot_time": 1_700_000_000,
    }  # fmt: skip


def test_metrics_are_described(peer):
    said = scraper(peer.address).poll().descriptions
    assert said["node_load1"] == ("gauge", "", "1m load average.")
    assert said["node_cpu_seconds_total"].type == "counter"


def test_openmetrics_is_read_where_it_is_answered(peer):
    peer.pages["/metrics"] = (200, peers.OPENMETRICS, (peers.DATA / "openmetrics.txt").read_bytes())
    polled = scraper(peer.address).poll()
    assert samples(polled)["up",] == 1.0
    times = {key.metric: int(t) for batch in polled.batches for key, t in zip(batch.keys, batch.t, strict=True)}
    assert times["jobs_total"] == 1520879607789
    assert abs(times["jobs_created"] - time.time() * 1000) < 60_000
    ignoring = scraper(peer.address, ignore_timestamps=True).poll()
    assert min(int(batch.t.min()) for batch in ignoring.batches) > 1_600_000_000_000


# -- the end of series -----------------------------------------------------------------------------------------------------
def test_a_series_that_vanishes_ends_once(peer):
    poller = scraper(peer.address)
    poller.poll()
    peer.pages["/metrics"] = NODE.replace('node_cpu_seconds_total{cpu="1",mode="idle"} 11\n', "new 1\n")
    found, after = (samples(polled) for polled in _polls(poller, 2))
    assert found["node_cpu_seconds_total", ("cpu", "1"), ("mode", "idle")] == "stale"
    assert found["scrape_series_added",] == 1.0
    assert "stale" not in after.values()


def test_a_failed_scrape_ends_them_all_and_they_come_back(peer):
    poller = scraper(peer.address)
    poller.poll()
    page, peer.pages["/metrics"] = peer.pages["/metrics"], (500, "text/plain", b"")
    down, still, up = samples(poller.poll()), samples(poller.poll()), None
    assert (down["up",], down["scrape_samples_scraped",], Counter(down.values())["stale"]) == (0.0, 0.0, 7)
    assert Counter(still.values())["stale"] == 0
    peer.pages["/metrics"] = page
    up = samples(poller.poll())
    assert (up["up",], up["scrape_series_added",]) == (1.0, 7.0)


def test_series_with_their_own_times_end_by_themselves(peer):
    poller = scraper(peer.address)
    peer.pages["/metrics"] = "a 1\nb 2 1520879607789\n"
    poller.poll()
    peer.pages["/metrics"] = (500, "text/plain", b"")
    found = samples(poller.poll())
    assert found["a",] == "stale"
    assert ("b",) not in found


def test_an_edit_ends_the_series_of_targets_that_went_and_of_no_others(peer):
    peer.pages["/other"] = "x 1\n"
    before = scraper(peer.address, f"http://{peer.address}/other")
    before.poll()
    after = scraper(peer.address)
    after.take_over(before)
    found = samples(after.poll())
    assert found["x",] == "stale"
    assert Counter(found.values())["stale"] == 1 + 5  # with up and its like
    peer.pages["/metrics"] = "x 1\n"
    assert Counter(samples(after.poll()).values())["stale"] == 7


# -- known exporters -------------------------------------------------------------------------------------------------------
def gpus(polled):
    return {report.name: report for report in polled.reports if report.kind == "gpu"}


def test_dcgm_exporter_brings_gpus_under_their_host_with_the_houses_units(peer):
    peer.pages["/metrics"] = (peers.DATA / "dcgm_exporter.txt").read_bytes()
    polled = scraper(peer.address, job="gpu").poll()
    assert [(report.kind, report.name, report.parent) for report in polled.reports] == [
        ("host", "gpu-node-1", None),
        ("gpu", "gpu-node-1 GPU 0", ("host", "gpu-node-1")),
        ("gpu", "gpu-node-1 GPU 1", ("host", "gpu-node-1")),
    ]
    assert gpus(polled)["gpu-node-1 GPU 0"].facts == {
        "model": "NVIDIA A100-SXM4-80GB", "driver": "535.161.08", "bus": "00000000:07:00.0", "memory_bytes": (17006 + 63988 + 926) * 2**20,
    }  # fmt: skip
    found = samples(polled)
    of = (("gpu", "0"), ("uuid", "0f6e2a1c-1111-2222-3333-444455556666"))
    house = {key[0]: value for key, value in found.items() if key[1:] == of}
    assert house == pytest.approx(
        {
            "nvidia_smi_utilization_gpu_ratio": 0.97, "nvidia_smi_utilization_memory_ratio": 0.54,
            "nvidia_smi_memory_used_bytes": 63988 * 2**20, "nvidia_smi_memory_free_bytes": 17006 * 2**20,
            "nvidia_smi_memory_total_bytes": 81920 * 2**20, "nvidia_smi_temperature_gpu": 66, "nvidia_smi_temperature_memory": 61,
            "nvidia_smi_power_draw_watts": 322.718, "nvidia_smi_clocks_current_sm_clock_hz": 1.41e9,
            "nvidia_smi_clocks_current_memory_clock_hz": 1.593e9,
        }
    )  # fmt: skip
    assert sum(key[0] == "DCGM_FI_DEV_GPU_UTIL" for key in found) == 2  # as it came


def test_every_sample_of_a_gpu_belongs_to_it_and_a_slice_is_not_taken_for_the_whole(peer):
    peer.pages["/metrics"] = (peers.DATA / "dcgm_exporter.txt").read_bytes()
    polled = scraper(peer.address).poll()
    (batch,) = polled.batches
    whose = zip(batch.keys, batch.resources, strict=True)
    owners = Counter((polled.reports[owner].name, dict(key.labels).get("gpu")) for key, owner in whose)
    assert set(owners) == {("gpu-node-1", None), ("gpu-node-1 GPU 0", "0"), ("gpu-node-1 GPU 1", "1")}
    used = [value for key, value in samples(polled).items() if key[0] == "nvidia_smi_memory_used_bytes"]
    assert sorted(used) == [378 * 2**20, 63988 * 2**20]


def test_newer_names_of_dcgm_exporter_have_other_units(peer):
    of = 'gpu="0",UUID="GPU-AB",hostname="gpu-node-2"'
    values = {
        "GPU_UTIL_RATIO": 0.5, "FB_USED_BYTES": 4e9, "FB_FREE_BYTES": 6e9, "FB_RESERVED_BYTES": 1e9, "SM_CLOCK_HERTZ": 1.4e9,
        "GPU_TEMP_CELSIUS": 61, "GPU_TEMP": 61, "BOARD_POWER_WATTS": 300,
    }  # fmt: skip
    peer.pages["/metrics"] = "".join(f"DCGM_FI_DEV_{name}{{{of}}} {value}\n" for name, value in values.items())
    polled = scraper(peer.address).poll()
    assert list(gpus(polled)) == ["gpu-node-2 GPU 0"]
    house = {key[0].removeprefix("nvidia_smi_"): value for key, value in samples(polled).items() if key[0].startswith("nvidia_smi_")}
    assert house == {
        "utilization_gpu_ratio": 0.5, "memory_used_bytes": 4e9, "memory_free_bytes": 6e9, "memory_total_bytes": 11e9,
        "clocks_current_sm_clock_hz": 1.4e9, "temperature_gpu": 61.0, "power_draw_watts": 300.0,
    }  # fmt: skip


def test_nvidia_gpu_exporter_speaks_the_houses_names_already(peer):
    peer.pages["/metrics"] = NODE
    peer.pages["/gpu"] = (peers.DATA / "nvidia_gpu_exporter.txt").read_bytes()
    poller = scraper(peer.address, f"http://{peer.address}/gpu")
    poller.poll()
    polled = poller.poll()  # by now it is known what the machine at this address calls itself
    card = gpus(polled)["db-1 GPU 0"]
    assert (card.parent, card.labels["uuid"]) == (("host", "db-1"), "f5a3b2c1-7d6e-4f50-8a9b-0c1d2e3f4a5b")
    assert card.facts == {"model": "NVIDIA GeForce RTX 4090", "driver": "550.90.07", "memory_bytes": 25_757_220_864}
    names = Counter(key[0] for key in samples(polled))
    assert max(names[name] for name in names if name.startswith("nvidia_smi_")) == 1


def test_any_other_exporter_is_a_service_of_its_host(peer):
    peer.pages["/metrics"] = "pg_up 1\n"
    (report,) = scraper(f"{peer.address} instance=pg-1", job="postgres").poll().reports
    assert (report.kind, report.name, report.labels) == ("service", "postgres pg-1", {"job": "postgres", "instance": "pg-1"})


# -- down in every way -----------------------------------------------------------------------------------------------------
MALFORMED = {
    "truncated": ("a 1\nnode_cpu_seco", "sample 2 is 'node_cpu_seco'"),
    "not UTF-8": (b'a 1\nb{c="\xff"} 2\n', "line 2 of the page is not UTF-8"),
    "a web page": ("<html><body>404</body></html>", "sample 1 is '<html>"),
    "refused": ((401, "text/plain", b""), "it answers 401 Unauthorized; user name, password or token are missing or refused"),
    "elsewhere": ((404, "text/html", b"no"), "it answers 404 Not Found; is the path right?"),
    "no end": ((200, peers.OPENMETRICS, b"a 1\n"), "before its # EOF"),
    "huge": ("x 1\n" * 400_000, "more than 1,048,576 bytes"),
    "many": ("".join(f'x{{a="{n}"}} 1\n' for n in range(600)), "the page has 600 samples, the limit is 500"),
    "cut off": (peers.cut_off(b"a 1\nb 2\n"), "cannot be reached"),
    "trickling": (peers.trickle, "cannot be reached"),
    "hanging": (peers.hang(3), "timed out"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_bad_page_is_a_target_down_with_its_reason(peer, case):
    page, reason = MALFORMED[case]
    peer.pages["/metrics"] = page
    polled = scraper(peer.address, timeout=0.5, body_limit=1, sample_limit=500).poll()
    assert (samples(polled)["up",], polled.reports) == (0.0, [])
    (target,) = polled.targets
    assert reason in target.error
    assert not target.up
    assert polled.trouble == target.error


def test_series_given_twice_do_not_spoil_the_page(peer):
    peer.pages["/metrics"] = "x 1\nx 2\ny 3\n"
    polled = scraper(peer.address).poll()
    assert (samples(polled)["x",], samples(polled)["scrape_samples_scraped",]) == (1.0, 2.0)
    assert polled.targets[0].up
    assert "lines that repeat a series: 1" in polled.targets[0].error


def test_nobody_listens():
    polled = scraper("127.0.0.1:1", timeout=1).poll()
    assert "cannot be reached" in polled.trouble


def test_hanging_targets_do_not_spoil_the_others(peer):
    for number in range(6):
        peer.pages[f"/hang{number}"] = peers.hang(3)
    lines = [f"http://{peer.address}/hang{number}" for number in range(6)] + [peer.address]
    poller = scraper(*lines, timeout=0.4, concurrency=4)
    began = time.monotonic()
    polled = poller.poll()
    assert time.monotonic() - began < 3
    assert [target.up for target in polled.targets] == [False] * 6 + [True]
    assert polled.trouble == ""
    assert len([batch for batch in polled.batches if len(batch)]) == 7  # up = 0 of each that hangs


def test_a_target_that_hangs_beyond_the_poll_is_not_asked_beside_itself(peer, monkeypatch):
    poller = scraper(peer.address, timeout=0.2)
    release = threading.Event()
    monkeypatch.setattr(http, "request", lambda *args, **more: release.wait(10))  # a name server that does not answer
    assert "not asked in time" in poller.poll().targets[0].error
    assert "still hangs" in poller.poll().targets[0].error
    release.set()


def test_many_targets_are_spread_over_part_of_the_interval(peer):
    lines = [f"http://{peer.address}/metrics?t={number} instance=n{number}" for number in range(30)]
    poller = scraper(*lines, interval=1)
    polled = poller.poll()
    times = np.array([batch.t[0] for batch in polled.batches])
    assert 250 < np.ptp(times) < 1500
    assert all(target.up for target in polled.targets)


# -- config ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "required"),
        ("# nobody", "Name at least one target"),
        ("a:9100\na:9100", "Line 2 names the same target as line 1"),
        ("ftp://a/", "Line 1: 'ftp://a/' is not host:port"),
        ("http://ada:pw@a:9100/", "a password belongs in its field"),
        ("a:port", "has a port that is none"),
        ("a:9100 rack", "'rack' is not a label"),
        ("a:9100 __name__=x", "is not a label"),
        ("a b:9100", "'b:9100' is not a label"),
        ("\n".join(f"a{n}:1" for n in range(2001)), "the most is 2,000"),
    ],
)
def test_wrong_targets_are_named_by_their_line(text, says):
    form = ScrapeConfig({"targets": text, "job": "node"})
    assert not form.is_valid()
    assert says in form.errors["targets"][0]


def test_addresses_are_completed():
    poller = scraper("# ours", "db-1:9100", "https://gpu-1:9400/m?x=1", "[::1]:9100", "plain", scheme="https", path="/prom")
    assert [target.address.url for target in poller.targets] == [
        "https://db-1:9100/prom", "https://gpu-1:9400/m?x=1", "https://[::1]:9100/prom", "https://plain:443/prom",
    ]  # fmt: skip
    assert [target.labels["instance"] for target in poller.targets] == ["db-1:9100", "gpu-1:9400", "[::1]:9100", "plain:443"]


def test_a_config_that_no_form_has_seen_is_refused_once():
    with pytest.raises(PluginError) as fault:
        scraper("")
    assert fault.value.permanent


def test_a_user_name_and_a_token_at_once_are_refused():
    form = ScrapeConfig({"targets": "a:1", "job": "node", "username": "ada", "bearer_token": "t"})
    assert "not both" in str(form.errors["bearer_token"])
