"""The API of sources, resources and series: scopes, filters, refusals."""

import time

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.sources import tasks
from monitoring.sources.models import Source
from monitoring.store import StoreUnavailable, reader, writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(token_of):
    """A client with a token of this user and these scopes."""

    def make(user, *scopes):
        return Client(headers={"Authorization": f"Bearer {token_of(user, *scopes)}"})

    return make


@pytest.fixture
def host(db):
    labels = {"team": "storage", "site": "fra", "a__b": 'x"y'}
    facts = {"os": "Debian 12"}
    return Resource.objects.create(kind="host", name="db-1", labels=labels, facts=facts, health=85, reasons=[])


@pytest.fixture
def samples(host):
    now = int(time.time()) * 1000
    rows = [("node_load1", {"instance": "db-1"}, now - 1000 * second, float(second)) for second in range(1, 61)]
    rows += [("node_cpu_seconds_total", {"instance": "db-1", "cpu": str(cpu)}, now - 1000, 1.5) for cpu in range(3)]
    writer.write(Batch.of(rows, resource=host.pk))
    return now


READS = ["/api/sources/", "/api/resources/", "/api/series/data?metric=node_load1"]


@pytest.mark.parametrize("path", READS)
def test_reading_needs_a_token_and_its_scope(path, viewer, api, samples):
    assert Client().get(path).status_code in (401, 403)
    assert api(viewer, "monitoring:read").get(path).status_code == 200


def test_a_token_that_may_only_send_samples_reads_nothing(operator, api, host, source):
    client = api(operator, "metrics:write")
    for path in [*READS, f"/api/resources/{host.pk}/", f"/api/resources/{host.pk}/series/", f"/api/sources/{source.pk}/"]:
        assert client.get(path).status_code == 403, path


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_reads(role, request, api, host, source, samples):
    client = api(request.getfixturevalue(role), "monitoring:read")
    for path in [*READS, f"/api/resources/{host.pk}/", f"/api/resources/{host.pk}/series/", f"/api/sources/{source.pk}/"]:
        assert client.get(path).status_code == 200, path


def test_only_who_may_write_changes_a_source(viewer, operator, api, source):
    writes = [("patch", f"/api/sources/{source.pk}/"), ("post", "/api/sources/"), ("post", f"/api/sources/{source.pk}/poll/")]
    for client in (api(viewer, "monitoring:read"), api(operator, "monitoring:read")):
        for method, path in writes:
            assert getattr(client, method)(path, {}, content_type="application/json").status_code == 403, path
    assert api(operator, "monitoring:write").get("/api/sources/").status_code == 403


# -- sources -------------------------------------------------------------------------------------------------------------
NEW = {"name": "core", "kind": "fake", "config": {"target": "sw-9"}, "secrets": {"password": "pw"}}


def test_a_source_is_added_with_its_kinds_defaults_and_without_showing_the_secret(operator, api, db):
    client = api(operator, "monitoring:write")
    answer = client.post("/api/sources/", NEW, content_type="application/json")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["interval"], body["config"], body["status"]) == (30, {"target": "sw-9"}, "waiting")
    assert "secrets" not in body
    assert "pw" not in answer.content.decode()
    assert Source.objects.get().secrets == {"password": "pw"}
    assert AuditEntry.objects.get(action="source.added").actor.endswith("token test")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "telex"}, "kind"),
        ({"config": {}}, "config"),
        ({"config": {"target": "x", "port": 99999}}, "config"),
        ({"config": {"target": "x", "colour": "red"}}, "config"),
        ({"secrets": {}}, "config"),
        ({"interval": 0}, "interval"),
        ({"name": ""}, "name"),
    ],
)
def test_a_wrong_source_is_refused_with_one_sentence(change, field, operator, api, db):
    answer = api(operator, "monitoring:write").post("/api/sources/", {**NEW, **change}, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert field in answer.json()["fields"]
    assert not Source.objects.exists()


def test_a_change_keeps_what_it_does_not_name(operator, api, source):
    client = api(operator, "monitoring:write", "monitoring:read")
    answer = client.patch(f"/api/sources/{source.pk}/", {"interval": 60}, content_type="application/json")
    assert answer.json()["interval"] == 60
    answer = client.patch(f"/api/sources/{source.pk}/", {"config": {"target": "sw-2"}}, content_type="application/json")
    assert answer.status_code == 200
    source.refresh_from_db()
    assert (source.config, source.secrets) == ({"target": "sw-2"}, {"password": "s3"})
    assert client.patch(f"/api/sources/{source.pk}/", {"kind": "local_host"}, content_type="application/json").status_code == 400


def test_poll_and_reset(operator, api, source, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(tasks.poll_source, "apply_async", lambda args, **options: sent.append(args))
    client = api(operator, "monitoring:write")
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"/api/sources/{source.pk}/poll/").status_code == 202
    busy = client.post(f"/api/sources/{source.pk}/poll/")
    assert (busy.status_code, len(sent)) == (409, 1)
    assert busy.json()["error"] == "The source is disabled or being polled at this moment."
    Source.objects.update(failures=8)
    assert client.post(f"/api/sources/{source.pk}/reset/").json()["failures"] == 0


@pytest.mark.parametrize("text", ["a\ud800b", "a\0b"])
def test_text_that_no_column_can_hold_is_refused(operator, api, text):
    odd = {**NEW, "config": {"target": text}}
    assert api(operator, "monitoring:write").post("/api/sources/", odd, content_type="application/json").status_code == 400
    assert not Source.objects.exists()


@pytest.mark.parametrize("path", ["/api/sources/%s/", "/api/resources/%s/", "/api/resources/%s/series/"])
def test_a_number_beyond_all_ids_is_not_found(path, viewer, api, db):
    client = api(viewer, "monitoring:read")
    for number in (0, 10**12, 10**40):
        assert client.get(path % number).status_code == 404


# -- resources -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def fleet(host):
    Resource.objects.create(kind="vm", name="web-1", labels={"team": "shop"}, state="stale")
    Resource.objects.create(kind="vm", name="web-2", labels={"team": "shop", "site": "fra"})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["db-1", "web-1", "web-2"]),
        ("kind=vm", ["web-1", "web-2"]),
        ("kind=vm&kind=host", ["db-1", "web-1", "web-2"]),
        ("state=stale", ["web-1"]),
        ("label=team=shop", ["web-1", "web-2"]),
        ("label=team=shop&label=site=fra", ["web-2"]),
        ('label=a__b=x"y', ["db-1"]),
        ("label=team__contains=sh", []),
        ("search=WEB", ["web-1", "web-2"]),
        ("search=storage", ["db-1"]),
        ("order=-name", ["web-2", "web-1", "db-1"]),
        ("page_size=2&page=2", ["web-2"]),
    ],
)
def test_resources_are_filtered(query, names, fleet, viewer, api):
    answer = api(viewer, "monitoring:read").get(f"/api/resources/?{query}")
    assert [row["name"] for row in answer.json()["results"]] == names


@pytest.mark.parametrize("query", ["state=purple", "label=team", "label==x", "order=colour", "search=%00", "label=a%00=b"])
def test_a_filter_that_cannot_be_is_refused_with_one_sentence(query, fleet, viewer, api):
    answer = api(viewer, "monitoring:read").get(f"/api/resources/?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_one_resource_brings_facts_and_changes(host, viewer, api):
    ResourceChange.objects.create(resource=host, resource_name="db-1", kind="state", text="Reporting again")
    body = api(viewer, "monitoring:read").get(f"/api/resources/{host.pk}/").json()
    assert body["facts"] == {"os": "Debian 12"}
    assert body["changes"][0]["text"] == "Reporting again"
    assert (body["health"], body["status"]) == (85, "degraded")
    assert "said" not in body


def test_the_list_stays_at_few_queries(viewer, api, db, django_assert_max_num_queries):
    Resource.objects.bulk_create(Resource(kind="vm", name=f"v{number}") for number in range(300))
    client = api(viewer, "monitoring:read")
    client.get("/api/resources/")
    with django_assert_max_num_queries(4):
        assert len(client.get("/api/resources/?page_size=300").json()["results"]) == 300


# -- series --------------------------------------------------------------------------------------------------------------
def test_the_series_of_a_resource(host, samples, viewer, api):
    client = api(viewer, "monitoring:read")
    found = client.get(f"/api/resources/{host.pk}/series/").json()["series"]
    assert {series["metric"] for series in found} == {"node_load1", "node_cpu_seconds_total"}
    only = client.get(f"/api/resources/{host.pk}/series/?metric=node_load1").json()["series"]
    assert only[0]["labels"] == {"instance": "db-1"}
    assert client.get("/api/resources/999999/series/").status_code == 404


def test_samples_come_as_arrays(host, samples, viewer, api):
    client = api(viewer, "monitoring:read")
    body = client.get(f"/api/series/data?metric=node_load1&from={samples - 10_000}&to={samples}&step=0").json()
    (series,) = body["series"]
    assert series["v"] == [float(second) for second in range(10, 0, -1)]
    assert series["t"][0] == samples - 10_000
    assert series["resource"] == host.pk


def test_buckets_hold_low_mean_and_high_on_one_grid(samples, viewer, api):
    client = api(viewer, "monitoring:read")
    start = samples - samples % 10_000 - 40_000
    (series,) = client.get(f"/api/series/data?metric=node_load1&from={start}&to={start + 20_000}&step=10s").json()["series"]
    assert series["t"] == [start, start + 10_000]
    assert series["count"] == [10, 10]
    assert [high - low for high, low in zip(series["high"], series["low"], strict=True)] == [9.0, 9.0]
    assert series["v"][0] == pytest.approx((series["low"][0] + series["high"][0]) / 2)


def test_labels_and_resource_narrow_it(host, samples, viewer, api):
    client = api(viewer, "monitoring:read")
    assert len(client.get("/api/series/data?metric=node_cpu_seconds_total").json()["series"]) == 3
    assert len(client.get("/api/series/data?metric=node_cpu_seconds_total&label=cpu=1").json()["series"]) == 1
    assert client.get(f"/api/series/data?metric=node_load1&resource={host.pk + 1}").json()["series"] == []
    assert client.get("/api/series/data?metric=nothing").json()["series"] == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "metric=",
        "metric=x&label=cpu",
        "metric=x&resource=db-1",
        "metric=x&step=often",
        "metric=x&step=1x",
        "metric=x&step=1s&from=now-30d",
        "metric=x&from=yesterday",
        "metric=x&from=2000&to=1000",
        "metric=a%00b",
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_with_one_sentence(query, viewer, api, db):
    answer = api(viewer, "monitoring:read").get(f"/api/series/data?{query}")
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"].count("\n") == 0


def test_too_many_series_are_refused(viewer, api, host):
    writer.write(Batch.of([("wide", {"n": str(number)}, int(time.time() * 1000), 1.0) for number in range(201)], resource=host.pk))
    answer = api(viewer, "monitoring:read").get("/api/series/data?metric=wide")
    assert answer.status_code == 400
    assert "201 series" in answer.json()["error"]
    assert len(reader.select("wide")) == 201


def test_what_is_no_number_is_null(viewer, api, host):
    now = int(time.time() * 1000)
    writer.write(Batch.of([("odd", {}, now - 2000, float("inf")), ("odd", {}, now - 1000, 1.0)], resource=host.pk))
    (series,) = api(viewer, "monitoring:read").get("/api/series/data?metric=odd&step=0").json()["series"]
    assert series["v"] == [None, 1.0]


def test_a_store_that_does_not_answer_is_our_fault(viewer, api, samples, monkeypatch):
    def refuse(*args):
        raise StoreUnavailable("gone")

    monkeypatch.setattr(reader, "buckets", refuse)
    answer = api(viewer, "monitoring:read").get("/api/series/data?metric=node_load1")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


def test_a_signed_in_person_may_ask_too(viewer, client_of, samples):
    assert client_of(viewer).get("/api/resources/").status_code == 200


def test_all_of_it_stands_in_the_schema(db):
    from drf_spectacular.generators import SchemaGenerator

    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    assert {
        "/api/sources/",
        "/api/sources/{id}/poll/",
        "/api/resources/",
        "/api/resources/{id}/series/",
        "/api/series/data",
    } <= paths.keys()
    names = {parameter["name"] for parameter in paths["/api/series/data"]["get"]["parameters"]}
    assert names == {"metric", "label", "resource", "from", "to", "step"}
    assert {"200", "400", "401", "403"} <= paths["/api/series/data"]["get"]["responses"].keys()
    assert reverse("api-resources") == "/api/resources/"
