import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def find(viewer, client_of):
    client = client_of(viewer)

    def ask(text):
        groups = client.get("/palette", {"q": text}).json()["groups"]
        return {group["title"]: [item["label"] for item in group["items"]] for group in groups}

    return ask


def test_it_finds_resources_by_part_of_their_name(find, watch):
    host = watch("db-prod-03.fra")
    watch("web-1")
    assert find("prod fra")["Resources"] == [host.name]


def test_what_begins_with_the_word_comes_first(find, watch):
    watch("old-web", health=10)
    watch("web-1")
    assert find("web")["Resources"] == ["web-1", "old-web"]


def test_without_a_word_it_offers_what_needs_attention(find, watch):
    watch("fine")
    watch("sick", health=5)
    found = find("")
    assert found["Resources"] == ["sick", "fine"]
    assert {"Overview", "Resources", "System"} <= set(found["Pages"])
    assert "Sign out" in found["Actions"]


def test_it_finds_alerts_that_fire_by_their_names(find):
    from monitoring.alerts.lifecycle import Observation, observe

    observe([Observation(name, state, name=name, severity=severity) for name, state, severity in ALERTS])
    assert find("disk")["Alerts"] == ["DiskGone", "DiskFull"]
    assert "Alerts" not in find("")


ALERTS = (("DiskFull", "firing", "low"), ("DiskGone", "firing", "critical"), ("DiskSlow", "pending", "high"), ("Down", "firing", "high"))


def test_pages_are_those_the_role_may_open(find):
    assert "Audit" not in find("").get("Pages", [])


def test_nothing_found_is_an_empty_list(find):
    assert find("zzzz") == {}


def test_it_shows_eight_at_most(find, watch):
    for at in range(12):
        watch(f"n-{at:02d}")
    assert len(find("n-")["Resources"]) == 8
