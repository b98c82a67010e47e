import pytest

from monitoring.dashboards.metric_pages import selector
from monitoring.dashboards.tests.conftest import cpu, memory
from monitoring.store import metadata

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(viewer, client_of, watch, sample):
    for name in ("web-1", "web-2"):
        sample(watch(name), [*cpu(20, 9, 4), *memory(50), ("odd metric/name", {}, [1.0])])
    metadata.record({"node_cpu_seconds_total": metadata.Description("counter", "seconds", "Time the CPUs spent in each mode.")})
    return client_of(viewer)


def test_the_list_names_type_unit_help_and_series(client):
    page = client.get("/explore/metrics/").content.decode()
    assert '<span class="num">4</span> metrics' in page
    assert "Time the CPUs spent in each mode." in page
    assert 'href="/explore/metrics/odd%20metric/name/"' in page


def test_the_list_is_searched_in_names_and_help(client):
    page = client.get("/explore/metrics/?q=spent+mode").content.decode()
    assert "node_cpu_seconds_total" in page
    assert "node_memory" not in page
    assert "No metric matches" in client.get("/explore/metrics/?q=nothing").content.decode()


def test_the_list_is_sorted_by_series(client):
    page = client.get("/explore/metrics/?sort=-series").content.decode()
    assert page.index("node_cpu_seconds_total") < page.index("node_memory_MemTotal_bytes")
    assert client.get("/explore/metrics/?sort=colour").status_code == 400


def test_a_metric_tells_what_it_is(client):
    page = client.get("/explore/metrics/node_cpu_seconds_total/").content.decode()
    assert "Time the CPUs spent in each mode." in page
    assert "16 series, 3 labels" in page
    assert ">idle<" in page
    assert "max%28rate%28node_cpu_seconds_total%5B5m%5D%29%29" in page
    assert page.count("8 series") == 2  # of each resource


def test_a_metric_of_few_series_is_drawn_series_by_series(client):
    assert 'data-queries="q=node_memory_MemTotal_bytes"' in client.get("/explore/metrics/node_memory_MemTotal_bytes/").content.decode()


def test_any_name_has_a_page(client):
    assert client.get("/explore/metrics/odd%20metric/name/").status_code == 200
    assert selector("odd metric/name") == '{__name__="odd metric/name"}'
    assert selector("a:b_c1") == "a:b_c1"
    assert selector("1x") == '{__name__="1x"}'


def test_a_metric_that_is_not_there_is_not_found(client):
    assert client.get("/explore/metrics/nope/").status_code == 404


def test_charts_and_series_of_a_resource_lead_here(client, watch, sample):
    host = watch("db-1", labels={"instance": "db-1"})
    sample(host, memory(50))
    page = client.get(f"/resources/{host.pk}/").content.decode()
    assert "/explore/?q=node_memory_MemTotal_bytes%7Binstance%3D%22db-1%22%7D&amp;q=node_memory_MemAvailable_bytes" in page
    assert 'href="/explore/metrics/node_memory_MemTotal_bytes/"' in client.get(f"/resources/{host.pk}/?tab=series").content.decode()
