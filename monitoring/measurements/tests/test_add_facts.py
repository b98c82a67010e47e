"""POST facts and facts/batch: what is kept, skipped and refused."""

import threading

import pytest
from django.db import connection
from django.test import Client

from monitoring.inventory.models import Resource
from monitoring.measurements.models import FactSeries
from monitoring.measurements.tests.conftest import fact, iso
from monitoring.store import StoreUnavailable, reader, remove, writer
from monitoring.store.windows import DAY, HOUR, MINUTE, now_ms

pytestmark = pytest.mark.django_db
JSON = "application/json"


def test_a_fact_is_kept_in_the_metric_store_under_a_stable_id(sender, midnight):
    answer = sender.post("/api/v1/facts", fact(midnight), content_type=JSON)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert {name: body[name] for name in ("vm", "timestamp", "metric", "value")} == fact(midnight)
    [ref] = reader.select("cpu")
    assert (ref.labels, Resource.objects.get(pk=ref.resource_id).kind) == ({"vm": "vm-1"}, "vm")
    assert [column.tolist() for column in reader.raw(ref.id, midnight, midnight + 1)] == [[midnight], [12.5]]
    assert sender.get(f"/api/v1/facts/{body['id']}").json() == body


def test_the_same_fact_again_is_409_and_changes_nothing(sender, midnight):
    assert sender.post("/api/v1/facts", fact(midnight), content_type=JSON).status_code == 201
    again = sender.post("/api/v1/facts/", fact(midnight, value=99), content_type=JSON)
    assert (again.status_code, again.json()) == (409, {"error": "There is a fact of this VM, metric and time already."})
    assert [row["value"] for row in sender.get("/api/v1/facts?vm=vm-1").json()["results"]] == [12.5]


@pytest.mark.parametrize(
    "body",
    [
        {"host": "vm-1", "ts": "2026-01-01T00:00:00+02:00", "metric_name": "cpu", "value": 1},
        {"vm_name": " vm-1 ", "timestamp": "2026-01-01T02:00", "metric": "cpu", "value": 1.0},
        {"vm": "vm-1", "timestamp": 1767225600, "metric": "cpu", "value": 1},
        {"vm": "vm-1", "timestamp": 1767225600000, "metric": "cpu", "value": 1},
    ],
)
def test_fields_have_aliases_and_times_forms(body, sender, settings):
    settings.FACTS_RETENTION_DAYS = 36500
    answer = sender.post("/api/v1/facts", body, content_type=JSON)
    assert answer.status_code == 201, answer.content
    assert answer.json()["vm"] == "vm-1"
    assert answer.json()["timestamp"].startswith(("2025-12-31T22:00:00", "2026-01-01T0"))


WRONG = [
    ({"vm": ""}, "vm"),
    ({"vm": "   "}, "vm"),
    ({"vm": 7}, "vm"),
    ({"vm": "x" * 256}, "vm"),
    ({"vm": "nul\0"}, "vm"),
    ({"metric": ""}, "metric"),
    ({"metric": None}, "metric"),
    ({"timestamp": "yesterday"}, "timestamp"),
    ({"timestamp": True}, "timestamp"),
    ({"timestamp": 1e300}, "timestamp"),
    ({"timestamp": "1999-01-01T00:00:00Z"}, "timestamp"),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
    ({"value": 100.01}, "value"),
    ({"value": -0.5}, "value"),
    ({"value": "12"}, "value"),
    ({"value": None}, "value"),
    ({"value": True}, "value"),
]


@pytest.mark.parametrize(("change", "field"), WRONG, ids=[str(change)[:40] for change, _field in WRONG])
def test_a_wrong_fact_is_400_with_the_field(change, field, sender, midnight):
    answer = sender.post("/api/v1/facts", {**fact(midnight), **change}, content_type=JSON)
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["fields"]
    assert not FactSeries.objects.exists()


def test_a_fact_of_the_future_is_400(sender, midnight):
    answer = sender.post("/api/v1/facts", {**fact(midnight), "timestamp": iso(now_ms() + HOUR)}, content_type=JSON)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["timestamp"])
    assert not FactSeries.objects.exists()


@pytest.mark.parametrize("field", ["vm", "timestamp", "metric", "value"])
def test_every_field_is_needed(field, sender, midnight):
    body = fact(midnight)
    del body[field]
    answer = sender.post("/api/v1/facts", body, content_type=JSON)
    assert (answer.status_code, answer.json()["error"]) == (400, f"{field}: {field} is missing.")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"vm": "\\ud800"}'])
def test_a_body_that_is_no_fact_is_400(body, sender):
    for path in ("/api/v1/facts", "/api/v1/facts/batch"):
        assert sender.post(path, body, content_type=JSON).status_code == 400, path


def test_the_range_of_values_is_a_setting(sender, midnight, settings):
    settings.FACTS_VALUE_RANGE = (-50.0, 5000.0)
    assert sender.post("/api/v1/facts", fact(midnight, value=4096), content_type=JSON).status_code == 201
    answer = sender.post("/api/v1/facts", fact(midnight, value=5001), content_type=JSON)
    assert answer.json()["error"] == "value: value is 5001; it must lie between -50 and 5000."


# -- batches -------------------------------------------------------------------------------------------------------------
def test_a_batch_skips_and_counts_duplicates_in_it_and_in_the_store(sender, midnight):
    sender.post("/api/v1/facts", fact(midnight), content_type=JSON)
    batch = [
        fact(midnight),
        fact(midnight + MINUTE),
        fact(midnight + MINUTE, value=50),
        fact(midnight, vm="vm-2"),
        fact(midnight, metric="mem"),
    ]
    answer = sender.post("/api/v1/facts/batch", batch, content_type=JSON)
    assert (answer.status_code, answer.json()) == (201, {"created": 3, "skipped": 2, "errors": []})
    again = sender.post("/api/v1/facts/batch", batch, content_type=JSON)
    assert (again.status_code, again.json()) == (200, {"created": 0, "skipped": 5, "errors": []})
    values = [row["value"] for row in sender.get("/api/v1/facts?vm=vm-1&metric=cpu").json()["results"]]
    assert values == [12.5, 12.5], "of two with the same time the first counts"


@pytest.mark.parametrize("wrap", ["facts", "metrics", "data"])
def test_a_wrong_row_spoils_no_other(wrap, sender, midnight):
    batch = [fact(midnight), fact(midnight, vm=""), {"vm": 3}, fact(midnight + MINUTE, value=101), "x", fact(midnight + 2 * MINUTE)]
    answer = sender.post("/api/v1/facts/batch", {wrap: batch}, content_type=JSON)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["created"], body["skipped"]) == (2, 0)
    assert [(error["index"], error["field"]) for error in body["errors"]] == [(1, "vm"), (2, "vm"), (3, "value"), (4, "")]


def test_a_batch_without_a_fact_is_400_and_says_why(sender, midnight):
    answer = sender.post("/api/v1/facts/batch", [fact(midnight, value=1000)], content_type=JSON)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["error"] == "value is 1000; it must lie between 0 and 100."
    assert sender.post("/api/v1/facts/batch", [], content_type=JSON).status_code == 400


def test_a_batch_of_more_than_10000_is_413(sender, midnight):
    answer = sender.post("/api/v1/facts/batch", [fact(midnight + n) for n in range(10_001)], content_type=JSON)
    assert answer.status_code == 413
    assert not FactSeries.objects.exists()


# -- what happens around it ----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_of_two_senders_at_the_same_time_one_is_told_it_came_second(operator, token_of, midnight):
    token = token_of(operator, "metrics:write")
    start, answers = threading.Barrier(4), []

    def send():
        client = Client(headers={"Authorization": f"Bearer {token}"})
        start.wait()
        try:
            answers.append(client.post("/api/v1/facts", fact(midnight), content_type=JSON).status_code)
        finally:
            connection.close()

    senders = [threading.Thread(target=send) for _ in range(4)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    assert sorted(answers) == [201, 409, 409, 409]


def test_a_store_that_does_not_answer_is_503_and_the_fact_can_be_sent_again(sender, midnight, monkeypatch):
    def down(*_args, **_more):
        raise StoreUnavailable("no")

    with monkeypatch.context() as broken:
        broken.setattr(writer, "write", down)
        answer = sender.post("/api/v1/facts", fact(midnight), content_type=JSON)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert sender.post("/api/v1/facts", fact(midnight), content_type=JSON).status_code == 201


def test_a_vm_that_sends_now_reports_and_history_makes_it_known(sender, midnight):
    sender.post("/api/v1/facts", fact(midnight), content_type=JSON)
    vm = Resource.objects.get(kind="vm", name="vm-1")
    Resource.objects.update(last_seen="2026-01-01T00:00Z")
    from monitoring.measurements import catalogue

    catalogue._told.clear()
    sender.post("/api/v1/facts", fact(midnight + 1), content_type=JSON)
    assert Resource.objects.get(pk=vm.pk).last_seen.year == 2026
    assert Resource.objects.get(pk=vm.pk).last_seen.month == 1, "history says nothing of now"
    sender.post("/api/v1/facts", fact(now_ms() - MINUTE), content_type=JSON)
    assert Resource.objects.get(pk=vm.pk).last_seen > vm.first_seen


def test_facts_outlive_the_retention_of_other_samples(sender, midnight):
    old = midnight - 300 * DAY
    assert sender.post("/api/v1/facts", fact(old), content_type=JSON).status_code == 201
    from monitoring.store import tasks

    tasks.expire()
    assert sender.get("/api/v1/facts?vm=vm-1").json()["count"] == 1


def test_facts_of_a_forgotten_series_can_be_sent_again(sender, midnight):
    sender.post("/api/v1/facts", fact(midnight), content_type=JSON)
    assert sender.get("/api/v1/facts?vm=vm-1&metric=cpu").status_code == 200, "so that it is remembered"
    remove.forget(list(FactSeries.objects.values_list("series_id", flat=True)))
    for query in ("vm=vm-1", "vm=vm-1&metric=cpu"):
        assert sender.get(f"/api/v1/facts?{query}").status_code == 404
    assert sender.post("/api/v1/facts", fact(midnight), content_type=JSON).status_code == 201
    for query in ("vm=vm-1", "vm=vm-1&metric=cpu"):
        assert sender.get(f"/api/v1/facts?{query}").json()["count"] == 1
