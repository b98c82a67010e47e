import pytest

from monitoring.dashboards import servers
from monitoring.dashboards.tests.conftest import cpu, filesystem, memory

pytestmark = pytest.mark.django_db


@pytest.fixture
def get(viewer, client_of, watch, sample):
    for name, role in (("ai-1", "AI"), ("app-1", "app"), ("app-2", "app"), ("bare", None)):
        host = watch(name, labels={"role": role, "site": "fra"} if role else {}, health=55 if name == "app-2" else 100)
        sample(host, [*cpu(30, 60), *memory(60, 60), *filesystem("/", 70, 60)])
    watch("pod-1", kind="pod", labels={"role": "app"})
    return lambda query="": client_of(viewer).get(f"/resources/?view=servers{query}")


def test_servers_are_grouped_by_role(get):
    groups = get().context["groups"]
    assert [(group.label, [card.row.resource.name for card in group.cards], group.troubled) for group in groups] == [
        ("AI", ["ai-1"], 0), ("app", ["app-2", "app-1"], 1), ("No role", ["bare"], 0),
    ]  # fmt: skip


def test_a_card_carries_values_and_their_history(get):
    card = get("&q=ai-1").context["groups"][0].cards[0]
    assert card.row.use.cpu == pytest.approx(30, abs=1)
    assert [value for value in card.cpu if value is not None][-1] == pytest.approx(30, abs=1)
    assert [value for value in card.memory if value is not None][-1] == pytest.approx(60)
    assert [value for value in card.disk if value is not None][-1] == pytest.approx(70)
    assert card.network == []


def test_another_label_groups_as_well(get):
    assert [group.label for group in get("&by=site").context["groups"]] == ["fra", "No site"]


def test_filters_and_search_hold(get):
    assert [group.label for group in get("&health=degraded").context["groups"]] == ["app"]
    assert "No resource matches" in get("&q=nothing").content.decode()


def test_a_chosen_kind_is_shown_whatever_it_is(get):
    assert [card.row.resource.name for group in get("&kind=pod").context["groups"] for card in group.cards] == ["pod-1"]


def test_a_view_that_does_not_exist_is_refused(viewer, client_of):
    assert client_of(viewer).get("/resources/?view=globe").status_code == 400


def test_many_servers_cost_few_statements(get, django_assert_max_num_queries):
    get()
    with django_assert_max_num_queries(20):
        get()


def test_labels_that_tell_servers_apart_are_offered(get):
    assert get().context["groupings"][0] == servers.ROLE
