"""A sender has one row: who it is, what was kept and refused, the last examples; written seldom, and never lost."""

import json
import threading
import time

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from prometheus_client import REGISTRY

from accounts import tokens
from monitoring.ingest import senders
from monitoring.ingest.decoded import Refusal
from monitoring.ingest.models import Sender
from monitoring.ingest.signals import sender_appeared

LINES = "influxdb/api/v2/write?precision=s"


def counted(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_the_first_request_makes_the_sender_and_tells_once(send, now, django_capture_on_commit_callbacks):
    told = []
    sender_appeared.connect(hear := lambda sender_id, **_: told.append(sender_id), weak=False)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            send(LINES, f"m,host=a v=1 {now}")
            send(LINES, f"m,host=a v=1 {now}")
    finally:
        sender_appeared.disconnect(hear)
    row = Sender.objects.get()
    assert told == [row.pk]
    assert (row.door, row.name) == ("influxdb", "agents (influxdb)")


def test_each_door_and_each_token_is_a_sender(send, operator, now):
    send(LINES, f"m,host=a v=1 {now}")
    send("metrics", json.dumps({"metric": "m", "value": 1}))
    raw = tokens.issue(operator, "others", [], kind="ingest")[1]
    Client().post(f"/webhooks/{LINES}", b"m v=1", content_type="text/plain", headers={"Authorization": f"Bearer {raw}"})
    assert sorted(Sender.objects.values_list("name", flat=True)) == ["agents (influxdb)", "agents (metrics)", "others (influxdb)"]


def test_samples_and_refusals_add_up(send, now):
    kept, refused = (
        counted("aiops_ingest_samples_total", door="influxdb"),
        counted("aiops_ingest_refused_total", door="influxdb", reason="syntax"),
    )
    for _ in range(3):
        send(LINES, f"m,host=a v=1,w=2 {now}\nbad\nm v=x\nm v=1 5")
    senders.flush()
    row = Sender.objects.get()
    assert (row.samples, row.refused) == (6, {"syntax": 3, "number": 3, "expired": 3})
    assert counted("aiops_ingest_samples_total", door="influxdb") == kept + 6
    assert counted("aiops_ingest_refused_total", door="influxdb", reason="syntax") == refused + 3


def test_the_last_twenty_examples_are_kept(send):
    for start in (0, 15):
        send(LINES, "\n".join(f"bad{n}" for n in range(start, start + 15)))
    senders.flush()
    examples = Sender.objects.get().examples
    assert [one["text"] for one in examples] == [f"bad{n}" for n in range(10, 30)]
    assert examples[0].keys() == {"at", "reason", "sentence", "text", "line"}
    assert abs(examples[0]["at"] - time.time() * 1000) < 60_000


def test_examples_are_short_and_hold_no_secret(send):
    send(LINES, 'log,host=a password=hunter2hunter2,m="Authorization: Bearer abcdefghijkl" x y\n' + "z" * 5000 + "\n\0bad")
    senders.flush()
    texts = [one["text"] for one in Sender.objects.get().examples]
    assert len(texts) == 3
    assert all(len(text) <= senders.SHOWN for text in texts)
    assert "hunter2" not in str(texts)
    assert "abcdefghijkl" not in str(texts)


def test_a_body_that_cannot_be_read_counts_too(send):
    send(LINES, b"x", Content_Encoding="gzip")
    senders.flush()
    row = Sender.objects.get()
    assert (row.refused, [one["reason"] for one in row.examples]) == ({"body": 1}, ["body"])


def test_a_busy_sender_is_not_written_with_every_request(send, now, django_assert_max_num_queries, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        send(LINES, f"m,host=a v=1 {now}")
    with django_assert_max_num_queries(4):  # a savepoint, the samples, and whether series were removed
        send(LINES, f"m,host=a v=1 {now + 1}")
    assert Sender.objects.get().samples == 1
    senders.flush()
    assert Sender.objects.get().samples == 2


def test_what_could_not_be_written_is_written_later(send, now, monkeypatch):
    send(LINES, f"m,host=a v=1 {now}")
    send(LINES, f"m,host=a v=1 {now}\nbad")
    with monkeypatch.context() as broken:
        broken.setattr(senders.State, "_save", lambda self, *counted: (_ for _ in ()).throw(OperationalError("disk is full")))
        with pytest.raises(OperationalError):
            senders.flush()
    senders.flush()
    row = Sender.objects.get()
    assert (row.samples, row.refused, [one["text"] for one in row.examples]) == (2, {"syntax": 1}, ["bad"])


def test_a_sender_whose_row_is_gone_appears_anew(send, now):
    send(LINES, f"m,host=a v=1 {now}")
    Sender.objects.all().delete()
    send(LINES, f"m,host=a v=1 {now}")
    senders.flush()
    assert not Sender.objects.exists()
    assert send(LINES, f"m,host=a v=1 {now}").status_code == 204
    assert Sender.objects.count() == 1


def test_the_server_writes_once_a_second_and_at_its_end(transactional_db, operator, monkeypatch):
    cache.clear()
    monkeypatch.setattr(senders, "PERIOD", 0.05)
    token, _ = tokens.issue(operator, "agents", [], kind="ingest")
    state = senders.of("influxdb", token)
    senders.start()
    try:
        state.note(3, state.refused.__class__({"syntax": 1}), [Refusal("syntax", "bad", "x", 1)])
        deadline = time.monotonic() + 10
        while not Sender.objects.get().samples and time.monotonic() < deadline:
            time.sleep(0.02)
        assert Sender.objects.get().samples == 3
        monkeypatch.setattr(senders, "PERIOD", 60)
        time.sleep(0.1)
        state.note(4, state.refused.__class__(), [])
    finally:
        senders.stop()
    assert Sender.objects.get().samples == 7
    assert not any(thread.name == "senders" for thread in threading.enumerate())


def test_summaries_are_rows_by_id(send, now):
    send(LINES, f"m,host=a v=1 {now}")
    pk = Sender.objects.get().pk
    assert senders.summary([pk, pk + 1])[pk].samples == 1
    assert set(senders.summary([pk, pk + 1])) == {pk}
