from datetime import timedelta

import pytest
from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.utils import timezone

from aiops import timerange
from monitoring.alerts import memberships, standing
from monitoring.alerts.board import PER_PAGE, Board
from monitoring.alerts.lifecycle import acknowledge, assign, observe, resolve, take
from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.silencing import create
from monitoring.alerts.tests.conftest import seen
from monitoring.inventory.facts import ResourceReport, report

pytestmark = pytest.mark.django_db


def board(query="", me=0):
    now = timerange.now_ms()
    return Board(QueryDict(query), timerange.TimeRange(now - 86_400_000, now, "Last 24 hours", "now-24h", True), me)


def names(query="", me=0):
    return [one.traits.name for one in board(query, me).ordered]


def facet(query, name, me=0):
    [found] = [one for one in board(query, me).facets() if one.name == name]
    return {one.value: one.count for one in found.all}


@pytest.fixture
def fleet(db, operator):
    """Six alerts of two hosts, one of them taken, one silenced, one over."""
    web, db_ = report([ResourceReport("host", "web-1"), ResourceReport("vm", "db-1")], None)
    observe([seen("Down", severity="critical", resource=web.pk, labels={"host": "web-1", "team": "web"})])
    observe([seen("Slow", severity="low", resource=web.pk, labels={"host": "web-1", "team": "web"}, annotations={"summary": "Takes long"})])
    observe([seen("Full", severity="high", resource=db_.pk, labels={"host": "db-1", "team": "db"})])
    observe([seen("Lag", severity="high", resource=db_.pk, labels={"host": "db-1", "team": "db"})])
    observe([seen("Quiet", severity="medium", labels={"host": "lab-1", "team": "lab"})])
    observe([seen("Over", severity="medium", labels={"host": "lab-2", "team": "lab"})])
    alerts = {one.traits.name: one.pk for one in board("suppressed=any").found}
    take([alerts["Full"]], operator)
    now = timezone.now()
    matchers = [{"name": "host", "op": "=", "value": "lab-1"}]
    create(Silence(matchers=matchers, reason="lab", starts_at=now, ends_at=now + timedelta(hours=1)), operator)
    resolve([alerts["Over"]], operator)
    return alerts


def test_it_shows_what_fires_and_is_not_suppressed_worst_and_newest_first(fleet):
    assert names() == ["Down", "Lag", "Full", "Slow"]


def test_facets_count_what_they_would_show(fleet):
    assert facet("", "state") == {"firing": 4, "pending": 0, "resolved": 1}
    assert facet("severity=high", "severity") == {"critical": 1, "high": 2, "medium": 0, "low": 1}
    assert facet("severity=high&severity=low", "kind") == {"vm": 2, "host": 1}
    assert facet("", "suppressed") == {"none": 4, "silence": 1, "maintenance": 0}
    assert facet("state=firing&state=resolved&suppressed=any", "state") == {"firing": 5, "pending": 0, "resolved": 1}


def test_the_range_of_what_ended_stands_in_its_facet(fleet):
    [state] = [one for one in board().facets() if one.name == "state"]
    assert [one.label for one in state.all] == ["Firing", "Pending", "Resolved, 24\u00a0h"]


def test_facets_of_labels_are_those_that_tell_alerts_apart(fleet):
    labels = {one.label: {value.value: value.count for value in one.all} for one in board().facets() if one.name == "label"}
    assert labels == {"Host": {"host:db-1": 2, "host:web-1": 2}, "Team": {"team:db": 2, "team:web": 2}}
    assert names("label=team:db") == ["Lag", "Full"]
    assert names("label=team:db&label=host:web-1") == []
    assert names("label=team:db&label=team:web") == ["Down", "Lag", "Full", "Slow"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=web", ["Down", "Slow"]),
        ("q=takes+LONG", ["Slow"]),
        ("q=team:db", ["Lag", "Full"]),
        ("q=team=db+full", ["Full"]),
        ("q=severity:crit", ["Down"]),
        ("q=resource:db-", ["Lag", "Full"]),
        ("q=alertname:lag", ["Lag"]),
        ("q=nothing", []),
        ("q=team:nothing", []),
        ("severity=low&severity=critical", ["Down", "Slow"]),
        ("ownership=in_progress", ["Full"]),
        ("assignee=none", ["Down", "Lag", "Slow"]),
        ("kind=vm", ["Lag", "Full"]),
        ("name=Lag", ["Lag"]),
        ("source=nobody", []),
        ("suppressed=silence", ["Quiet"]),
        ("state=resolved", ["Over"]),
        ("state=any&suppressed=any", ["Down", "Lag", "Full", "Over", "Quiet", "Slow"]),
        ("sort=name", ["Down", "Full", "Lag", "Slow"]),
        ("sort=-name", ["Slow", "Lag", "Full", "Down"]),
        ("sort=severity", ["Slow", "Lag", "Full", "Down"]),
        ("sort=resource", ["Lag", "Full", "Slow", "Down"]),
        ("sort=-age", ["Down", "Slow", "Full", "Lag"]),
        ("sort=-owner", ["Full", "Lag", "Slow", "Down"]),
    ],
)
def test_words_facets_and_order_are_in_the_address(fleet, query, found):
    assert names(query) == found


def test_me_is_whoever_reads(fleet, operator, viewer):
    assert names("assignee=me", operator.pk) == ["Full"]
    assert names("assignee=me", viewer.pk) == []
    assert facet("", "assignee", operator.pk) == {"none": 3, str(operator.pk): 1}


def test_a_page_links_with_ids(fleet):
    pk = board("name=Down").found[0].resource
    assert names(f"resource={pk}") == ["Down", "Slow"]
    silence = Silence.objects.get()
    assert names(f"silence={silence.pk}") == ["Quiet"]


@pytest.mark.parametrize("query", ["sort=color", "group=moon", "state=gone", "severity=urgent", "ownership=mine", "resource=x", "rule=-1"])
def test_nonsense_is_refused_in_one_sentence(fleet, query):
    asked = board(query)
    with pytest.raises(BadRequest) as refusal:
        _ = asked.found, asked.sort, asked.group
    assert str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 200


def test_groups_stand_together_the_worst_first(fleet):
    assert names("group=resource") == ["Down", "Slow", "Lag", "Full"]
    lines = board("group=resource").page().object_list
    assert [(line.group.label, line.group.count) for line in lines if line.group] == [("web-1", 2), ("db-1", 2)]
    assert [line.group.label for line in board("group=severity").page().object_list if line.group] == ["Critical", "High", "Low"]


def test_incidents_come_from_whoever_knows_them(fleet, monkeypatch):
    one = memberships.Membership("7", "INC-7", "Database is full", "/incidents/7/")
    monkeypatch.setattr(memberships, "_known", [lambda ids: {pk: one for pk in ids if pk in (fleet["Full"], fleet["Slow"])}])
    lines = board("group=incident").page().object_list
    assert [line.row.alert.name for line in lines] == ["Full", "Slow", "Down", "Lag"]
    assert [line.group.label for line in lines if line.group] == ["INC-7 Database is full", "No incident"]
    assert lines[0].row.incident == one


def test_totals_say_what_is_hidden_and_by_how_much(fleet):
    assert board("q=nothing").totals() == {"firing": 4, "hidden": 1, "resources": 2, "silences": 1, "maintenances": 0}


def test_chips_take_filters_away(fleet):
    chips = {(one["title"], one["value"]): one["url"] for one in board("severity=high&label=team:db&state=firing").chips()}
    assert chips[("Severity", "High")] == "?label=team%3Adb&state=firing"
    assert chips[("team", "db")] == "?severity=high&state=firing"
    assert chips[("State", "Firing")] == "?severity=high&label=team%3Adb&state=any"


def test_a_row_says_value_limit_owner_and_what_suppresses_it(fleet, operator):
    assign([fleet["Quiet"]], operator, operator)
    acknowledge([fleet["Quiet"]], operator)
    [line] = board("suppressed=silence").page().object_list
    assert (line.row.owner, line.row.where) == ("Acknowledged", "lab-1")
    [one] = line.row.suppressions
    assert (one.word, one.reason, one.by, one.icon) == ("Silenced", "lab", "operator", "silence")


def test_older_ones_are_read_where_the_range_reaches_further_back(fleet, operator):
    Alert.objects.filter(name="Over").update(resolved_at=timezone.now() - timedelta(days=3))
    standing.forget()
    assert names("state=resolved") == []
    now = timerange.now_ms()
    week = Board(QueryDict("state=resolved"), timerange.TimeRange(now - 7 * 86_400_000, now, "Last 7 days", "now-7d", True))
    assert [one.traits.name for one in week.found] == ["Over"]


def test_the_statements_do_not_grow_with_the_alerts(db, client_of, operator, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client, counts = client_of(operator), []
    for many in (3, 3 * PER_PAGE):
        observe([seen(f"A{n}", labels={"host": f"h{n % 40}"}) for n in range(many)])
        client.get("/alerts/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/alerts/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("operator", 200), ("admin", 200), ("stranger", 302)])
def test_everybody_who_may_read_sees_the_list(request, client_of, role, status, fire):
    fire("Down")
    answer = client_of(request.getfixturevalue(role)).get("/alerts/")
    assert answer.status_code == status
    assert (b"bulkbar" in answer.content) == (role in ("operator", "admin"))
    assert client_of(request.getfixturevalue(role)).get("/alerts/ids.json").status_code == status


def test_what_others_wrote_is_shown_as_text(client_of, viewer, fire):
    fire("<script>x</script>", labels={"host": '"><b>'}, annotations={"summary": "<i>"})
    page = client_of(viewer).get("/alerts/").content.decode()
    assert "<script>x" not in page
    assert '"><b>' not in page


def test_a_fragment_is_the_list_alone(client_of, viewer, fire):
    fire("Down")
    fragment = client_of(viewer).get("/alerts/", headers={"x-fragment": "1"}).content.decode()
    assert 'id="alert-totals"' in fragment
    assert "alert-list" in fragment
    assert "<html" not in fragment


@pytest.mark.parametrize("query", ["sort=x", "range=yesterday", "state=x", "page=zzz"])
def test_a_bad_address_is_a_page_that_says_so(client_of, viewer, query):
    assert client_of(viewer).get(f"/alerts/?{query}").status_code == (200 if query.startswith("page") else 400)


def test_empty_lists_say_why(client_of, viewer):
    assert b"Nothing fires" in client_of(viewer).get("/alerts/").content
    assert b"No alert matches" in client_of(viewer).get("/alerts/?q=x").content


def test_ids_are_those_of_all_pages(client_of, viewer):
    observe([seen(f"A{n}") for n in range(2 * PER_PAGE)])
    found = client_of(viewer).get("/alerts/ids.json?q=A1").json()
    assert found["total"] == len(found["ids"]) == len({n for n in range(2 * PER_PAGE) if str(n).startswith("1")})
