"""Cases, approvals, providers and switches for programs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import AuditEntry
from accounts.permissions import can
from remediation import approvals, execute, switches
from remediation.models import Approval, Execution, LogLine, Provider, Step
from remediation.tests import cases
from remediation.tests.cases import engine_off as engine_off
from remediation.tests.cases import tame as tame

ROOT = "/api/v1/remediation/"
Call = Callable[..., Any]


@pytest.fixture
def call(client: Any, token_of: Callable[..., str]) -> Call:
    def asked(who: Any, method: str, path: str, body: Any = None, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {token_of(who, *(one for one in SCOPES if can(who, one)))}"} if who is not None else {}
        if method == "get":
            return client.get(f"{ROOT}{path}", query, headers=headers)
        return getattr(client, method)(f"{ROOT}{path}", {} if body is None else body, content_type="application/json", headers=headers)

    return asked


SCOPES = ("monitoring:read", "remediation:execute", "remediation:approve", "remediation:configure")


def a_case(**fields: Any) -> Execution:
    made = cases.execution(**fields)
    execute.begun(made, "as asked")
    return made


def asked(**fields: Any) -> Approval:
    return approvals.ask(a_case(**fields), 1, timedelta(hours=1))


def test_everybody_reads_and_a_stranger_does_not(call: Call, viewer: Any, operator: Any, approver: Any, admin: Any, tame: Provider) -> None:
    one = asked()
    paths = [
        "executions/", f"executions/{one.execution_id}/", f"executions/{one.execution_id}/lines/", "approvals/", f"approvals/{one.pk}/",
        "providers/", f"providers/{tame.pk}/", "switches/",
    ]  # fmt: skip
    for path in paths:
        assert call(None, "get", path).status_code == 401, path
        for person in (viewer, operator, approver, admin):
            assert call(person, "get", path).status_code == 200, path


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("post", "executions/", {"operator", "approver", "admin"}),
        ("post", "executions/{case}/cancel/", {"operator", "approver", "admin"}),
        ("post", "executions/{case}/rollback/", {"operator", "approver", "admin"}),
        ("post", "approvals/{approval}/vote/", {"approver", "admin"}),
        ("post", "approvals/{approval}/withdraw/", {"operator", "approver", "admin"}),
        ("post", "switches/", {"approver", "admin"}),
        ("post", "providers/", {"admin"}),
        ("patch", "providers/{provider}/", {"admin"}),
        ("delete", "providers/{provider}/", {"admin"}),
        ("post", "providers/{provider}/check/", {"operator", "approver", "admin"}),
    ],
)
def test_only_who_may_changes_something(
    method: str, path: str, roles: set[str], call: Call, viewer: Any, operator: Any, approver: Any, admin: Any, tame: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(cases.Tame, "check", lambda self: "here")
    one = asked(requested_by=admin)
    where = path.format(case=one.execution_id, approval=one.pk, provider=tame.pk)
    assert call(None, method, where).status_code == 401
    for person in (viewer, operator, approver, admin):
        status = call(person, method, where).status_code
        allowed = person.role in roles
        withdrawing = path.endswith("withdraw/") and person is operator  # may, but only what they asked for
        assert (status != 403) == (allowed and not withdrawing), (person.role, status)


def test_a_token_without_the_scope_does_not_approve(client: Any, token_of: Callable[..., str], approver: Any) -> None:
    one = asked()
    headers = {"Authorization": f"Bearer {token_of(approver, 'monitoring:read')}"}
    answer = client.post(f"{ROOT}approvals/{one.pk}/vote/", {"granted": True}, content_type="application/json", headers=headers)
    assert answer.status_code == 403


def test_the_list_is_filtered_and_ordered(call: Call, viewer: Any) -> None:
    a_case(title="B", risk="high")
    a_case(title="A", risk="low", target_key="x")
    assert [one["title"] for one in call(viewer, "get", "executions/", order="title").json()["results"]] == ["A", "B"]
    assert [one["title"] for one in call(viewer, "get", "executions/", risk="high").json()["results"]] == ["B"]
    for name, value in (("order", "colour"), ("state", "lost"), ("alert", "x"), ("since", "1y")):
        answer = call(viewer, "get", "executions/", **{name: value})
        assert answer.status_code == 400
        assert name in str(answer.json())


def test_a_case_is_proposed_from_a_runbook_by_key(call: Call, operator: Any, tame: Provider, engine_off: list[int]) -> None:
    cases.runbook()
    answer = call(operator, "post", "executions/", {"runbook": "sweep", "parameters": {"path": "/tmp"}, "target": "db-1"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["parameters"], made["requester"]) == ({"path": "/tmp"}, operator.name)
    assert made["decision"]["factors"]
    assert made["transitions"][0]["after"] == "proposed"


def test_one_action_of_a_provider_is_proposed_too(call: Call, operator: Any, tame: Provider, engine_off: list[int]) -> None:
    action = {"provider": "tame", "verb": "sweep", "params": {"path": "/tmp"}}
    made = call(operator, "post", "executions/", {"action": action, "target": "db-1"})
    assert made.status_code == 201
    assert made.json()["title"] == "Sweep a directory on db-1"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "non_field"),
        ({"runbook": "nothing"}, "runbook"),
        ({"runbook": "sweep", "parameters": {"colour": "red"}}, "colour"),
        ({"runbook": "sweep", "alert": 99}, "alert"),
        ({"action": {"provider": "tame", "verb": "explode"}}, "action"),
    ],
)
def test_what_cannot_be_proposed_is_said_in_a_sentence(body: dict[str, Any], name: str, call: Call, operator: Any, tame: Provider) -> None:
    cases.runbook()
    answer = call(operator, "post", "executions/", body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert not Execution.objects.exists()


def test_a_vote_through_the_api_counts_once(call: Call, approver: Any, engine_off: list[int]) -> None:
    one = asked()
    answer = call(approver, "post", f"approvals/{one.pk}/vote/", {"granted": True, "comment": "go"})
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["votes"][0]["via"]) == ("granted", "api")
    assert call(approver, "post", f"approvals/{one.pk}/vote/", {"granted": False}).status_code == 409


def test_nobody_approves_their_own_through_the_api(call: Call, approver: Any) -> None:
    one = asked(requested_by=approver)
    answer = call(approver, "post", f"approvals/{one.pk}/vote/", {"granted": True})
    assert answer.status_code == 403
    assert "someone else" in answer.json()["error"]
    assert AuditEntry.objects.filter(action="approval.refused").exists()


def test_cancelling_twice_is_a_conflict(call: Call, operator: Any) -> None:
    path = f"executions/{a_case().pk}/cancel/"
    assert call(operator, "post", path, {}).status_code == 400
    assert call(operator, "post", path, {"reason": "wrong host"}).json()["state"] == "cancelled"
    assert call(operator, "post", path, {"reason": "again"}).status_code == 409


def test_lines_come_from_the_last_one_read(call: Call, viewer: Any) -> None:
    case = a_case()
    step = Step.objects.create(execution=case, position=0, name="a", title="A", kind="action")
    first, second = (LogLine.objects.create(step=step, text=text) for text in ("one", "two"))
    found = call(viewer, "get", f"executions/{case.pk}/lines/", after=first.pk).json()["results"]
    assert [(one["id"], one["text"]) for one in found] == [(second.pk, "two")]
    assert call(viewer, "get", f"executions/{case.pk}/lines/", after="x").status_code == 400


def test_a_provider_is_changed_without_its_secrets_going_out(call: Call, admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from remediation.providers import base

    monkeypatch.setitem(base.PROVIDERS, "fake", "remediation.tests.test_show_cases.Locked")
    body = {"name": "lab", "kind": "fake", "config": {}, "secrets": {"password": "hunter2hunter2"}}
    made = call(admin, "post", "providers/", body)
    assert made.status_code == 201
    assert made.json()["stored_secrets"] == ["password"]
    changed = call(admin, "patch", f"providers/{made.json()['id']}/", {"enabled": False})
    assert (changed.json()["health"], changed.json()["stored_secrets"]) == ("disabled", ["password"])
    assert "hunter2hunter2" not in str(made.json()) + str(changed.json()) + str(list(AuditEntry.objects.values("before", "after")))
    refused = call(admin, "patch", f"providers/{made.json()['id']}/", {"config": {"colour": "red"}})
    assert refused.status_code == 400


def test_a_provider_that_is_in_use_is_not_deleted(call: Call, admin: Any, tame: Provider) -> None:
    Step.objects.create(execution=a_case(state="running"), position=0, name="a", title="A", kind="action", provider=tame, state="running")
    assert call(admin, "delete", f"providers/{tame.pk}/").status_code == 409
    Execution.objects.update(state="cancelled")
    assert call(admin, "delete", f"providers/{tame.pk}/").status_code == 204
    assert AuditEntry.objects.filter(action="provider.deleted").exists()


def test_the_switch_needs_a_reason_and_a_scope_that_is_there(call: Call, approver: Any, tame: Provider) -> None:
    assert call(approver, "post", "switches/", {"scope": "all", "on": True}).status_code == 400
    assert call(approver, "post", "switches/", {"scope": "provider:99", "on": True, "reason": "x"}).status_code == 400
    answer = call(approver, "post", "switches/", {"scope": f"provider:{tame.pk}", "on": True, "reason": "audit"})
    assert answer.json()["on"] is True
    assert switches.stopped(tame.pk) is not None
    assert switches.stopped() is None
