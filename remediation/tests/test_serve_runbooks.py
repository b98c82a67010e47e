"""Runbooks through the API, by whom, and what is refused with which sentence."""

import pytest

from accounts.models import AuditEntry
from monitoring.alerts.models import Alert
from remediation import runbook_packs, versions
from remediation.models import AutomationRule, Runbook
from remediation.runbook_files import load
from remediation.spec import parse

pytestmark = pytest.mark.django_db
BASE = "/api/v1/remediation/runbooks/"
SPEC = {"id": "mine", "name": "Mine", "steps": [{"id": "a", "wait": "1s"}]}


@pytest.fixture
def call(token_of, client):
    def made(person, method, path="", body=None, **query):
        scopes = ["monitoring:read", *(["remediation:execute"] if person and person.role != "viewer" else [])]
        headers = {"authorization": f"Bearer {token_of(person, *scopes)}"} if person else {}
        if method == "get":
            return client.get(BASE + path, query, headers=headers)
        return getattr(client, method)(BASE + path, body or {}, content_type="application/json", headers=headers)

    return made


@pytest.fixture
def mine(operator):
    return versions.add(parse(SPEC), operator)


def test_a_viewer_reads_and_a_stranger_does_not(call, mine, viewer):
    found = call(viewer, "get").json()["results"]
    assert [(one["key"], one["version"], one["risk"], one["record"]["rate"]) for one in found] == [("mine", 1, "medium", None)]
    assert call(viewer, "get", f"{mine.pk}/").json()["spec"] == SPEC
    assert call(None, "get").status_code == 401
    assert call(None, "get", f"{mine.pk}/").status_code == 401


CHANGES = [("post", "", {"spec": SPEC}), ("patch", "{pk}/", {"spec": SPEC}), ("delete", "{pk}/", None), ("post", "{pk}/enable/", None),
           ("post", "{pk}/disable/", None), ("post", "{pk}/restore/", {"version": 1}), ("post", "import/", {"text": "x"})]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=[f"{method} {path}" for method, path, _ in CHANGES])
def test_a_viewer_changes_nothing(method, path, body, call, mine, viewer):
    assert call(viewer, method, path.format(pk=mine.pk), body).status_code == 403
    assert call(None, method, path.format(pk=mine.pk), body).status_code == 401


@pytest.mark.parametrize("role", ["operator", "approver", "admin"])
def test_who_may_execute_writes_runbooks(role, call, request):
    person = request.getfixturevalue(role)
    answer = call(person, "post", "", {"spec": SPEC, "comment": "Mine"})
    assert (answer.status_code, answer.json()["origin"]) == (201, "ui")
    entry = AuditEntry.objects.get(action="runbook.added")
    assert (entry.after["comment"], entry.actor) == ("Mine", f"{role}, token test")


def test_a_token_without_the_scope_is_refused(client, mine, operator, token_of):
    headers = {"authorization": f"Bearer {token_of(operator, 'monitoring:read')}"}
    assert client.get(BASE, headers=headers).status_code == 200
    assert client.post(BASE, {"spec": SPEC}, content_type="application/json", headers=headers).status_code == 403


def test_a_change_is_a_version_and_versions_are_compared_and_restored(call, mine, operator):
    text = "id: mine\nname: Mine\nrisk: high\nsteps: [{id: a, wait: 1s}]\n"
    assert call(operator, "patch", f"{mine.pk}/", {"text": text, "comment": "Riskier"}).json()["version"] == 2
    assert [one["number"] for one in call(operator, "get", f"{mine.pk}/versions/").json()["results"]] == [2, 1]
    found = call(operator, "get", f"{mine.pk}/diff/", **{"from": 1, "to": 2}).json()
    assert found["changes"] == [{"place": "risk", "before": "", "after": "high"}]
    assert "+ risk: high" in found["diff"]
    assert call(operator, "post", f"{mine.pk}/restore/", {"version": 1}).json()["spec"] == SPEC


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "Send either spec or text"),
        ({"spec": SPEC, "text": "x"}, "Send either spec or text"),
        ({"spec": {"name": "x"}}, "a runbook needs at least one step"),
        ({"spec": ["x"]}, "a runbook is a mapping"),
        ({"text": "name: x\nsteps:\n  - wait: soon\n"}, "Line 3: steps[0].wait: 'soon' is not a duration"),
        ({"text": "a: ["}, "not YAML"),
        ({"spec": {**SPEC, "target": "{{ open('x') }}"}}, "calls of functions"),
    ],
    ids=["nothing", "both", "no steps", "a list", "line", "broken", "template"],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(body, why, call, operator):
    answer = call(operator, "post", "", body)
    assert answer.status_code == 400
    assert why in answer.content.decode().replace('\\"', '"')
    assert not Runbook.objects.exists()


def test_what_is_in_the_way_is_a_conflict(call, mine, operator):
    assert call(operator, "post", "", {"spec": SPEC}).status_code == 409
    assert call(operator, "patch", f"{mine.pk}/", {"spec": {**SPEC, "id": "other"}}).status_code == 409
    assert call(operator, "post", f"{mine.pk}/restore/", {"version": 1}).status_code == 409
    AutomationRule.objects.create(key="r", name="A rule", runbook=mine)
    assert call(operator, "delete", f"{mine.pk}/").status_code == 409
    AutomationRule.objects.all().delete()
    assert call(operator, "delete", f"{mine.pk}/").status_code == 204
    assert call(operator, "get", f"{mine.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("query", "count"), [({"search": "disk"}, 1), ({"origin": "ui"}, 1), ({"enabled": "false"}, 0), ({"order": "-name"}, 12)]
)
def test_the_list_is_narrowed(query, count, call, mine, viewer):
    runbook_packs.install()
    assert call(viewer, "get", **query).json()["count"] == count


@pytest.mark.parametrize("query", [{"origin": "moon"}, {"enabled": "maybe"}, {"order": "colour"}, {"search": "a\0"}], ids=str)
def test_a_list_that_cannot_be_asked_for_is_refused(query, call, viewer):
    assert call(viewer, "get", **query).status_code == 400


def test_versions_that_are_not_there(call, mine, viewer, operator):
    assert call(viewer, "get", f"{mine.pk}/diff/", **{"from": 1, "to": 9}).status_code == 404
    assert call(viewer, "get", f"{mine.pk}/diff/", **{"from": "x", "to": 1}).status_code == 400
    assert call(operator, "post", f"{mine.pk}/restore/", {"version": 9}).status_code == 404


def test_it_is_switched(call, mine, operator):
    assert call(operator, "post", f"{mine.pk}/disable/").json()["enabled"] is False
    assert call(operator, "post", f"{mine.pk}/enable/").json()["enabled"] is True


def test_lint_and_preview_store_nothing(call, viewer):
    spec = next(one for one in runbook_packs.shipped() if one.id == "disk-clean-up").raw
    found = call(viewer, "post", "lint/", {"spec": spec}).json()["findings"]
    assert ("warning", "steps[0].action.provider") in {(one["level"], one["place"]) for one in found}
    alert = Alert.objects.create(name="FilesystemFull", labels={"instance": "db-1", "mountpoint": "/srv"}, fingerprint="f")
    plan = call(viewer, "post", "preview/", {"spec": spec, "alert": alert.pk, "parameters": {"older_than": "2d"}}).json()["plan"]
    assert plan["steps"][0]["action"]["params"] == {"directory": "/srv", "older_than": 172800.0, "pattern": "*"}
    assert "parameters.directory" in call(viewer, "post", "preview/", {"spec": spec}).content.decode()
    assert call(viewer, "post", "preview/", {"spec": spec, "alert": alert.pk + 1}).status_code == 400
    assert call(None, "post", "lint/", {"spec": spec}).status_code == 401
    assert not Runbook.objects.exists()


def test_files_are_imported_and_exported(call, operator, viewer):
    text = "id: a\nname: A\nsteps: [{wait: 1s}]\n---\nid: b\nname: B\n"
    looked = call(operator, "post", "import/", {"text": text, "check": True}).json()
    assert (looked["added"], looked["refused"][0]["runbook"], Runbook.objects.count()) == (["a"], "b", 0)
    assert call(operator, "post", "import/", {"text": text}).json()["added"] == ["a"]
    assert call(operator, "post", "import/", {"text": "["}).status_code == 400
    answer = call(viewer, "get", "export/")
    assert [one.id for one in load(answer.content.decode()).specs] == ["a"]
