"""/api/v1: forecasts on request, predictions, anomalies, models, capacity, watches; to whom, and what is refused."""

import math
import time
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditEntry
from forecasting.models import Prediction, Watch
from forecasting.tests.rows import a_forecast, a_model, a_resource, a_track, a_watch, an_anomaly, samples
from monitoring.store import writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db
WATCH = {"name": "Queue", "expr": "queue_depth", "metric": "queue_depth", "direction": "up", "limit": 100}


@pytest.fixture
def call(client_of, operator):
    client = client_of(operator)

    def ask(method, address, body=None, status=200, **params):
        url = f"/api/v1/{address}"
        answer = client.get(url, params) if method == "get" else getattr(client, method)(url, body, content_type="application/json")
        assert answer.status_code == status, answer.content[:2000]
        return answer.json() if answer.content else None

    return ask


@pytest.fixture
def filling(db):
    track = a_track()
    samples(track, days=4, step=900)
    a_forecast(track)
    return track


def plain_series(values, metric="load", name="web-9", step=3600):
    """A metric that nobody watches."""
    host = a_resource(name)
    now = int(time.time()) // step * step
    first = now - step * (len(values) - 1)
    rows = [(metric, {"instance": name}, (first + n * step) * 1000, float(v)) for n, v in enumerate(values) if v is not None]
    writer.write(Batch.of(rows, host.pk))


def wave(hours):
    return [10 + 3 * math.sin(2 * math.pi * n / 24) + 0.1 * math.sin(n * 1.7) for n in range(hours)]


# -- predict ---------------------------------------------------------------------------------------------------------------
def test_a_stored_forecast_is_given_where_it_reaches_far_enough(call, filling):
    found = call("post", "predict", {"vm": "db-1", "metric": "disk_used_percent", "horizon": 24})
    assert (found["source"], found["step"], len(found["points"]), found["version"]) == ("stored", 3600, 24, 1)
    first = found["points"][0]
    assert first["lower95"] <= first["lower"] <= first["mean"] <= first["upper"] <= first["upper95"]


def test_any_series_of_the_store_is_foretold_48_steps_at_once(call):
    plain_series(wave(24 * 8))
    found = call("post", "predict", {"vm": "web-9", "metric": "load"})
    assert (found["source"], len(found["points"]), found["model"]) == ("numpy", 48, None)
    assert all(5 < point["mean"] < 15 for point in found["points"])
    assert Prediction.objects.count() == 0


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (wave(20), "too little history"),
        ([7.0] * 24 * 8, "constant"),
        ([None] * 24 * 8 + [1.0], "too little history"),
        ([v if n % 3 == 0 else None for n, v in enumerate(wave(24 * 8))], ""),
    ],
)
def test_without_an_honest_answer_there_is_one_sentence(call, values, sentence):
    plain_series(values)
    status = 422 if sentence else 200
    found = call("post", "predict", {"vm": "web-9", "metric": "load"}, status)
    if sentence:
        assert sentence in found["error"]
        assert found["error"].endswith(".")


def test_several_series_are_not_guessed_among(call):
    a_track(mountpoint="/")
    a_track(mountpoint="/data")
    answer = call("post", "predict", {"vm": "db-1", "metric": "disk_used_percent"}, 422)
    assert "2 series of disk_used_percent" in answer["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"vm": "x"}, 400),
        ({"vm": "x", "metric": "m", "horizon": 0}, 400),
        ({"vm": "x", "metric": "m", "horizon": 1001}, 400),
        ({"vm": "x", "metric": "m", "horizon": "far"}, 400),
        ({"vm": "nobody", "metric": "nothing"}, 404),
    ],
)
def test_what_cannot_be_predicted_is_refused(call, body, status):
    assert isinstance(call("post", "predict", body, status)["error"], str)


# -- predictions -----------------------------------------------------------------------------------------------------------
def row(hours=1, **fields):
    at = (timezone.now() + timedelta(hours=hours)).replace(microsecond=0)
    return {"vm": "ext-1", "metric": "cpu", "timestamp": at.isoformat(), "mean": 5, "lower": 4, "upper": 6, **fields}


def test_one_is_kept_and_replaced_and_audited(call):
    body = row()
    call("post", "predictions/", body, 201)
    made = call("post", "predictions/", {**body, "mean": 5.5}, 201)
    assert (made["mean"], Prediction.objects.count()) == (5.5, 1)
    assert AuditEntry.objects.filter(action="prediction.stored").count() == 2
    assert call("get", f"predictions/{made['id']}/")["vm"] == "ext-1"


def test_a_batch_is_kept_and_the_future_listed(call):
    assert call("post", "predictions/batch/", {"predictions": [row(-1), row(1), row(2)]}, 201) == {"stored": 3}
    assert call("get", "predictions/", vm="ext-1")["count"] == 3
    assert call("get", "predictions/future/", vm="ext-1", metric="cpu")["count"] == 2
    assert call("get", "predictions/", metric="other")["count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        row(mean=7),
        row(lower=5.5),
        row(mean="many"),
        row(timestamp="soon"),
        {"vm": "x"},
    ],
)
def test_a_prediction_outside_its_band_or_without_sense_is_refused(call, body):
    call("post", "predictions/", body, 400)
    call("post", "predictions/batch/", {"predictions": [row(), body]}, 400)
    assert Prediction.objects.count() == 0


def test_a_batch_with_one_twice_or_none_is_refused(call):
    one = row()
    assert "twice" in call("post", "predictions/batch/", {"predictions": [one, one]}, 400)["error"]
    call("post", "predictions/batch/", {"predictions": []}, 400)


def test_the_database_holds_the_band_and_one_of_each_time():
    at = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        Prediction.objects.create(vm="a", metric="m", timestamp=at, mean=5, lower=6, upper=7)
    Prediction.objects.create(vm="a", metric="m", timestamp=at, mean=5, lower=4, upper=7)
    with pytest.raises(IntegrityError), transaction.atomic():
        Prediction.objects.create(vm="a", metric="m", timestamp=at, mean=5, lower=4, upper=7)


def test_a_series_that_is_forecast_here_is_not_written_from_outside(call, filling):
    Prediction.objects.create(vm="db-1", metric=filling.series, timestamp=timezone.now(), mean=5, lower=4, upper=6, track=filling)
    assert "is forecast here" in call("post", "predictions/", row(vm="db-1", metric=filling.series), 409)["error"]


def test_predictions_are_compared_with_what_came(call):
    plain_series([50.0] * 12, "cpu", "ext-1")
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    rows = [row(timestamp=(now - timedelta(hours=n)).isoformat(), mean=48, lower=45, upper=49 + 2 * (n % 2)) for n in range(1, 5)]
    call("post", "predictions/batch/", {"predictions": rows}, 201)
    found = call("get", "predictions/compare/", vm="ext-1", metric="cpu")
    assert (found["n"], found["mae"], found["bias"], found["inside"]) == (4, 2, 2, 0.5)
    assert found["points"][0]["actual"] == 50
    assert call("get", "predictions/compare/", vm="ext-1", metric="none")["mae"] is None
    call("get", "predictions/compare/", None, 400, vm="ext-1")
    call("get", "predictions/compare/", None, 400, **{"vm": "a", "metric": "m", "from": "ever"})


# -- forecasts, capacity, models ---------------------------------------------------------------------------------------------
def test_forecasts_are_listed_most_urgent_first(call, filling):
    a_forecast(a_track("db-2"), hours=10)
    a_forecast(a_track("db-3"), hours=None)
    assert [one["vm"] for one in call("get", "forecasts/")["results"]][:2] == ["db-2", "db-1"]
    assert [one["vm"] for one in call("get", "forecasts/", within_hours=24)["results"]] == ["db-2"]
    assert call("get", "forecasts/", vm="db-3", state="ok")["count"] == 1
    call("get", "forecasts/", None, 400, state="odd")
    call("get", "forecasts/", None, 400, within_hours="x")
    first = call("get", "forecasts/", vm="db-1")["results"][0]
    assert len(first["points"]["mean"]) == 48
    call("post", f"forecasts/{first['id']}/retrain/", None, 202)


def test_capacity_answers_as_it_is_and_as_it_would_be(call, filling):
    found = call("post", "capacity", {"vm": "db-1", "metric": "disk_used_percent", "limit": 92})
    assert found["limit"] == 92
    assert found["then"]["eta"]
    assert found["then"]["lo"] <= found["then"]["eta"]
    assert call("post", "capacity", {"vm": "db-1", "metric": "disk_used_percent", "nodes": 3, "removed": 3}, 422)["error"].startswith(
        "Of 3"
    )
    call("post", "capacity", {"vm": "nobody", "metric": "m"}, 404)
    call("post", "capacity", {"vm": "db-1"}, 400)


def test_models_are_listed_with_their_errors(call, filling):
    a_model(filling, 2, active=False, fault="It crashed.")
    assert call("get", "models/", active="true")["count"] == 1
    found = call("get", "models/", metric="disk_used_percent")["results"]
    assert [one["version"] for one in found] == [2, 1]
    assert found[1]["errors"]["theta"]["mase"] == 0.7
    assert call("get", f"models/{found[0]['id']}/")["fault"] == "It crashed."


# -- anomalies -------------------------------------------------------------------------------------------------------------
def test_anomalies_are_ranked_filtered_and_rated(call, filling):
    worst, other = an_anomaly(filling), an_anomaly(a_track("db-2"), 0.5, ended_at=timezone.now())
    assert [one["id"] for one in call("get", "anomalies/")["results"]] == [worst.pk, other.pk]
    for params, expected in (
        ({"state": "open"}, [worst.pk]),
        ({"least": "0.9"}, [worst.pk]),
        ({"vm": "db-2"}, [other.pk]),
        ({"feedback": "noise"}, []),
    ):
        assert [one["id"] for one in call("get", "anomalies/", **params)["results"]] == expected
    assert call("post", f"anomalies/{worst.pk}/feedback/", {"feedback": "useful"})["feedback"] == "useful"
    assert call("post", f"anomalies/{worst.pk}/feedback/", {"feedback": ""})["feedback"] == ""
    call("post", f"anomalies/{worst.pk}/feedback/", {"feedback": "great"}, 400)
    call("post", "anomalies/999/feedback/", {"feedback": "useful"}, 404)


@pytest.mark.parametrize(
    "params", [{"state": "odd"}, {"least": "2"}, {"least": "x"}, {"order": "colour"}, {"vm": "a\0b"}, {"from": "ever"}]
)
def test_filters_that_cannot_be_are_refused(call, params):
    call("get", "anomalies/", None, 400, **params)


# -- watches ---------------------------------------------------------------------------------------------------------------
def test_watches_are_made_changed_and_deleted(call):
    made = call("post", "watches/", WATCH, 201)
    assert call("patch", f"watches/{made['id']}/", {"limit": None, "direction": "both"})["limit"] is None
    assert call("get", "watches/")["count"] == 1
    call("delete", f"watches/{made['id']}/", None, 204)
    assert not Watch.objects.exists()
    assert set(AuditEntry.objects.filter(action__startswith="watch.").values_list("action", flat=True)) == {
        "watch.made", "watch.changed", "watch.deleted",
    }  # fmt: skip


def test_what_a_watch_cannot_be_is_refused_with_one_sentence(call):
    shipped = a_watch(locked=True)
    for method, address, body, status in (
        ("post", "watches/", {**WATCH, "expr": "sum("}, 409),
        ("post", "watches/", {**WATCH, "direction": "both"}, 409),
        ("post", "watches/", {"name": "x"}, 400),
        ("post", "watches/", {**WATCH, "limit": "full"}, 400),
        ("patch", f"watches/{shipped.pk}/", {"expr": "up"}, 409),
        ("patch", f"watches/{shipped.pk}/", {}, 400),
        ("delete", f"watches/{shipped.pk}/", None, 409),
    ):
        assert isinstance(call(method, address, body, status)["error"], str)


# -- who may ---------------------------------------------------------------------------------------------------------------
def test_viewers_read_and_change_nothing_and_strangers_neither(filling, client_of, viewer, stranger):
    odd = an_anomaly(filling)
    for address in ("forecasts/", "predictions/", "predictions/future/", "anomalies/", "models/", "watches/"):
        assert client_of(viewer).get(f"/api/v1/{address}").status_code == 200
        assert client_of(stranger).get(f"/api/v1/{address}").status_code == 401
    ask = {"vm": "db-1", "metric": "disk_used_percent"}
    for address in ("predict", "capacity"):
        assert client_of(viewer).post(f"/api/v1/{address}", ask, content_type="application/json").status_code == 200
        assert client_of(stranger).post(f"/api/v1/{address}", ask, content_type="application/json").status_code == 401
    changes = (
        ("post", "predictions/", row()), ("post", "predictions/batch/", {"predictions": [row()]}), ("post", "watches/", WATCH),
        ("post", f"anomalies/{odd.pk}/feedback/", {"feedback": "noise"}), ("patch", f"watches/{filling.watch_id}/", {"limit": 1}),
        ("delete", f"watches/{filling.watch_id}/", None), ("post", f"forecasts/{filling.forecasts.get().pk}/retrain/", None),
    )  # fmt: skip
    for method, address, body in changes:
        for person, status in ((viewer, 403), (stranger, 401)):
            answer = getattr(client_of(person), method)(f"/api/v1/{address}", body, content_type="application/json")
            assert answer.status_code == status, address


def test_a_token_needs_the_scope(admin, client_of, token_of, stranger):
    for scope, status in (("alerts:write", 403), ("forecasts:write", 201)):
        headers = {"Authorization": f"Bearer {token_of(admin, scope)}"}
        answer = client_of(stranger).post("/api/v1/watches/", WATCH, content_type="application/json", headers=headers)
        assert answer.status_code == status
