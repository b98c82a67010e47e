"""What senders speak of becomes resources, is described, stays alive and owns its series."""

import json
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.ingest import hosts, senders
from monitoring.ingest.models import Sender
from monitoring.ingest.naming import about
from monitoring.inventory.models import Resource
from monitoring.sources.models import Source
from monitoring.store.models import Series

LINES = "influxdb/api/v2/write?precision=s"


@pytest.mark.parametrize(
    ("labels", "things"),
    [
        ({"host": "a", "instance": "b:9100"}, [("host", "a")]),
        ({"instance": "a:9100"}, [("host", "a")]),
        ({"instance": "[::1]:9100"}, [("host", "[::1]")]),
        ({"instance": "https://example.org"}, [("host", "https://example.org")]),
        ({"node": "n1"}, [("host", "n1")]),
        ({"host": "a", "vm": "web-1"}, [("host", "a"), ("vm", "web-1")]),
        ({"vm": "web-1"}, [("vm", "web-1")]),
        ({"Hostname": "g1", "gpu": "0", "UUID": "GPU-ABC", "instance": "exporter:9400"}, [("host", "g1"), ("gpu", "g1 GPU 0")]),
        ({"job": "x"}, []),
        ({"host": "x" * 256}, []),
        ({"host": " "}, []),
        ({"host": "a\0b"}, []),
    ],
)
def test_labels_name_things(labels, things):
    assert [one.key for one in about(labels)] == things


def test_a_host_becomes_a_resource_and_owns_its_series(send, now):
    send(LINES, f"cpu,host=a,dc=eu,role=db,core=0 v=1 {now}\nmem,host=b v=1 {now}\nalone v=1 {now}")
    rows = {row.name: row for row in Resource.objects.all()}
    assert set(rows) == {"a", "b"}
    assert rows["a"].labels == {"dc": "eu", "role": "db", "instance": "a"}
    assert dict(Series.objects.values_list("metric", "resource__name")) == {"cpu_v": "a", "mem_v": "b", "alone_v": None}


def test_a_gpu_stands_below_its_host(send, now):
    send(LINES, f"gpu,host=g1,uuid=GPU-ABC,gpu=1 util=50 {now}")
    gpu = Resource.objects.get(kind="gpu")
    assert (gpu.name, gpu.parent.name, gpu.labels["uuid"]) == ("g1 GPU 1", "g1", "abc")
    assert Series.objects.get().resource == gpu


def test_texts_become_facts(send, now):
    send(LINES, f'system,host=a uptime=5,os="Linux",kernel="6.1" {now}')
    send(LINES, f'disk,host=a used=5,mode="rw" {now}')
    facts = Resource.objects.get().facts
    assert facts == {"os": "Linux", "kernel": "6.1"}  # news within a minute wait
    hosts._seen.described = {host: (when - 61, texts) for host, (when, texts) in hosts._seen.described.items()}
    send(LINES, f'disk,host=a used=5,mode="rw" {now}')
    assert Resource.objects.get().facts == {"os": "Linux", "kernel": "6.1", "mode": "rw"}


def test_texts_alone_make_no_resource(send, now):
    assert send(LINES, f'log,host=nobody m="x" {now}').status_code == 204
    assert not Resource.objects.exists()


def test_a_known_host_costs_no_query(send, now, django_assert_max_num_queries, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        send(LINES, f"m,host=a v=1 {now}")
    with django_assert_max_num_queries(4):  # a savepoint, the samples, and whether series were removed
        send(LINES, f"m,host=a v=2 {now + 1}")


def _aged(seconds):
    Resource.objects.update(last_seen=timezone.now() - timedelta(seconds=seconds))
    hosts._seen.touched = {host: when - seconds for host, when in hosts._seen.touched.items()}
    hosts._seen.heard = {host: when - seconds for host, when in hosts._seen.heard.items()}


def test_what_is_spoken_of_stays_alive(send, now):
    send(LINES, f"m,host=a v=1 {now}\nm,host=b v=1 {now}")
    senders.flush()
    _aged(100)
    send(LINES, f"m,host=a v=1 {now}")
    senders.flush()
    seen = {row.name: row.last_seen for row in Resource.objects.all()}
    assert seen["a"] > timezone.now() - timedelta(seconds=30)
    assert seen["b"] < timezone.now() - timedelta(seconds=90)


def test_it_is_touched_seldom(send, now):
    send(LINES, f"m,host=a v=1 {now}")
    senders.flush()
    before = Resource.objects.get().last_seen
    for _ in range(3):
        send(LINES, f"m,host=a v=1 {now}")
        senders.flush()
    assert Resource.objects.get().last_seen == before


def test_what_was_stale_reports_again(send, now):
    send(LINES, f"m,host=a v=1 {now}")
    _aged(1000)
    Resource.objects.update(state="stale")
    send(LINES, f"m,host=a v=1 {now}")
    senders.flush()
    assert Resource.objects.get().state == "reporting"


def test_a_deleted_resource_is_made_anew(send, now):
    send(LINES, f"m,host=a v=1 {now}")
    senders.flush()
    Resource.objects.all().delete()
    _aged(100)
    send(LINES, f"m,host=a v=1 {now}")
    senders.flush()
    send(LINES, f"m,host=a v=1 {now}")
    assert Series.objects.get().resource == Resource.objects.get()


def test_resources_belong_to_the_sender_s_source(send, now):
    send(LINES, f"m v=1 {now}")
    source = Source.objects.create(name="agents", kind="push_influxdb")
    Sender.objects.update(source_id=source.pk)
    senders.forget()
    send(LINES, f"m,host=a v=1 {now}")
    assert Resource.objects.get().source == source


def test_a_source_that_is_gone_costs_nothing(send, now):
    send(LINES, f"m v=1 {now}")
    Sender.objects.update(source_id=987654)
    senders.forget()
    assert send(LINES, f"m,host=a v=1 {now}").status_code == 204
    assert Resource.objects.get().source is None


def test_remote_write_and_json_name_hosts_too(send, now):
    send("metrics", json.dumps({"host": "j", "ts": now, "metrics": {"cpu": 1}}))
    assert Resource.objects.get().name == "j"
    assert time.time() - Resource.objects.get().last_seen.timestamp() < 60
