"""/api/v1/incidents: what it answers, to whom, and what it refuses."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.alerts.models import Alert
from monitoring.incidents.correlate import correlate
from monitoring.incidents.models import Incident

pytestmark = pytest.mark.django_db
INCIDENTS = "/api/v1/incidents/"
NEW = {"title": "Checkout is slow", "severity": "high"}


@pytest.fixture
def call(client_of, operator):
    client = client_of(operator)

    def ask(method, address="", body=None, **params):
        if method == "get":
            return client.get(f"{INCIDENTS}{address}", params)
        return getattr(client, method)(f"{INCIDENTS}{address}", body, content_type="application/json")

    return ask


@pytest.fixture
def two(opened):
    return opened("A", 0, labels={"instance": "a", "service": "shop"}), opened("B", 1, labels={"instance": "b"}, severity="critical")


# -- who may ---------------------------------------------------------------------------------------------------------------
def test_viewers_read_and_strangers_do_not(two, client_of, viewer, stranger):
    for address in ("", f"{two[0].pk}/", f"{two[0].pk}/alerts/", f"{two[0].pk}/timeline/"):
        assert client_of(viewer).get(INCIDENTS + address).status_code == 200
        assert client_of(stranger).get(INCIDENTS + address).status_code == 401


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("post", "", NEW),
        ("patch", "{0}/", {"title": "x"}),
        ("post", "actions/", {"action": "resolve", "incidents": [1]}),
        ("post", "{0}/merge/", {"incidents": [2]}),
        ("post", "{0}/split/", {"alerts": [1]}),
        ("post", "{0}/alerts/", {"action": "add", "alerts": [1]}),
        ("post", "{0}/timeline/", {"text": "x"}),
    ],
)
def test_viewers_change_nothing(two, method, address, body, client_of, viewer, stranger):
    for person, status in ((viewer, 403), (stranger, 401)):
        url = INCIDENTS + address.format(two[0].pk)
        assert getattr(client_of(person), method)(url, body, content_type="application/json").status_code == status
    assert Incident.objects.exclude(status="open").count() == 0


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_operators_and_admins_change_and_a_token_needs_the_scope(role, request, client_of, token_of, stranger):
    person = request.getfixturevalue(role)
    assert client_of(person).post(INCIDENTS, NEW, content_type="application/json").status_code == 201
    for scope, status in (("alerts:write", 403), ("incidents:write", 201)):
        headers = {"Authorization": f"Bearer {token_of(person, scope)}"}
        assert client_of(stranger).post(INCIDENTS, NEW, content_type="application/json", headers=headers).status_code == status


# -- reading -----------------------------------------------------------------------------------------------------------------
def test_incidents_are_listed_and_filtered(two, call):
    found = call("get").json()
    assert [one["number"] for one in found["results"]] == [two[1].number, two[0].number]
    for params, expected in (
        ({"severity": "critical"}, [two[1].pk]),
        ({"service": "shop"}, [two[0].pk]),
        ({"search": "A"}, [two[0].pk]),
        ({"search": two[1].number.lower()}, [two[1].pk]),
        ({"open": "false"}, []),
        ({"manual": "true"}, []),
        ({"commander": "none", "order": "id"}, [two[0].pk, two[1].pk]),
        ({"alert": two[1].root_alert_id}, [two[1].pk]),
        ({"since": "24h", "status": "open", "order": "title"}, [two[0].pk, two[1].pk]),
    ):
        assert [one["id"] for one in call("get", **params).json()["results"]] == expected, params


def test_a_resource_has_its_incidents(fire, resource, call):
    host = resource("db-1")
    fire("A", 0, host)
    fire("B", 1)
    correlate()
    assert call("get", resource=host.pk).json()["count"] == 1


def test_a_service_is_found_by_its_whole_name_whatever_is_in_it(opened, call):
    name = 'schön "100 %"'
    incident = opened("A", 0, labels={"service": name})
    opened("B", 1, labels={"service": "100"})
    assert [one["id"] for one in call("get", service=name).json()["results"]] == [incident.pk]
    assert call("get", service="schön").json()["count"] == 0


@pytest.mark.parametrize(
    "params",
    [
        {"status": "broken"},
        {"severity": "bad"},
        {"open": "yes"},
        {"commander": "me"},
        {"alert": "x"},
        {"resource": "9" * 30},
        {"since": "1y"},
        {"order": "colour"},
        {"search": "a\0b"},
        {"service": "a\0b"},
    ],
)
def test_filters_that_cannot_be_are_refused_with_one_sentence(two, call, params):
    answer = call("get", **params)
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10


def test_one_incident_with_its_alerts_and_timeline(two, call):
    found = call("get", f"{two[0].pk}/").json()
    assert (found["title"], found["services"], found["notes_md"], found["status_changes"][0]["after"]) == ("A", ["shop"], "", "open")
    (member,) = call("get", f"{two[0].pk}/alerts/").json()["results"]
    assert (member["name"], member["role"], member["reason"]) == ("A", "root", "It opened the incident")
    (entry,) = call("get", f"{two[0].pk}/timeline/").json()["results"]
    assert (entry["kind"], entry["text"]) == ("opened", "Opened by A")
    assert call("get", f"{10**17}/").status_code == 404


def test_statements_do_not_grow_with_the_list(opened, call):
    def counted():
        with CaptureQueriesContext(connection) as caught:
            call("get")
        return len(caught)

    opened("A", 0, labels={"instance": "a"})
    call("get")
    few = counted()
    for n in range(8):
        opened(f"B{n}", 1, labels={"instance": f"b{n}"})
    assert counted() == few


# -- changing ----------------------------------------------------------------------------------------------------------------
def test_an_incident_is_opened_with_alerts(two, call, operator):
    answer = call("post", body={**NEW, "alerts": [two[0].root_alert_id], "commander": operator.pk})
    made = answer.json()
    assert (answer.status_code, made["manual"], made["alert_count"], made["commander"]) == (201, True, 1, operator.pk)


def test_verbs_of_many(two, call):
    ids = [one.pk for one in two]
    assert call("post", "actions/", {"action": "acknowledge", "incidents": [*ids, 999]}).json() == {"changed": ids, "count": 2}
    answer = call("post", "actions/", {"action": "resolve", "incidents": ids[:1], "note": "done", "with_alerts": True})
    assert answer.json()["changed"] == ids[:1]
    assert Alert.objects.get(pk=two[0].root_alert_id).state == "resolved"


def test_title_severity_commander_and_review(two, call, operator):
    body = {"title": "Shop", "severity": "low", "commander": operator.pk, "notes_md": "# What we learned"}
    answer = call("patch", f"{two[0].pk}/", body)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in body} == body
    assert call("patch", f"{two[0].pk}/", {"commander": None}).json()["commander"] is None


def test_merge_split_add_and_take_out(two, call, fire):
    one, other = two
    merged = call("post", f"{one.pk}/merge/", {"incidents": [other.pk], "note": "same"}).json()
    assert merged["alert_count"] == 2
    assert call("get", f"{other.pk}/").json()["merged_into"] == one.pk
    assert call("get").json()["count"] == 1
    split = call("post", f"{one.pk}/split/", {"alerts": [other.root_alert_id], "title": "Apart"})
    assert (split.status_code, split.json()["title"], split.json()["alert_count"]) == (201, "Apart", 1)
    out = call("post", f"{one.pk}/alerts/", {"action": "take_out", "alerts": [one.root_alert_id]})
    assert out.json() == {"changed": [one.root_alert_id], "count": 1}
    added = call("post", f"{one.pk}/alerts/", {"action": "add", "alerts": [one.root_alert_id, 999]})
    assert added.json()["count"] == 1


def test_a_note_is_answered_as_it_was_written(two, call, operator):
    answer = call("post", f"{two[0].pk}/timeline/", {"text": "restarted"})
    assert (answer.status_code, answer.json()["text"], answer.json()["actor"]) == (201, "restarted", operator.name)


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("post", "", {"title": "", "severity": "high"}, 400),
        ("post", "", {"title": "x", "severity": "odd"}, 400),
        ("post", "", {**NEW, "commander": 999}, 400),
        ("post", "", {**NEW, "started_at": "2099-01-01T00:00:00Z"}, 400),
        ("patch", "{0}/", {}, 400),
        ("patch", "{0}/", {"started_at": "2020-01-01T00:00:00Z"}, 409),
        ("patch", "999/", {"title": "x"}, 404),
        ("post", "actions/", {"action": "nuke", "incidents": [1]}, 400),
        ("post", "actions/", {"action": "resolve", "incidents": []}, 400),
        ("post", "{0}/merge/", {"incidents": [999]}, 404),
        ("post", "{0}/merge/", {"incidents": ["x"]}, 400),
        ("post", "999/merge/", {"incidents": [1]}, 404),
        ("post", "{0}/split/", {"alerts": [999]}, 409),
        ("post", "{0}/alerts/", {"action": "take_out", "alerts": [999]}, 409),
        ("post", "{0}/alerts/", {"action": "move", "alerts": [1]}, 400),
        ("post", "{0}/timeline/", {"text": " "}, 400),
        ("post", "999/timeline/", {"text": "x"}, 404),
        ("delete", "{0}/", None, 405),
    ],
)
def test_what_cannot_be_is_refused_with_one_sentence(two, call, method, address, body, status):
    answer = call(method, address.format(two[0].pk), body)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)
