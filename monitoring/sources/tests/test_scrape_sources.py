"""A scraped source from lease to store: what is kept of its targets, and a real node_exporter."""

import shutil
import socket
import subprocess
import time

import httpx
import pytest

from aiops import http
from monitoring.inventory.models import Resource
from monitoring.sources import columns, judge, polling, schedule
from monitoring.sources.models import Source, Target
from monitoring.sources.tests import peers
from monitoring.sources.tests.test_scrape_targets import NODE
from monitoring.store import metadata, reader
from monitoring.store.batch import is_stale

pytestmark = pytest.mark.django_db


@pytest.fixture
def peer(monkeypatch):
    monkeypatch.setattr(http, "_breakers", {})
    metadata.forget()
    with peers.serving() as server:
        server.pages["/metrics"] = NODE
        yield server


def scrape(*lines, **config):
    return Source.objects.create(name="nodes", kind="scrape", timeout=2, config={"targets": "\n".join(lines), "job": "node", **config})


def poll(source):
    assert polling.poll(source.pk, schedule.claim_now(source.pk))
    source.refresh_from_db()


def last(metric, **labels):
    (ref,) = reader.select(metric, labels)
    now = int(time.time() * 1000)
    _t, v = reader.raw_many([ref.id], now - 60_000, now + 1000, stale=True)[ref.id]
    return ref, ("stale" if is_stale(v)[-1] else v[-1].item())


def test_samples_belong_to_the_host_and_metrics_are_described(peer):
    source = scrape(peer.address)
    poll(source)
    host = Resource.objects.get(kind="host")
    assert (host.name, host.source, source.status, source.last_samples) == ("db-1", source, "ok", 7 + 5)
    ref, value = last("up", instance=peer.address)
    assert (value, ref.resource_id) == (1.0, host.pk)
    assert metadata.of(["node_load1"])["node_load1"].help == "1m load average."


def test_each_target_keeps_how_it_did(peer):
    peer.pages["/b"] = (503, "text/plain", b"")
    source = scrape(f"{peer.address} rack=b2", f"http://{peer.address}/b")
    poll(source)
    good, bad = Target.objects.order_by("address").reverse()
    assert (good.up, good.error, good.samples, good.labels["rack"]) == (True, "", 7, "b2")
    assert (bad.up, bad.error, bad.samples) == (False, "it answers 503 Service Unavailable", 0)
    assert (source.status, last("up", instance=peer.address, rack="b2")[1]) == ("ok", 1.0)
    since = good.changed_at
    peer.pages["/b"] = NODE
    poll(source)
    good.refresh_from_db()
    bad.refresh_from_db()
    assert good.changed_at == since
    assert (bad.up, bad.error) == (True, "")
    assert bad.changed_at > since


def test_targets_that_an_edit_took_away_go(peer):
    source = scrape(peer.address, f"http://{peer.address}/b")
    poll(source)
    Source.objects.update(config={"targets": peer.address})
    poll(source)
    assert [target.address for target in source.targets.all()] == [f"http://{peer.address}/metrics"]


def test_when_nobody_answers_that_is_stored_and_asked_again_at_the_usual_time(peer):
    source = scrape(peer.address)
    poll(source)
    peer.pages["/metrics"] = (500, "text/plain", b"")
    for failures in range(1, 8):
        poll(source)
        assert (source.status, source.failures, source.broken_until) == ("failing", failures, None)
    assert source.last_error == "127.0.0.1 failed 5 times in a row and is left alone for a while"
    assert 0 <= (source.due_at - source.last_error_at).total_seconds() <= source.interval
    assert last("up")[1] == 0.0
    assert last("node_load1")[1] == "stale"


def test_a_gpu_exporter_is_judged_like_a_gpu_of_this_machine(peer):
    peer.pages["/metrics"] = (peers.DATA / "dcgm_exporter.txt").read_text().replace("} 66\n", "} 92\n")
    poll(scrape(peer.address))
    judge.judge_resources()
    hot = Resource.objects.get(name="gpu-node-1 GPU 0")
    assert hot.parent == Resource.objects.get(kind="host", name="gpu-node-1")
    assert [reason["text"] for reason in hot.reasons] == ["GPU 92 °C, limit 90 °C"]


def test_large_polls_are_written_in_portions(peer, monkeypatch):
    monkeypatch.setattr(columns, "AT_ONCE", 20)
    source = scrape(*(f"http://{peer.address}/metrics?n={number} instance=n{number}" for number in range(4)))
    poll(source)
    assert (source.last_samples, len(reader.select("up"))) == (48, 4)


@pytest.mark.skipif(not shutil.which("prometheus-node-exporter"), reason="no prometheus-node-exporter here")
def test_a_real_node_exporter_is_scraped_whole():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    exporter = subprocess.Popen(["prometheus-node-exporter", f"--web.listen-address={address}"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(50):
            try:
                page = httpx.get(f"http://{address}/metrics").text
                break
            except httpx.TransportError:
                time.sleep(0.1)
        source = scrape(address)
        poll(source)
    finally:
        exporter.terminate()
        exporter.wait(5)
    lines = [line for line in page.splitlines() if not line.startswith("#")]
    assert abs(source.last_samples - 5 - len(lines)) <= 5  # a metric or two may come with the first scrape
    host = Resource.objects.get(kind="host")
    assert host.facts["cores"] >= 1
    assert host.facts["memory_bytes"] > 0
    assert {ref.resource_id for ref in reader.select(resource=host.pk)} == {host.pk}
    known = {ref.metric for ref in reader.select(resource=host.pk)}
    assert {line.partition("{")[0].partition(" ")[0] for line in lines} <= known | {"go_memstats_last_gc_time_seconds"}
