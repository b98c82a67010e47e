"""/api/v1/alerts, /rules and /silences: what they answer, to whom, and what they refuse."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import AuditEntry
from monitoring.alerts import rule_import
from monitoring.alerts.models import Alert, AlertRule, RuleGroup, Silence
from monitoring.store import writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db
ALERTS, RULES, SILENCES = "/api/v1/alerts/", "/api/v1/rules/", "/api/v1/silences/"
RULE = {"name": "Hot", "expr": "temp > 80", "for_seconds": 60, "severity": "high", "annotations": {"summary": "{{ $labels.host }}"}}
SILENCE = {"matchers": [{"name": "host", "value": "a"}], "reason": "works", "ends_at": "2099-01-01T00:00:00Z"}


@pytest.fixture
def call(client_of, operator):
    client = client_of(operator)

    def ask(method, address, body=None, **params):
        if method == "get":
            return client.get(address, params)
        return getattr(client, method)(address, body, content_type="application/json")

    return ask


def silence_until(days=1):
    return {**SILENCE, "ends_at": (datetime.now(UTC) + timedelta(days=days)).isoformat()}


# -- who may ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", [ALERTS, f"{ALERTS}counts/", RULES, f"{RULES}export/", SILENCES])
def test_viewers_read_and_strangers_do_not(address, client_of, viewer, stranger):
    assert client_of(viewer).get(address).status_code == 200
    assert client_of(stranger).get(address).status_code == 401


@pytest.mark.parametrize(
    ("address", "body"),
    [
        (f"{ALERTS}actions/", {"action": "acknowledge", "alerts": [1]}),
        (RULES, RULE),
        (f"{RULES}import/", {"file": "a.yml", "text": "groups: []"}),
        (SILENCES, SILENCE),
        (f"{SILENCES}1/end/", {}),
    ],
)
def test_viewers_change_nothing(address, body, client_of, viewer, stranger):
    assert client_of(viewer).post(address, body, content_type="application/json").status_code == 403
    assert client_of(stranger).post(address, body, content_type="application/json").status_code == 401
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_operators_and_admins_change_and_a_token_needs_the_scope(role, request, client_of, token_of):
    person = request.getfixturevalue(role)
    assert client_of(person).post(RULES, RULE, content_type="application/json").status_code == 201
    client = client_of(type("Nobody", (), {"is_authenticated": False})())
    for scope, status in (("alerts:write", 403), ("rules:write", 201)):
        headers = {"Authorization": f"Bearer {token_of(person, scope)}"}
        assert client.post(RULES, {**RULE, "name": scope}, content_type="application/json", headers=headers).status_code == status


# -- alerts ----------------------------------------------------------------------------------------------------------------
def test_alerts_are_listed_filtered_and_counted(call, fire):
    fire("a", "b", labels={"host": "x"}, severity="critical")
    fire("c", labels={"host": "y"}, annotations={"summary": "the needle"})
    found = call("get", ALERTS).json()
    assert found["count"] == 3
    assert {one["name"] for one in call("get", ALERTS, severity="critical", label="host=x").json()["results"]} == {"a", "b"}
    assert [one["name"] for one in call("get", ALERTS, search="needle").json()["results"]] == ["c"]
    assert call("get", ALERTS, state="resolved").json()["count"] == 0
    assert call("get", ALERTS, order="name", suppressed="false").json()["results"][0]["name"] == "a"
    counts = call("get", f"{ALERTS}counts/").json()
    assert counts["severity"] == {"critical": 2, "medium": 1}
    assert (counts["state"], counts["suppressed"]) == ({"firing": 3}, 0)


def test_one_alert_with_its_history(call, fire):
    (alert,) = fire("a")
    found = call("get", f"{ALERTS}{alert.pk}/").json()
    assert found["transitions"][0]["after"] == "firing"
    assert call("get", f"{ALERTS}{10**17}/").status_code == 404


@pytest.mark.parametrize(
    "query", ["state=burning", "severity=huge", "suppressed=maybe", "rule=x", "label=x", "order=size", "search=%00", "page_size=0"]
)
def test_a_filter_that_cannot_be_is_refused(call, query):
    assert call("get", f"{ALERTS}?{query}").status_code == 400


def test_the_list_takes_as_many_queries_whatever_its_length(call, fire, django_assert_max_num_queries):
    fire(*(f"n{number}" for number in range(40)))
    with django_assert_max_num_queries(5):
        assert len(call("get", ALERTS, page_size=40).json()["results"]) == 40


def test_many_are_acknowledged_at_once(call, fire, operator):
    ids = [alert.pk for alert in fire("a", "b")]
    answer = call("post", f"{ALERTS}actions/", {"action": "acknowledge", "alerts": [*ids, 10**9], "note": "on it"})
    assert answer.json() == {"changed": ids, "count": 2}
    assert set(Alert.objects.values_list("ownership", flat=True)) == {"acknowledged"}
    assert AuditEntry.objects.get(action="alerts.acknowledged").actor == operator.name


@pytest.mark.parametrize("verb", ["take", "unacknowledge", "assign", "resolve", "reopen", "rate", "comment"])
def test_every_verb_is_understood(call, fire, operator, verb):
    (alert,) = fire("a")
    if verb in ("unacknowledge", "reopen"):
        before = {"unacknowledge": "acknowledge", "reopen": "resolve"}[verb]
        call("post", f"{ALERTS}actions/", {"action": before, "alerts": [alert.pk]})
    body = {"action": verb, "alerts": [alert.pk], "note": "n", "severity": "low", "assignee": operator.pk}
    assert call("post", f"{ALERTS}actions/", body).json()["count"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "explode", "alerts": [1]},
        {"action": "take", "alerts": []},
        {"action": "take", "alerts": ["x"]},
        {"action": "take", "alerts": [10**30]},
        {"action": "rate", "alerts": [1]},
        {"action": "comment", "alerts": [1], "note": " "},
        {"action": "assign", "alerts": [1], "assignee": 10**9},
    ],
)
def test_an_action_that_cannot_be_is_refused(call, body):
    assert call("post", f"{ALERTS}actions/", body).status_code == 400


# -- rules -----------------------------------------------------------------------------------------------------------------
def test_a_rule_is_added_changed_and_removed_under_audit(call):
    made = call("post", RULES, {**RULE, "group": "Rooms", "interval": 30}).json()
    assert (made["group"], made["interval"], made["health"], made["locked"]) == ("Rooms", 30, "unknown", False)
    again = call("post", RULES, {**RULE, "group": "Rooms"}).json()
    assert AlertRule.objects.get(pk=again["id"]).key == "Hot#2"
    changed = call("patch", f"{RULES}{made['id']}/", {"expr": "temp > 90", "interval": 15}).json()
    assert (changed["expr"], RuleGroup.objects.get(name="Rooms").interval) == ("temp > 90", 15)
    assert call("delete", f"{RULES}{made['id']}/").status_code == 204
    rules = AuditEntry.objects.filter(action__startswith="rule.")
    assert set(rules.values_list("action", "actor")) == {(f"rule.{verb}", "operator") for verb in ("added", "changed", "removed")}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"expr": "sum(temp"}, "expr: "),
        ({"expr": "temp[5m]"}, "neither an instant vector"),
        ({"annotations": {"summary": "{{ $labels.host | shout }}"}}, "no function shout (character 19)"),
        ({"labels": {"a b": "x"}}, "cannot be the name of a label"),
        ({"for_seconds": -1}, "for_seconds"),
        ({"severity": "huge"}, "severity"),
        ({"runbook_url": "javascript:alert(1)"}, "runbook"),
        ({"kind": "record"}, "recording rule"),
        ({"name": "not a metric", "kind": "record", "for_seconds": 0, "annotations": {}}, "not the name of a metric"),
    ],
)
def test_a_bad_rule_is_refused_with_the_place(call, changed, says):
    answer = call("post", RULES, {**RULE, **changed})
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert not AlertRule.objects.exists()


def test_a_rule_is_checked_without_being_stored(call, client_of, viewer):
    (fault,) = call("post", f"{RULES}check/", {**RULE, "expr": "temp > on() 5 +"}).json()["faults"]
    assert fault["field"] == "expr"
    assert fault["position"] is not None
    assert client_of(viewer).post(f"{RULES}check/", RULE, content_type="application/json").json() == {"faults": []}
    assert not AlertRule.objects.exists()


def test_a_shipped_rule_can_only_be_switched(call):
    rule_import.install_packs()
    rule = AlertRule.objects.filter(locked=True).first()
    assert call("patch", f"{RULES}{rule.pk}/", {"enabled": False}).status_code == 200
    assert call("patch", f"{RULES}{rule.pk}/", {"expr": "up"}).status_code == 409
    assert call("patch", f"{RULES}{rule.pk}/", {"interval": 3600}).status_code == 409
    assert call("delete", f"{RULES}{rule.pk}/").status_code == 409
    rule.refresh_from_db()
    assert (rule.enabled, rule.expr != "up") == (False, True)


def test_a_rule_is_tried_over_history(call):
    now = datetime.now(UTC)
    samples = [("temp", {"host": "a"}, round((now - timedelta(minutes=n)).timestamp() * 1000), 90.0 if n > 30 else 20.0) for n in range(60)]
    writer.write(Batch.of(samples))
    body = {"expr": "temp > 80", "interval": 60, "start": (now - timedelta(hours=2)).isoformat(), "time_zone": "Europe/Berlin"}
    found = call("post", f"{RULES}backtest/", body).json()
    assert (found["count"], found["firings"][0]["labels"], sum(found["by_hour"])) == (1, {"host": "a"}, 1)
    for wrong in ({"expr": "sum("}, {"time_zone": "Nowhere"}, {"start": "2020-01-01T00:00:00Z"}):
        assert call("post", f"{RULES}backtest/", {**body, **wrong}).status_code == 400


def test_files_go_in_and_out(call):
    report = call(
        "post", f"{RULES}import/", {"file": "a.yml", "text": "groups: [{name: g, rules: [{alert: A, expr: up == 0}, {alert: B}]}]"}
    ).json()
    assert (report["added"], [one["rule"] for one in report["refused"]]) == (1, ["B"])
    text = call("get", f"{RULES}export/").content.decode()
    assert "alert: A" in text
    assert call("post", f"{RULES}import/", {"file": "b.yml", "text": text}).json()["added"] == 1
    assert call("post", f"{RULES}import/", {"file": "c.yml", "text": "a: ["}).status_code == 400
    assert call("post", f"{RULES}import/", {"file": "pack:hosts", "text": text}).status_code == 400


# -- silences --------------------------------------------------------------------------------------------------------------
def test_a_silence_is_looked_at_made_and_ended(call, fire, operator):
    (alert,) = fire("a", labels={"host": "a"})
    assert call("post", f"{SILENCES}preview/", {"matchers": SILENCE["matchers"]}).json() == {
        "firing": 1, "suppressed": 0, "alert_ids": [alert.pk],
    }  # fmt: skip
    made = call("post", SILENCES, silence_until()).json()
    assert (made["state"], made["created_by"]) == ("active", operator.pk)
    assert call("get", ALERTS, suppressed="true").json()["results"][0]["suppressed_by"][0]["reason"] == "works"
    assert call("get", SILENCES, state="open").json()["count"] == 1
    assert call("post", f"{SILENCES}{made['id']}/end/").json()["state"] == "expired"
    assert call("post", f"{SILENCES}{made['id']}/end/").status_code == 409
    assert call("get", SILENCES, state="over").json()["count"] == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": ""},
        {"matchers": []},
        {"matchers": [{"name": "a", "op": "=~", "value": "["}]},
        {"rrule": "FREQ=NEVER"},
        {"time_zone": "X"},
        {"ends_at": "2001-01-01T00:00:00Z"},
    ],
)
def test_a_silence_that_cannot_be_is_refused(call, changed):
    assert call("post", SILENCES, {**silence_until(), **changed}).status_code == 400
    assert not Silence.objects.exists()
