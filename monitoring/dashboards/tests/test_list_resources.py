import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from aiops import facets
from monitoring.dashboards import listing
from monitoring.dashboards.tests.conftest import cpu, memory

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(viewer, client_of):
    client = client_of(viewer)
    return lambda query="": client.get(f"/resources/?{query}")


@pytest.fixture
def fleet(watch):
    watch("web-1", labels={"site": "fra", "team": "web"})
    watch("web-2", labels={"site": "ams", "team": "web"}, health=50)
    watch("db-1", kind="database", labels={"site": "fra", "team": "storage"}, health=10)
    watch("db-2", kind="database", labels={"site": "fra", "team": "storage"}, health=None, state="stale")


def names(answer):
    return [row.resource.name for row in answer.context["page"].object_list]


def test_what_needs_attention_comes_first(page, fleet):
    assert names(page()) == ["db-1", "web-2", "db-2", "web-1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=web", ["web-2", "web-1"]),
        ("q=WEB+2", ["web-2"]),
        ("q=site:fra", ["db-1", "db-2", "web-1"]),
        ("q=site=ams", ["web-2"]),
        ("q=database", ["db-1", "db-2"]),
        ("q=storage", ["db-1", "db-2"]),
        ("kind=host", ["web-2", "web-1"]),
        ("health=down&health=degraded", ["db-1", "web-2"]),
        ("state=stale", ["db-2"]),
        ("label=site:fra&label=site:ams&label=team:web", ["web-2", "web-1"]),
        ("q=nothing-like-it", []),
        ("sort=name", ["db-1", "db-2", "web-1", "web-2"]),
        ("sort=-name", ["web-2", "web-1", "db-2", "db-1"]),
    ],
)
def test_search_filters_and_order(page, fleet, query, expected):
    assert names(page(query)) == expected


def test_facets_count_what_the_other_filters_leave(page, fleet):
    facets = {facet.label: {value.label: value.count for value in facet.all} for facet in page("kind=database").context["facets"]}
    assert facets["Kind"] == {"Host": 2, "Database": 2}
    assert facets["State"] == {"Reporting": 1, "Stale": 1}
    assert "Health" not in facets  # all that remains is down: nothing to choose


def test_labels_that_tell_resources_apart_are_facets(page, fleet):
    facets = {facet.label: {value.label: value.count for value in facet.all} for facet in page("state=reporting").context["facets"]}
    assert facets["Site"] == {"fra": 2, "ams": 1}
    assert facets["Team"] == {"web": 2, "storage": 1}


def test_a_chosen_filter_without_matches_stays_to_be_removed(page, fleet):
    answer = page("health=degraded&kind=database")
    assert names(answer) == []
    assert [chip["value"] for chip in answer.context["chips"]] == ["Degraded", "Database"]
    assert "No resource matches" in answer.content.decode()


def test_removing_a_filter_keeps_the_others(page, fleet):
    chips = page("q=db&kind=database&health=down&page=2").context["chips"]
    assert chips[0]["url"] == "?q=db&kind=database"


def test_the_column_that_is_measured_sorts_with_the_missing_last(page, watch, sample):
    sample(watch("calm"), cpu(10))
    sample(watch("busy"), cpu(90))
    watch("mute")
    assert names(page("sort=-cpu")) == ["busy", "calm", "mute"]
    assert names(page("sort=cpu")) == ["calm", "busy", "mute"]


def test_rows_tell_utilisation(page, watch, sample):
    sample(watch("calm"), [*cpu(10), *memory(55)])
    [row] = page().context["page"].object_list
    assert row.use.memory == pytest.approx(55)


def test_pages_hold_fifty(page, watch):
    for at in range(53):
        watch(f"n-{at:03d}")
    assert len(names(page())) == 50
    answer = page("page=2&sort=name")
    assert names(answer) == ["n-050", "n-051", "n-052"]
    assert "51–53 of 53" in answer.content.decode()


@pytest.mark.parametrize("query", ["page=999", "page=nonsense", "page=-1"])
def test_a_page_that_does_not_exist_is_the_nearest(page, fleet, query):
    assert page(query).status_code == 200


def test_an_order_that_does_not_exist_is_refused(page, fleet):
    answer = page("sort=colour")
    assert answer.status_code == 400
    assert "sort must be one of" in answer.content.decode()


def test_statements_do_not_grow_with_resources(page, watch, sample):
    sample(watch("first"), cpu(10))
    page()
    with CaptureQueriesContext(connection) as few:
        page()
    for at in range(40):
        sample(watch(f"n-{at}"), cpu(10))
    page()
    with CaptureQueriesContext(connection) as more:
        page()
    assert len(more) == len(few)


def test_nothing_watched_says_what_to_do(page):
    assert "Nothing is watched yet" in page().content.decode()


def test_facets_fold_their_rest_but_not_what_is_chosen():
    values = [facets.Value(str(n), str(n), 10 - n, n == 9) for n in range(10)]
    facet = facets.Facet("kind", "Kind", values)
    assert [value.value for value in facet.values] == ["0", "1", "2", "3", "4", "5", "9"]
    assert len(facet.more) == 3


def test_the_state_is_read_from_the_address(fleet):
    assert listing.Listing(QueryDict("q=a&kind=host&label=site:fra")).filters_set == 2
