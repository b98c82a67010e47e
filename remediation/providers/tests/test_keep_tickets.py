"""ServiceNow and Jira: a ticket is opened once, whatever happens in between, and moved only where it can go."""

import base64

import pytest

from remediation.providers.base import SUCCEEDED, ActionError, Ask
from remediation.providers.jira import Jira, document
from remediation.providers.servicenow import ServiceNow, ServiceNowForm
from remediation.providers.tests.api_stub import Said, serving

pytestmark = pytest.mark.once
KEY = "0c1f4f0e-5d4b-4f5e-9d5c-1f2e3d4c5b6a"
SECRET = "s3cret-of-ours"


def ask(verb, key=KEY, **params):
    return Ask(key, verb, params, "web-03", reason="Disk is full", url="https://aiops.example.org/remediation/7/", case="c-7")


class Instance:
    """Tables of ServiceNow: rows of strings, found by the queries that we ask."""

    def __init__(self):
        self.tables = {"incident": [], "change_request": [], "sys_journal_field": []}

    def __call__(self, asked):
        expected = "Basic " + base64.b64encode(f"robot:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != expected:
            return Said(
                401, {"error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}, "status": "failure"}
            )
        table, _, sys_id = asked.path.removeprefix("/api/now/table/").partition("/")
        if asked.method == "POST":
            return Said(201, {"result": self.insert(table, asked.body)})
        if asked.method == "PATCH":
            row = next(row for row in self.tables[table] if row["sys_id"] == sys_id)
            if asked.body.get("state") == "6" and not (asked.body.get("close_code") and asked.body.get("close_notes")):
                return Said(403, {"error": {"message": "Operation Failed", "detail": "Data Policy Exception"}, "status": "failure"})
            if note := asked.body.get("work_notes"):
                self.tables["sys_journal_field"].append({"element_id": sys_id, "value": note})
            row.update(asked.body)
            return Said(200, {"result": row})
        return Said(200, {"result": [row for row in self.tables[table] if matches(row, asked.query["sysparm_query"])][:1]})

    def insert(self, table, body):
        number = f"{'INC' if table == 'incident' else 'CHG'}{len(self.tables[table]) + 10001:07d}"
        row = {"sys_id": f"{table}-{len(self.tables[table])}", "number": number, "state": "1", **body}
        self.tables[table].append(row)
        return row


def matches(row, query):
    for part in query.split("^"):
        if "LIKE" in part:
            name, _, value = part.partition("LIKE")
            if value not in row.get(name, ""):
                return False
        else:
            name, _, value = part.partition("=")
            if row.get(name) != value:
                return False
    return True


@pytest.fixture
def instance():
    return Instance()


@pytest.fixture
def now_api(instance):
    with serving(instance) as api:
        yield api


@pytest.fixture
def now(now_api):
    return ServiceNow({"url": now_api.url, "user": "robot"}, {"password": SECRET})


def test_an_incident_is_opened_with_our_key_and_found_by_it(now, instance):
    asked = ask("create_incident", short_description="Disk full on web-03", urgency="1")
    answer = now.run(asked)
    assert (answer.state, answer.detail) == (SUCCEEDED, "INC0010001 was opened")
    [row] = instance.tables["incident"]
    assert (row["correlation_id"], row["urgency"]) == (KEY, "1")
    assert row["description"] == "Disk is full\n\nhttps://aiops.example.org/remediation/7/"
    assert now.resume(asked).facts["number"] == "INC0010001"


def test_asked_again_with_the_same_key_it_opens_nothing(now, instance):
    asked = ask("create_incident", short_description="Disk full")
    assert now.run(asked).handle == now.run(asked).handle
    assert len(instance.tables["incident"]) == 1
    now.run(ask("create_incident", key="another", short_description="Disk full"))
    assert len(instance.tables["incident"]) == 2


def test_an_answer_that_is_lost_leaves_one_ticket(now, now_api, instance):
    asked = ask("create_change", short_description="Reboot", type="emergency")
    assert now.resume(asked) is None
    now_api.instead = [None]
    with pytest.raises(ActionError) as lost:
        now.run(asked)
    assert lost.value.unclear
    assert now.resume(asked).detail == "CHG0010001 had been opened"
    assert len(instance.tables["change_request"]) == 1


def test_a_ticket_is_updated_and_the_mark_tells_that_it_was(now, instance):
    now.run(ask("create_incident", short_description="x"))
    asked = ask("update", key="second", number="inc0010001", fields={"urgency": "3"}, work_notes="Cleaned up")
    assert now.resume(asked) is None
    assert now.run(asked).detail == "INC0010001 was updated"
    assert instance.tables["incident"][0]["urgency"] == "3"
    assert now.resume(asked).detail == "INC0010001 had been updated"


def test_a_ticket_is_resolved_once(now, instance):
    now.run(ask("create_incident", short_description="x"))
    asked = ask("close", number="INC0010001", close_notes="Space is free again")
    assert now.dry_run(asked).sentence == "Would resolve INC0010001"
    assert now.resume(asked) is None
    assert now.run(asked).detail == "INC0010001 was resolved"
    assert (instance.tables["incident"][0]["state"], instance.tables["incident"][0]["close_code"]) == ("6", "Solution provided")
    assert now.run(asked).detail == "INC0010001 was over already"
    assert not now.dry_run(asked).changes


def test_what_was_opened_is_taken_back_with_a_note(now, instance):
    answer = now.run(ask("create_incident", short_description="x"))
    now.rollback(ask("create_incident", key="undo"), answer.undo)
    assert instance.tables["incident"][0]["state"] == "6"
    assert "Taken back" in instance.tables["incident"][0]["close_notes"]


@pytest.mark.parametrize(
    ("verb", "params", "sentence"),
    [
        ("create_incident", {}, "short_description is missing"),
        ("update", {"number": "INC0010001"}, "there is no INC0010001, or we may not see it"),
        ("update", {"number": "PRB1"}, "PRB1 is no number of an incident or a change request"),
        ("close", {"number": "INC1^state=1"}, r"INC1\^STATE=1 is no number of an incident or a change request"),
    ],
)
def test_what_cannot_be_is_one_sentence(now, verb, params, sentence):
    with pytest.raises(ActionError, match=f"^{sentence}$") as refused:
        now.run(ask(verb, **params))
    assert refused.value.permanent


def test_a_wrong_password_is_permanent_and_never_shown(now_api):
    with pytest.raises(ActionError, match="does not let us in") as refused:
        ServiceNow({"url": now_api.url, "user": "robot"}, {"password": "wrong-password"}).check()
    assert refused.value.permanent
    assert "wrong-password" not in refused.value.message


def test_the_form_wants_a_password_or_a_token():
    assert not ServiceNowForm({"url": "https://x.service-now.com", "user": "robot"}).is_valid()
    assert ServiceNowForm({"url": "https://x.service-now.com", "bearer_token": "t"}).is_valid()


# -- Jira -----------------------------------------------------------------------------------------------------------------
WORKFLOW = {"To Do": [("11", "Start", "In Progress")], "In Progress": [("21", "Finish", "Done"), ("31", "Stop", "To Do")], "Done": []}


class Site:
    def __init__(self):
        self.issues, self.comments = {}, {}

    def __call__(self, asked):
        if "authorization" not in asked.headers or SECRET not in base64.b64decode(asked.headers["authorization"][6:]).decode():
            return Said(401, "Client must be authenticated to access this resource.", {"Content-Type": "text/plain"})
        path = asked.path.removeprefix("/rest/api/3/").split("/")
        match [asked.method, *path]:
            case ["GET", "myself"]:
                return Said(200, {"displayName": "Robot"})
            case ["POST", "issue"]:
                return self.create(asked.body["fields"])
            case ["GET", "search", "jql"]:
                label = asked.query["jql"].split('"')[1]
                return Said(200, {"issues": [{"key": key} for key, issue in self.issues.items() if label in issue["labels"]]})
            case ["GET", "issue", key] if key in self.issues:
                return Said(200, {"key": key, "fields": {"status": {"name": self.issues[key]["status"]}}})
            case ["GET", "issue", key, "transitions"]:
                return Said(
                    200,
                    {"transitions": [{"id": n, "name": name, "to": {"name": to}} for n, name, to in WORKFLOW[self.issues[key]["status"]]]},
                )
            case ["POST", "issue", key, "transitions"]:
                ways = {number: to for number, _, to in WORKFLOW[self.issues[key]["status"]]}
                if asked.body["transition"]["id"] not in ways:
                    return Said(
                        400, {"errorMessages": ["It seems that you have tried to perform an invalid workflow operation."], "errors": {}}
                    )
                self.issues[key]["status"] = ways[asked.body["transition"]["id"]]
                return Said(204)
            case ["POST", "issue", key, "comment"] if key in self.issues:
                assert asked.body["body"]["type"] == "doc"
                self.comments.setdefault(key, []).insert(0, asked.body)
                return Said(201, {"id": "1"})
            case ["GET", "issue", key, "comment"] if key in self.issues:
                return Said(200, {"comments": self.comments.get(key, [])})
        return Said(404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}})

    def create(self, fields):
        if isinstance(fields.get("description"), str):
            return Said(400, {"errorMessages": [], "errors": {"description": "Operation value must be an Atlassian Document"}})
        key = f"{fields['project']['key']}-{len(self.issues) + 1}"
        self.issues[key] = {**fields, "status": "To Do"}
        return Said(201, {"id": "10000", "key": key, "self": ""})


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def jira_api(site):
    with serving(site) as api:
        yield api


@pytest.fixture
def jira(jira_api):
    return Jira({"url": jira_api.url, "email": "robot@example.org", "project": "OPS"}, {"api_token": SECRET})


def test_an_issue_is_opened_as_a_document_and_found_by_its_label(jira, site):
    asked = ask("create_issue", summary="Disk full\non web-03", description="First.\n\nSecond.", labels=["disk full"], priority="High")
    assert jira.run(asked).detail == "OPS-1 was opened"
    issue = site.issues["OPS-1"]
    assert (issue["summary"], issue["labels"], issue["priority"]) == (
        "Disk full on web-03",
        ["disk-full", f"aiops-{KEY}"],
        {"name": "High"},
    )
    assert [part["content"][0]["text"] for part in issue["description"]["content"]][:2] == ["First.", "Second."]
    assert jira.run(asked).detail == "OPS-1 had been opened"
    assert len(site.issues) == 1


def test_an_issue_goes_only_where_its_workflow_leads(jira, site):
    jira.run(ask("create_issue", summary="x"))
    with pytest.raises(ActionError, match=r"^OPS-1 cannot go to Done from where it is; it can go to In Progress$") as refused:
        jira.run(ask("transition", issue="OPS-1", to="Done"))
    assert refused.value.permanent
    preview = jira.dry_run(ask("transition", issue="OPS-1", to="in progress"))
    assert (preview.sentence, preview.diff) == ("Would move OPS-1 from To Do to in progress", "-status: To Do\n+status: in progress")
    answer = jira.run(ask("transition", issue="OPS-1", to="start", comment="On it"))
    assert site.issues["OPS-1"]["status"] == "In Progress"
    assert len(site.comments["OPS-1"]) == 1
    assert jira.rollback(ask("transition", key="undo"), answer.undo).detail == "OPS-1 went from In Progress to To Do"
    assert site.issues["OPS-1"]["status"] == "To Do"


def test_a_comment_is_written_once(jira, jira_api, site):
    jira.run(ask("create_issue", summary="x"))
    asked = ask("comment", key="note", issue="OPS-1", text="Cleaned up")
    jira_api.instead = [None]
    with pytest.raises(ActionError) as lost:
        jira.run(asked)
    assert lost.value.unclear
    assert jira.resume(asked).detail == "OPS-1 had been commented on"
    jira.run(asked)
    assert len(site.comments["OPS-1"]) == 1


def test_an_issue_that_vanished_is_permanent(jira):
    with pytest.raises(ActionError, match="Issue does not exist") as refused:
        jira.run(ask("comment", issue="OPS-9", text="x"))
    assert refused.value.permanent


def test_without_a_project_nothing_is_opened(jira_api):
    with pytest.raises(ActionError, match="no project is named"):
        Jira({"url": jira_api.url, "email": "robot@example.org"}, {"api_token": SECRET}).run(ask("create_issue", summary="x"))
    assert jira_api.of("POST") == []


def test_a_check_says_who_we_are(jira, jira_api):
    assert jira.check() == "signed in as Robot"
    with pytest.raises(ActionError, match="does not let us in"):
        Jira({"url": jira_api.url, "email": "robot@example.org"}, {"api_token": "wrong-token"}).check()


def test_an_empty_text_is_still_a_document():
    assert document("") == {"type": "doc", "version": 1, "content": []}
