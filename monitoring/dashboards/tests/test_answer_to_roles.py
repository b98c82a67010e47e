import pytest

from monitoring.dashboards.tests.conftest import cpu

pytestmark = pytest.mark.django_db
PAGES = [
    "/",
    "/resources/",
    "/resources/?view=servers",
    "/explore/",
    "/explore/?q=node_load1",
    "/explore/data.json?q=node_load1",
    "/explore/data.csv?q=node_load1",
    "/explore/complete?q=no&at=2",
    "/explore/check?q=up",
    "/explore/changed",
    "/explore/metrics/",
    "/explore/metrics/node_cpu_seconds_total/",
    "/gpus/",
    "/gpus/charts.json",
    "/system/",
    "/system/line",
    "/palette?q=web",
]
OF_A_RESOURCE = ["", "?tab=processes", "?tab=alerts", "?tab=facts", "?tab=changes", "?tab=series", "charts.json", "charts.csv"]


@pytest.fixture
def addresses(watch, sample):
    host = watch(
        "web-1", facts={"os": "Linux", "processes": [{"pid": 1, "name": "init", "cpu": 1.0}], "disks": [{"name": "sda", "size_bytes": 1e9}]}
    )
    sample(host, cpu(20, 30))
    return PAGES + [f"/resources/{host.pk}/{rest}" for rest in OF_A_RESOURCE]


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_may_read(request, role, client_of, addresses):
    client = client_of(request.getfixturevalue(role))
    assert {address: client.get(address).status_code for address in addresses} == dict.fromkeys(addresses, 200)


def test_a_stranger_is_sent_to_sign_in(stranger, client_of, addresses):
    for address in addresses:
        answer = client_of(stranger).get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=")


def test_a_person_whose_account_is_closed_is_a_stranger(viewer, client_of, addresses):
    client = client_of(viewer)
    viewer.is_active = False
    viewer.save()
    assert {client.get(address).status_code for address in addresses} == {302}


def test_pages_only_answer_to_get(viewer, client_of, addresses):
    assert {client_of(viewer).post(address).status_code for address in addresses} == {405}


def test_a_tab_that_does_not_exist_is_refused(viewer, client_of, watch):
    assert client_of(viewer).get(f"/resources/{watch().pk}/?tab=nope").status_code == 400


def test_the_theme_is_kept_for_the_person(viewer, client_of):
    assert client_of(viewer).post("/profile/theme/", {"theme": "light"}).status_code == 204
    viewer.refresh_from_db()
    assert viewer.theme == "light"
    assert 'data-bs-theme="light"' in client_of(viewer).get("/").content.decode()


def test_the_rail_shows_what_the_role_may_open(viewer, admin, client_of):
    assert 'href="/audit/"' not in client_of(viewer).get("/").content.decode()
    assert 'href="/audit/"' in client_of(admin).get("/").content.decode()


def test_only_those_who_may_see_administration(viewer, admin, client_of):
    assert "Administration" not in client_of(viewer).get("/").content.decode()
    assert "Administration" in client_of(admin).get("/").content.decode()


def test_pages_are_written_in_the_readers_zone(viewer, client_of, watch):
    watch()
    viewer.time_zone = "Asia/Tokyo"
    viewer.save()
    page = client_of(viewer).get("/").content.decode()
    assert 'data-tz="Asia/Tokyo"' in page
    assert "+09:00" in page
