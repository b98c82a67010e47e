"""Targets on pages, in our API and in Prometheus' own; trying a source before it is stored; one line when the database is locked."""

import logging

import pytest
from django.db import OperationalError
from django.test import Client

from aiops import http
from monitoring.sources import judge, schedule, tasks
from monitoring.sources.models import Source, Target
from monitoring.sources.tests import peers
from monitoring.sources.tests.test_scrape_sources import poll
from monitoring.sources.tests.test_scrape_targets import NODE
from monitoring.store.models import Series

pytestmark = pytest.mark.django_db


@pytest.fixture
def peer(monkeypatch):
    monkeypatch.setattr(http, "_breakers", {})
    with peers.serving() as server:
        server.pages["/metrics"] = NODE
        server.pages["/b"] = (500, "text/plain", b"")
        yield server


@pytest.fixture
def scraped(peer):
    lines = f"{peer.address} rack=b2\nhttp://{peer.address}/b"
    source = Source.objects.create(name="nodes", kind="scrape", timeout=2, config={"targets": lines, "job": "node"})
    poll(source)
    return source


def page(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_table_says_who_does_not_answer_and_why(scraped, viewer, client_of):
    client = client_of(viewer)
    shown = page(client, f"/sources/{scraped.pk}/")
    assert "1 of 2 targets does not answer" in shown
    assert "It answers 500 Internal Server Error" in shown
    assert "rack=b2" in shown
    assert shown.index("/b</span>") < shown.index("/metrics</span>")
    assert "/metrics</span>" not in page(client, f"/sources/{scraped.pk}/?target=down")
    assert "/b</span>" not in page(client, f"/sources/{scraped.pk}/?target=up")
    assert "db-1" in page(client, f"/sources/{scraped.pk}/?tab=resources")
    assert "Partly down" in page(client, "/sources/")
    assert "1 of 2 targets down" in page(client, "/sources/")


def test_many_targets_come_in_pages(scraped, viewer, client_of):
    Target.objects.bulk_create(Target(source=scraped, address=f"http://h{n:03}:9100/metrics", up=True) for n in range(150))
    client = client_of(viewer)
    assert "1–50 of 152" in page(client, f"/sources/{scraped.pk}/")
    assert "h149:9100" in page(client, f"/sources/{scraped.pk}/?page=4")


def test_the_list_costs_the_same_however_many_targets_there_are(scraped, viewer, client_of, django_assert_max_num_queries):
    client = client_of(viewer)
    client.get("/sources/")
    Target.objects.bulk_create(Target(source=scraped, address=f"http://h{n:03}:9100/metrics", up=True) for n in range(150))
    with django_assert_max_num_queries(8):
        client.get("/sources/")


def test_our_api_lists_them(scraped, viewer, operator, token_of):
    def api(scope):
        return Client(headers={"Authorization": f"Bearer {token_of(operator, scope)}"}).get(f"/api/sources/{scraped.pk}/targets/")

    rows = api("monitoring:read").json()
    assert [(row["address"].rpartition("/")[2], row["up"], row["samples"]) for row in rows] == [("b", False, 0), ("metrics", True, 7)]
    assert api("metrics:write").status_code == 403


def test_prometheus_api_tells_what_we_scrape(scraped, peer, viewer, token_of):
    Source.objects.create(name="prom", kind="prometheus")  # whose targets are not ours
    answer = Client(headers={"Authorization": f"Bearer {token_of(viewer, 'monitoring:read')}"}).get("/prometheus/api/v1/targets")
    rows = {row["scrapeUrl"].rpartition("/")[2]: row for row in answer.json()["data"]["activeTargets"]}
    assert {name: row["health"] for name, row in rows.items()} == {"metrics": "up", "b": "down"}
    assert rows["b"]["lastError"] == "it answers 500 Internal Server Error"
    assert rows["metrics"]["labels"] == {"instance": peer.address, "job": "node", "rack": "b2"}
    assert (rows["metrics"]["scrapePool"], rows["metrics"]["scrapeInterval"]) == ("nodes", "15s")


def test_a_host_that_two_sources_report_stands_with_both(scraped, peer, viewer, client_of):
    other = Source.objects.create(name="again", kind="scrape", timeout=2, config={"targets": f"{peer.address} instance=x", "job": "node"})
    poll(other)
    client = client_of(viewer)
    assert "db-1" in page(client, f"/sources/{scraped.pk}/?tab=resources")
    assert "db-1" in page(client, f"/sources/{other.pk}/?tab=resources")


# -- trying ----------------------------------------------------------------------------------------------------------------
def form(peer, **given):
    fields = {"name": "new", "enabled": "on", "interval": "15", "timeout": "2", "config-targets": peer.address, "config-job": "node"}
    return fields | {"test": "1"} | given


def test_a_test_shows_what_would_come_and_stores_nothing(peer, operator, client_of):
    answer = client_of(operator).post("/sources/add/?kind=scrape", form(peer))
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "12 samples of 11 metrics, 1 target." in shown
    assert "db-1" in shown
    assert not any(model.objects.exists() for model in (Source, Series, Target))


def test_a_test_says_what_is_wrong(peer, operator, client_of):
    client = client_of(operator)
    down = client.post("/sources/add/?kind=scrape", form(peer, **{"config-path": "/b"})).content.decode()
    assert "It answers 500 Internal Server Error" in down
    wrong = client.post(
        "/sources/add/?kind=scrape", form(peer, **{"config-targets": "a b"}), headers={"HX-Request": "true"}
    ).content.decode()
    assert "Not tried." in wrong
    assert "is not a label" in wrong
    assert "<form" not in wrong  # only the part with the outcome


def test_a_test_uses_the_stored_secret(peer, operator, client_of):
    fields = {"targets": peer.address, "job": "node"}
    source = Source.objects.create(name="x", kind="scrape", config=fields, secrets={"bearer_token": "t0"})
    client_of(operator).post(f"/sources/{source.pk}/edit/", form(peer))
    assert peer.asked[-1][1]["Authorization"] == "Bearer t0"
    source.refresh_from_db()
    assert source.name == "x"


def test_only_who_may_add_a_source_may_try_one(peer, viewer, stranger, client_of):
    assert client_of(viewer).post("/sources/add/?kind=scrape", form(peer)).status_code == 403
    assert client_of(stranger).post("/sources/add/?kind=scrape", form(peer)).status_code == 302
    assert peer.asked == []


def test_a_poller_that_hangs_does_not_hold_the_page(fake_form, operator, client_of, monkeypatch):
    from monitoring.sources import probe
    from monitoring.sources.tests import fakes

    monkeypatch.setattr(probe, "LONGEST", 0)
    fakes.script["sw-1"] = lambda: __import__("time").sleep(1)
    shown = client_of(operator).post("/sources/add/?kind=fake", fake_form).content.decode()
    assert "No answer within 0 s" in shown


@pytest.fixture
def fake_form():
    return {"name": "new", "interval": "15", "timeout": "2", "config-target": "sw-1", "config-password": "pw", "test": "1"}


# -- a locked database -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("task", "where", "name"),
    [(tasks.poll_due, schedule, "claim_due"), (tasks.judge_resources, judge, "judge_resources")],
)
def test_a_locked_database_is_one_line(task, where, name, monkeypatch, caplog):
    def locked(*args):
        raise OperationalError("database is locked")

    monkeypatch.setattr(where, name, locked)
    with caplog.at_level(logging.WARNING):
        assert task() == 0
    (record,) = caplog.records
    assert record.getMessage().endswith("is put off until the database answers: database is locked")
    assert record.exc_info is None


def test_our_own_mistake_is_still_a_fault(monkeypatch):
    def mistaken(*args):
        raise OperationalError("no such table: monitoring_source")

    monkeypatch.setattr(schedule, "claim_due", mistaken)
    with pytest.raises(OperationalError):
        tasks.poll_due()
