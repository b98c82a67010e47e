"""The Executive page and the API: what they count is what they open."""

import csv
import io
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.alerts.models import AlertTransition
from monitoring.kpis.report import KINDS
from monitoring.kpis.tests.conftest import DAY
from monitoring.kpis.words import shown

pytestmark = pytest.mark.django_db
ADDRESSES = [
    "/executive/",
    "/executive/?open=noise",
    "/executive/figures.csv",
    "/executive/trends",
    "/api/v1/kpis/",
    "/api/v1/kpis/alerts/",
    "/api/v1/kpis/figures.csv",
    "/api/v1/kpis/availability/rows.csv",
]


@pytest.fixture
def get(viewer, client_of):
    client = client_of(viewer)
    return lambda address: client.get(address)


@pytest.fixture
def past(host, alert, incident):
    """Two services, five alerts, two incidents."""
    web, db = host("web-1", role="web", team="shop"), host("db-1", role="db", team="core")
    alerts = [
        alert(DAY, 60, "Down", "critical", seen=5, resource=web),
        alert(DAY, 30, "Slow", "high", resource=web),
        alert(2 * DAY, 20, "Full", "medium", resource=db),
        alert(3 * DAY, 15, "Full", "medium", resource=db, seen=2),
        alert(30, None, "Full", "low", resource=db),
    ]
    incident(DAY, 65, "critical", seen=5, alerts=alerts[:2], services=["web"], root_alert=alerts[0])
    incident(2 * DAY, None, "medium", alerts=alerts[2:3])
    return alerts


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_may_read(request, role, client_of, past):
    client = client_of(request.getfixturevalue(role))
    assert {address: client.get(address).status_code for address in ADDRESSES} == dict.fromkeys(ADDRESSES, 200)


def test_a_stranger_may_not(stranger, client_of, past):
    client = client_of(stranger)
    assert {client.get(address).status_code for address in ADDRESSES if address.startswith("/exec")} == {302}
    assert {client.get(address).status_code for address in ADDRESSES if address.startswith("/api")} == {401}


def test_a_token_of_another_purpose_may_not(viewer, token_of, client, past):
    token = token_of(viewer, "tokens:write")
    assert client.get("/api/v1/kpis/", headers={"Authorization": f"Bearer {token}"}).status_code == 403


@pytest.mark.parametrize(
    "query",
    ["range=soon", "range=now-300d", "open=nothing", "of=people", "open=alerts&only=x", "open=alerts&sort=name", "open=alerts&resource=x",
     "service=%00", f"team={'x' * 400}"],
)  # fmt: skip
@pytest.mark.parametrize("address", ["/executive/", "/executive/figures.csv", "/executive/trends", "/api/v1/kpis/"])
def test_what_cannot_be_asked_for_is_refused_with_a_sentence(get, address, query):
    answer = get(f"{address}?{query}")
    assert answer.status_code == 400
    if address.startswith("/api"):
        assert answer.json()["error"].endswith((".", "'"))


def test_a_figure_that_does_not_exist_is_not_found(get):
    answer = get("/api/v1/kpis/happiness/")
    assert answer.status_code == 404
    assert "time-to-resolve" in answer.json()["error"]


def test_only_get(viewer, client_of):
    assert client_of(viewer).post("/executive/").status_code == 405
    assert client_of(viewer).post("/api/v1/kpis/").status_code == 405


def test_every_card_states_value_formula_and_n(get, past):
    cards = {card.kpi.key: card for card in get("/executive/").context["cards"]}
    assert cards.keys() == KINDS.keys()
    assert str(cards["time-to-resolve"].shown) == "65\u00a0min"
    assert cards["time-to-resolve"].how == "MTTR: mean from first alert to resolved, n = 1 incidents"
    assert cards["alerts"].note == "1 critical, 1 high"
    page = get("/executive/").content.decode()
    assert all(kind.formula[1:] in page for kind in KINDS.values())


def test_without_rows_there_is_a_dash_and_no_zero(get):
    cards = {card.kpi.key: card.shown.value for card in get("/executive/").context["cards"]}
    assert {key for key, value in cards.items() if value == "–"} == set(KINDS) - {"incidents", "alerts"}
    assert "No alert has fired yet" in get("/executive/").content.decode()


@pytest.mark.parametrize(
    ("key", "count"),
    [("availability", 1), ("time-to-detect", 2), ("time-to-acknowledge", 1), ("time-to-resolve", 1), ("time-between-failures", 1),
     ("incidents", 2), ("alerts", 5), ("noise", 2)],
)  # fmt: skip
def test_a_figure_opens_the_rows_it_counts(get, past, key, count):
    page = get(f"/executive/?open={key}")
    assert len(page.context["page"].object_list) == page.context["page"].paginator.count == count
    answer = get(f"/api/v1/kpis/{key}/").json()
    assert answer["count"] == len(answer["results"]) == count
    rows = list(csv.reader(io.StringIO(b"".join(get(f"/executive/figures.csv?open={key}").streaming_content).decode())))
    assert len(rows) == count + 1


def test_rows_say_who_ended_it_and_when(get, past):
    AlertTransition.objects.create(alert=past[0], axis="state", before="firing", after="resolved", actor="Ada")
    [row] = get("/executive/?open=alerts&only=critical").context["page"].object_list
    assert (row.title, row.about, row.by, row.acknowledged, row.length) == ("Down", "web-1", "Ada", 300.0, 3600)
    assert get("/executive/?open=alerts&only=high").context["page"].object_list[0].by == "by itself"


def test_an_outage_names_its_alert(get, past):
    [row] = get("/api/v1/kpis/availability/").json()["results"]
    assert (row["title"], row["about"], row["length"]) == ("Down", "web-1", 3600)


@pytest.mark.parametrize(("query", "titles"), [("name=Full", ["Full"] * 3), ("name=Nothing", []), ("only=open", ["Full"])])
def test_rows_can_be_narrowed(get, past, query, titles):
    assert [row["title"] for row in get(f"/api/v1/kpis/alerts/?{query}").json()["results"]] == titles


@pytest.mark.parametrize("key", ["alerts", "noise", "time-to-resolve", "incidents"])
def test_rows_are_offered_narrower_with_how_many_are_left(get, past, key):
    offered = {only: count for only, _, count in get(f"/executive/?open={key}").context["narrower"]}
    assert offered
    for only, count in offered.items():
        assert get(f"/executive/?open={key}&only={only}").context["page"].paginator.count == count


def test_rows_of_a_resource(get, past):
    assert get(f"/api/v1/kpis/alerts/?resource={past[0].resource_id}").json()["count"] == 2
    assert get(f"/api/v1/kpis/alerts/?resource={10**17}").json()["count"] == 0


def test_rows_are_sorted(get, past):
    lengths = [row["length"] for row in get("/api/v1/kpis/alerts/?sort=length").json()["results"]]
    assert lengths == [None, 900.0, 1200.0, 1800.0, 3600.0]
    opened = [row["opened"] for row in get("/api/v1/kpis/alerts/?sort=opened").json()["results"]]
    assert opened == sorted(opened)


def test_top_issues_open_their_alerts(get, past):
    context = get("/executive/").context
    assert context["names"][0][1:3] == ("Full", 3)
    assert context["resources"][0][1:3] == ("db-1", 3)
    page = get("/executive/").content.decode()
    assert re.search(r"open=alerts&amp;name=Full", page)


def test_a_team_sees_its_own(get, past):
    page = get("/executive/?team=shop")
    assert {card.kpi.key: card.kpi.n for card in page.context["cards"]}["alerts"] == 2
    assert [row.service.name for row in page.context["services"]] == ["web"]
    assert get("/executive/?team=nobody").status_code == 200


def test_figures_of_the_trend_open_their_rows(get, past):
    page = get("/executive/trends?team=shop").content.decode()
    assert 'href="/executive/?team=shop&amp;range=now-7d&amp;open=alerts#rows"' in page
    assert page.count("#rows") == 3 * len(KINDS)


def test_the_summary_says_it_all(get, past):
    found = get("/api/v1/kpis/?of=alerts").json()
    assert found["of"] == "alerts"
    by_key = {kpi["key"]: kpi for kpi in found["kpis"]}
    assert by_key["time-to-acknowledge"]["mean"] == pytest.approx(210.0)
    assert by_key["time-between-failures"]["short"] == "MTBF"
    assert {service["service"] for service in found["services"]} == {"web", "db"}
    assert found["top_issues"][0]["name"] == "Full"
    assert get(by_key["noise"]["rows"]).json()["count"] == 2


def test_names_are_shown_and_not_run(get, alert, host):
    alert(60, name="<img src=x>", resource=host("=cmd()"))
    assert b"<img src=x" not in get("/executive/?open=alerts").content
    assert "'=cmd()" in b"".join(get("/executive/figures.csv?open=alerts").streaming_content).decode()


def test_statements_do_not_grow_with_alerts(get, past, alert, incident, host):
    def count(address):
        get(address)
        with CaptureQueriesContext(connection) as captured:
            get(address)
        return len(captured)

    addresses = ["/executive/?open=alerts", "/executive/?open=incidents", "/executive/?open=availability", "/executive/trends"]
    few = [count(address) for address in addresses]
    for n in range(30):
        one = host(f"n-{n}", role=f"r{n}")
        rows = [alert(100 + n, name=f"N{n}", severity="critical", resource=one, seen=1) for _ in range(3)]
        incident(100 + n, alerts=rows)
    assert [count(address) for address in addresses] == few
    assert max(few) <= 14


@pytest.mark.parametrize(
    ("value", "shape", "told"),
    [(None, "seconds", "–"), (0, "seconds", "0\u00a0s"), (59.5, "seconds", "60\u00a0s"), (90, "seconds", "90\u00a0s"),
     (1860, "seconds", "31\u00a0min"), (9000, "seconds", "2.5\u00a0h"), (200_000, "seconds", "2.3\u00a0d"),
     (99.996, "percent", "99.99\u00a0%"),
     (100, "percent", "100\u00a0%"), (7.25, "percent", "7.2\u00a0%"), (12345, "count", "12,345"), (None, "percent", "–")],
)  # fmt: skip
def test_figures_as_people_read_them(value, shape, told):
    assert str(shown(value, shape)) == told
