"""The doors over HTTP: who may send, what is kept of a mixed batch, and how each protocol is answered."""

import base64
import gzip
import json

import cramjam
import pytest
from django.test import Client

from accounts import tokens
from accounts.testing import client_of, token_of
from monitoring.ingest.tests.conftest import stored
from monitoring.ingest.tests.protobuf import WriteRequest, request
from monitoring.store import StoreUnavailable, metadata, writer
from monitoring.store.batch import STALE
from monitoring.store.models import Series

V1, V2 = "influxdb/write?db=telegraf&precision=s", "influxdb/api/v2/write?bucket=b&org=o&precision=s"
A = (("host", "a"), ("instance", "a"))


def write_request(*series):
    return bytes(cramjam.snappy.compress_raw(request(*series).SerializeToString()))


def prometheus(send, *series, door="prometheus", **headers):
    given = {"Content_Encoding": "snappy", "Content_Type": "application/x-protobuf", **headers}
    return send(door, write_request(*series), **given)


# -- who may send --------------------------------------------------------------------------------------------------------
ALL = ["influxdb/write?db=d", "influxdb/api/v2/write", "telegraf", "metrics", "prometheus", "prometheus/api/v1/write"]


def post(door, body=b"m,host=a v=1", **headers):
    return Client().post(f"/webhooks/{door}", body, content_type="text/plain", headers=headers)


@pytest.mark.parametrize("door", [*ALL, "influxdb/query?q=CREATE+DATABASE+d"])
def test_a_stranger_is_401_in_the_protocol_s_own_form(door, db):
    answer = post(door)
    assert answer.status_code == 401
    assert "API token" in answer.content.decode()
    assert answer["WWW-Authenticate"]


@pytest.mark.parametrize("door", [*ALL, "influxdb/query?q=CREATE+DATABASE+d"])
def test_a_viewer_s_token_is_403(door, viewer):
    raw = token_of(viewer, "monitoring:read")
    assert post(door, Authorization=f"Bearer {raw}").status_code == 403


@pytest.mark.parametrize("door", ALL)
def test_signing_in_is_not_enough(door, admin):
    answer = client_of(admin).post(f"/webhooks/{door}", b"m v=1", content_type="text/plain")
    assert answer.status_code == 401


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_whoever_may_send_metrics_may_send(role, request):
    person = request.getfixturevalue(role)
    assert post(V2, Authorization=f"Bearer {token_of(person, 'metrics:write')}").status_code == 204


def test_every_place_for_a_token_is_understood(token):
    basic = base64.b64encode(f"telegraf:{token}".encode()).decode()
    for headers in ({"Authorization": f"Bearer {token}"}, {"Authorization": f"Token {token}"}, {"Authorization": f"Basic {basic}"}):
        assert post(V1, **headers).status_code == 204
    assert post(V1, **{"X-API-Key": token}).status_code == 204
    assert post(f"{V1}&u=telegraf&p={token}").status_code == 204


def test_a_revoked_token_is_401(operator, django_capture_on_commit_callbacks):
    token, raw = tokens.issue(operator, "gone", [], kind="ingest")
    assert post(V2, Authorization=f"Bearer {raw}").status_code == 204
    with django_capture_on_commit_callbacks(execute=True):
        tokens.revoke(token)
    assert post(V2, Authorization=f"Bearer {raw}").status_code == 401


@pytest.mark.parametrize("door", ["influxdb/write/?db=d", "influxdb/api/v2/write/", "telegraf/", "influxdb/query/?q=CREATE+DATABASE+d"])
def test_a_slash_at_the_end_makes_no_difference(door, send):
    assert send(door, b"m,host=a v=1").status_code in (200, 204)


@pytest.mark.parametrize("door", ALL)
@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_another_method_is_405(door, method, token):
    answer = getattr(Client(), method)(f"/webhooks/{door}", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


# -- InfluxDB 1 ----------------------------------------------------------------------------------------------------------
def test_a_good_batch_is_204_and_stored(send, now):
    assert send(V1, f"cpu,host=a usage=1.5 {now}\ncpu,host=a usage=2.5 {now + 1}").status_code == 204
    assert stored("cpu_usage") == {A: [(now * 1000, 1.5), (now * 1000 + 1000, 2.5)]}


def test_sent_again_it_is_there_once(send, now):
    for value in (1, 1, 2):
        assert send(V1, f"cpu,host=a usage={value} {now}").status_code == 204
    assert stored("cpu_usage") == {A: [(now * 1000, 2.0)]}


def test_gzip_is_inflated(send, now):
    assert send(V2, gzip.compress(f"cpu,host=a usage=1 {now}".encode()), Content_Encoding="gzip").status_code == 204
    assert stored("cpu_usage")


def test_v1_keeps_the_good_part_of_a_mixed_batch_and_says_what_was_dropped(send, now):
    answer = send(V1, f"cpu,host=a usage=1 {now}\ncpu,host=a usage=\ncpu,host=a usage=x")
    assert answer.status_code == 400
    error = json.loads(answer.content)["error"]
    assert error.startswith("partial write: unable to parse 'cpu,host=a usage=': missing field value")
    assert error.endswith("dropped=2")
    assert answer["X-Influxdb-Error"] == " ".join(error.split())
    assert stored("cpu_usage") == {A: [(now * 1000, 1.0)]}


def test_v1_refuses_a_batch_of_which_nothing_can_be_read(send):
    answer = send(V1, "cpu,host=a usage=")
    assert (answer.status_code, json.loads(answer.content)) == (
        400,
        {"error": "unable to parse 'cpu,host=a usage=': missing field value"},
    )


def test_a_header_carries_any_line(send):
    assert send(V1, "température,ville=Zürich\n" + "x" * 3000).status_code == 400


def test_v1_needs_a_database(send):
    assert json.loads(send("influxdb/write", "m v=1").content) == {"error": "database is required"}


def test_what_is_too_old_or_ahead_is_told(send, now):
    answer = send(V1, f"cpu,host=a usage=1 {now}\ncpu,host=a usage=1 5\ncpu,host=a usage=1 {now + 3600}")
    assert answer.status_code == 400
    assert "dropped=2" in json.loads(answer.content)["error"]
    assert len(stored("cpu_usage")[A]) == 1


def test_a_field_that_changes_its_type_goes_on(send, now):
    """Integers, floats and booleans are one kind of number here; a text costs nothing but itself."""
    for place, value in enumerate(("1i", "1.5", "t", '"broken"', "2")):
        assert send(V1, f"cpu,host=a usage={value} {now + place}").status_code == 204
    assert [value for _, value in stored("cpu_usage")[A]] == [1, 1.5, 1, 2]


def test_making_a_database_is_answered_as_influxdb_does(send):
    for q in ('CREATE DATABASE "telegraf"', "create database x WITH DURATION 30d"):
        assert json.loads(send("influxdb/query", f"q={q}", Content_Type="application/x-www-form-urlencoded").content) == {
            "results": [{"statement_id": 0}]
        }
    assert "databases" in send("influxdb/query?q=SHOW+DATABASES", "").content.decode()
    for q in ("SELECT+*+FROM+cpu", "DROP+DATABASE+x", ""):
        assert send(f"influxdb/query?q={q}", "").status_code == 400


@pytest.mark.parametrize(("path", "status"), [("ping", 204), ("health", 200), ("ready", 200)])
def test_what_clients_ask_first_is_answered_without_a_token(path, status, db):
    answer = Client().get(f"/webhooks/influxdb/{path}")
    assert answer.status_code == status
    assert Client().head(f"/webhooks/influxdb/{path}/").status_code == status


# -- InfluxDB 2 ----------------------------------------------------------------------------------------------------------
def test_v2_takes_a_mixed_batch_for_good(send, now):
    assert send(V2, f"cpu,host=a usage=1 {now}\nbroken").status_code == 204
    assert stored("cpu_usage")


def test_v2_names_the_line_when_nothing_was_good(send):
    answer = send(V2, "\nbroken")
    assert answer.status_code == 400
    assert json.loads(answer.content) == {"code": "invalid", "message": "unable to parse 'broken': missing fields", "line": 2}


# -- telegraf's outputs.http ---------------------------------------------------------------------------------------------
def test_telegraf_s_json_and_lines_are_told_apart(send, now):
    batch = {"metrics": [{"name": "disk", "tags": {"host": "a"}, "fields": {"used": 5}, "timestamp": now}]}
    assert json.loads(send("telegraf", json.dumps(batch)).content)["accepted"] == 1
    assert json.loads(send("telegraf", f"disk,host=a used=6i {now + 1}000000000").content)["accepted"] == 1
    assert [value for _, value in stored("disk_used")[A]] == [5, 6]


def test_telegraf_never_loses_a_batch_for_one_bad_line(send, now):
    answer = send("telegraf", f"good,host=a v=1 {now}000000000\nbad\ngood,host=b v=1 {now}000000000")
    assert answer.status_code == 200
    body = json.loads(answer.content)
    assert (body["accepted"], body["refused"]) == (2, {"syntax": 1})


def test_telegraf_is_not_told_to_send_for_ever_what_is_too_old(send):
    assert send("telegraf", "good,host=a v=1 5").status_code == 200
    assert send("telegraf", "nonsense").status_code == 400


# -- generic JSON --------------------------------------------------------------------------------------------------------
def test_json_is_answered_with_what_was_kept(send, now):
    answer = send("metrics", json.dumps([{"host": "a", "ts": now, "metrics": {"cpu": 1, "v": "x"}}, 5]), Content_Type="application/json")
    assert answer.status_code == 200
    body = json.loads(answer.content)
    assert (body["accepted"], body["refused"], body["skipped"]) == (1, {"type": 1}, {"text": 1})
    assert body["errors"][0]["line"] == 2
    assert send("metrics", "[5]").status_code == 400
    assert send("metrics", "{").status_code == 400


# -- Prometheus ----------------------------------------------------------------------------------------------------------
CPU = {"__name__": "cpu_seconds_total", "instance": "a:9100", "job": "node"}
CPU_LABELS = (("instance", "a:9100"), ("job", "node"))


@pytest.mark.parametrize("door", ["prometheus", "prometheus/", "prometheus/api/v1/write", "prometheus/api/v1/write/"])
def test_remote_write_is_204_and_stored(door, send, now):
    assert prometheus(send, (CPU, [(now * 1000, 1.5), (now * 1000 + 1, 0.0)]), door=door).status_code == 204
    assert stored("cpu_seconds_total") == {CPU_LABELS: [(now * 1000, 1.5), (now * 1000 + 1, 0.0)]}


def test_late_and_repeated_samples_are_taken(send, now):
    for at in (now, now - 60, now, now - 30):
        assert prometheus(send, (CPU, [(at * 1000, 1.0)])).status_code == 204
    assert [t // 1000 for t, _ in stored("cpu_seconds_total")[CPU_LABELS]] == [now - 60, now - 30, now]


def test_the_end_of_a_series_is_kept_as_a_gap(send, now):
    from monitoring.store import reader

    assert prometheus(send, (CPU, [(now * 1000, 1.0)])).status_code == 204
    sid = Series.objects.get().pk
    assert len(reader.latest([sid], 0)[0]) == 1
    assert prometheus(send, (CPU, [(now * 1000 + 5, STALE)])).status_code == 204
    assert len(reader.latest([sid], 0)[0]) == 0


def test_metadata_is_kept(send):
    message = WriteRequest()
    message.metadata.add(type=1, metric_family_name="cpu_seconds_total", help="Seconds of CPU.", unit="seconds")
    body = bytes(cramjam.snappy.compress_raw(message.SerializeToString()))
    assert send("prometheus", body, Content_Encoding="snappy").status_code == 204
    assert metadata.of(["cpu_seconds_total"]) == {"cpu_seconds_total": metadata.Description("counter", "seconds", "Seconds of CPU.")}


def test_a_bad_series_is_told_and_the_others_are_kept(send, now):
    answer = prometheus(send, (CPU, [(now * 1000, 1.0)]), ({"instance": "b"}, [(now * 1000, 1.0)]))
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/plain")
    assert answer.content.decode().startswith("kept 1 samples, refused 1 labels; ")
    assert stored("cpu_seconds_total")


def test_exemplars_and_native_histograms_cost_no_answer(send, now):
    message = request((CPU, [(now * 1000, 1.0)]))
    message.timeseries[0].histograms.add(sum=1)
    message.timeseries[0].exemplars.add(value=1)
    assert send("prometheus", bytes(cramjam.snappy.compress_raw(message.SerializeToString()))).status_code == 204


def test_remote_write_2_is_415(send):
    kind = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    assert prometheus(send, (CPU, [(1, 1.0)]), Content_Type=kind).status_code == 415
    assert prometheus(send, (CPU, [(1, 1.0)]), Content_Encoding="zstd").status_code == 415


def test_broken_snappy_and_broken_frames_are_400(send):
    assert send("prometheus", b"nonsense", Content_Encoding="snappy").status_code == 400
    body = bytes(cramjam.snappy.compress_raw(request((CPU, [(1, 1.0)])).SerializeToString()[:-2]))
    assert send("prometheus", body, Content_Encoding="snappy").status_code == 400


# -- our own faults ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("door", [V1, V2, "telegraf", "metrics", "prometheus"])
def test_a_store_that_does_not_answer_is_503_and_nothing_is_lost(door, send, now, monkeypatch):
    json_body = json.dumps({"host": "a", "ts": now, "metric": "m_v", "value": 1})
    body = {"metrics": json_body, "prometheus": write_request(({"__name__": "m_v"}, [(now * 1000, 1.0)]))}
    content = body.get(door, f"m,host=a v=1 {now}" + ("000000000" if door == "telegraf" else ""))

    def unavailable(batch):
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(writer, "write", unavailable)
        answer = send(door, content)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "disk" not in answer.content.decode()
    assert not stored("m_v")
    assert send(door, content).status_code in (200, 204)
    assert len(stored("m_v")) == 1


@pytest.mark.parametrize("door", [V1, V2, "telegraf", "metrics"])
def test_a_body_above_the_limits_is_413_in_the_protocol_s_own_form(door, send, settings):
    settings.INGEST_MAX_BYTES = 2000
    answer = send(door, b"x" * 2001)
    assert answer.status_code == 413
    assert "send smaller batches" in str(json.loads(answer.content))
    assert send(door, gzip.compress(b"x" * 5000), Content_Encoding="gzip").status_code == 413
    settings.INGEST_MAX_SAMPLES = 3
    body = json.dumps([{"metric": "m", "value": 1}] * 4) if door == "metrics" else "m v=1\n" * 4
    assert send(door, body).status_code == 413
