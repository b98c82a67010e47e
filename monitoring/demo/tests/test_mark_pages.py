"""Whoever sees the demonstration on a page is told that it is one, and how to take it away; real things carry no mark."""

import pytest

from monitoring.demo import grid
from monitoring.inventory.facts import ResourceReport, report
from monitoring.inventory.models import Resource

BADGE, HINT = "not a real resource", "demo --remove"


@pytest.fixture
def short(few, monkeypatch):
    monkeypatch.setattr(grid, "DAYS", 0.03)


@pytest.fixture
def both(demo):
    report([ResourceReport("host", "real-01", {"instance": "real-01", "role": "web"})], None)
    return demo


@pytest.fixture
def page(viewer, client_of):
    client = client_of(viewer)
    return lambda path: client.get(path).content.decode()


def of(name):
    return f"/resources/{Resource.objects.get(name=name).pk}/"


def test_the_overview_says_how_many_are_not_real(both, page):
    said = page("/")
    assert "96 of 97 resources belong to the demonstration" in said
    assert HINT in said


def test_rows_of_the_list_are_marked(both, page):
    assert page("/resources/?q=web-01").count(BADGE) == 1
    assert BADGE not in page("/resources/?q=real-01")


@pytest.mark.parametrize("name", ["db-03.demo", "gpu-01.demo GPU 5", "demo-cluster", "demo-cluster/shop"])
def test_the_head_of_a_resource_is_marked(both, page, name):
    said = page(of(name))
    assert BADGE in said
    assert HINT in said


def test_the_parts_of_a_resource_are_marked(both, page):
    assert page(of("gpu-01.demo")).count(BADGE) == 9


def test_real_things_carry_no_mark(both, page):
    said = page(of("real-01"))
    assert BADGE not in said
    assert HINT not in said


def test_without_a_demonstration_nothing_is_said(db, page):
    report([ResourceReport("host", "real-01", {"instance": "real-01"})], None)
    for path in ("/", "/resources/", of("real-01")):
        assert "demo" not in page(path).lower()


def test_a_pod_has_charts_and_is_judged_by_its_limit(both, page):
    name = next(name for kind, name in both.resources if kind == "pod" and "payments-api" in name)
    assert "Memory, of the limit" in page(of(name))
