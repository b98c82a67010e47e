"""A label explosion is stopped at its sender; what exists goes on."""

import json

import pytest
from prometheus_client import REGISTRY

from monitoring.ingest import senders
from monitoring.ingest.models import Sender
from monitoring.inventory.models import Resource
from monitoring.store import series
from monitoring.store.models import Series

LINES = "influxdb/write?db=d&precision=s"


@pytest.fixture(autouse=True)
def _small_cap(settings):
    settings.SERIES_CAP = 10


def hosts(first, last, now, field="v"):
    return "\n".join(f"m,host=h{n} {field}=1 {now}" for n in range(first, last))


def refused():
    return REGISTRY.get_sample_value("aiops_ingest_refused_total", {"door": "influxdb", "reason": "series_cap"}) or 0.0


def test_new_series_beyond_the_cap_are_refused_and_counted(send, now):
    before = refused()
    answer = send(LINES, hosts(0, 15, now))
    assert answer.status_code == 400
    assert "more than 10 series" in json.loads(answer.content)["error"]
    assert Series.objects.count() == 10
    assert refused() == before + 5
    senders.flush()
    assert Sender.objects.get().refused == {"series_cap": 5}


def test_what_was_refused_becomes_no_resource(send, now):
    send(LINES, hosts(0, 15, now))
    assert Resource.objects.count() == 10


def test_series_that_exist_go_on(send, now):
    send(LINES, hosts(0, 10, now))
    assert send(LINES, hosts(0, 10, now + 1)).status_code == 204
    answer = send(LINES, hosts(5, 12, now + 2))
    assert "dropped=2" in json.loads(answer.content)["error"]
    senders.flush()
    assert Sender.objects.get().samples == 25


def test_series_that_exist_go_on_after_a_restart(send, now):
    send(LINES, hosts(0, 10, now))
    senders.forget()
    series.forget()
    send(LINES, hosts(100, 112, now))  # takes the room of the new process
    answer = send(LINES, hosts(0, 12, now + 1))
    assert "dropped=2" in json.loads(answer.content)["error"]


def test_another_sender_has_its_own_cap(send, now):
    send(LINES, hosts(0, 12, now))
    assert (
        json.loads(send("metrics", json.dumps([{"host": f"x{n}", "metric": "m", "value": 1} for n in range(10)])).content)["accepted"] == 10
    )


def test_a_refused_series_is_not_remembered(send, now, settings):
    send(LINES, hosts(0, 12, now))
    settings.SERIES_CAP = 20
    assert send(LINES, hosts(0, 12, now + 1)).status_code == 204
