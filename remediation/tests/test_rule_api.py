"""Automation rules and the policy through the API: who may, and the same checks as for files."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from remediation import decisions, policy_table, rulebook
from remediation.models import AutomationRule, Provider
from remediation.tests.cases import alert, rule, runbook, tame

__all__ = ["tame"]
pytestmark = pytest.mark.django_db
URL = "/api/v1/remediation"
GIVEN = {"key": "a", "name": "A", "match": {"alertname": "DiskFull"}, "runbook": "sweep", "guards": {"cooldown": "5m"}}


@pytest.fixture
def call(operator: Any, token_of: Callable[..., str], tame: Provider) -> Callable[..., Any]:
    rulebook.forget()
    runbook()
    return caller(token_of(operator, "monitoring:read", "remediation:execute"))


def caller(token: str) -> Callable[..., Any]:
    client = Client(headers={"Authorization": f"Bearer {token}"})
    return lambda verb, path, data=None: getattr(client, verb)(f"{URL}{path}", data, content_type="application/json")


def test_a_rule_is_added_changed_and_deleted(call: Callable[..., Any]) -> None:
    made = call("post", "/rules/", GIVEN)
    assert made.status_code == 201, made.json()
    pk = made.json()["id"]
    assert call("patch", f"/rules/{pk}/", {"enabled": False, "guards": {}}).json()["guards"] == {}
    action = {"action": {"provider": "tame", "verb": "sweep", "params": {"path": "/x"}}}
    changed = call("patch", f"/rules/{pk}/", action).json()
    assert (changed["runbook"], changed["enabled"], changed["action"]["verb"]) == (None, False, "sweep")
    assert call("get", "/rules/").json()["results"][0]["key"] == "a"
    assert call("post", f"/rules/{pk}/reset/").json()["breaker_reset_at"]
    assert call("delete", f"/rules/{pk}/").status_code == 204
    assert not AutomationRule.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"match": {"severity": "odd"}}, "match"), ({"runbook": "nobody"}, "runbook"), ({"guards": {"x": 1}}, "guards"),
        ({"key": "a b"}, "key"),
        ({"runbook": None}, "runbook"), ({"parameters": {"colour": 1}}, "parameters"), ({"position": -1}, "position"),
        ({"match": 3}, "match"),
        ({"action": {"provider": "nobody", "verb": "x"}, "runbook": None}, "action"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_input_names_its_field(call: Callable[..., Any], change: dict[str, Any], field: str) -> None:
    answer = call("post", "/rules/", {**GIVEN, **change})
    assert answer.status_code == 400
    assert field in str(answer.json())


def test_a_second_of_one_key_and_another_key_are_refused(call: Callable[..., Any]) -> None:
    pk = call("post", "/rules/", GIVEN).json()["id"]
    assert call("post", "/rules/", GIVEN).status_code == 400
    assert call("patch", f"/rules/{pk}/", {"key": "b"}).status_code == 400


def test_why_is_told_by_rule_and_by_alert(call: Callable[..., Any]) -> None:
    ruled, fired = rule(action={"provider": "tame", "verb": "erase"}), alert()
    written = decisions.Writer(fired, timezone.now())
    written.add(ruled, "held", "cooldown", "It was done a moment ago.")
    written.write()
    assert call("get", f"/rules/{ruled.pk}/decisions/").json()["results"][0]["step"] == "cooldown"
    assert call("get", f"/rules/{ruled.pk}/decisions/?outcome=proposed").json()["results"] == []
    assert call("get", f"/rules/{ruled.pk}/decisions/?outcome=x").status_code == 400
    (told,) = call("get", f"/rules/why/{fired.pk}/").json()
    assert (told["rule"], told["outcome"], told["reason"]) == ("clean", "held", "It was done a moment ago.")
    assert call("get", f"/rules/why/{fired.pk + 1}/").status_code == 404


def test_a_file_is_imported(call: Callable[..., Any]) -> None:
    text = "- id: a\n  match: {x: y}\n  runbook: sweep\n- id: b\n"
    answer = call("post", "/rules/import/", {"text": text}).json()
    assert (answer["added"], answer["refused"][0]["rule"]) == (["a"], "b")
    assert call("post", "/rules/import/", {"text": "a: ["}).status_code == 400


def test_the_policy_is_read_and_tried(call: Callable[..., Any]) -> None:
    policy_table.install()
    assert call("get", "/policy/").json()["results"][0]["verdict"] == "forbidden"
    told = call("post", "/policy/try/", {"action": "critical"}).json()
    assert (told["verdict"], told["needed"], len(told["factors"])) == ("two", 2, 5)
    assert call("post", "/policy/try/", {"action": "purple"}).status_code == 400


@pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin"])
def test_who_may(role: str, request: pytest.FixtureRequest, token_of: Callable[..., str], tame: Provider) -> None:
    runbook()
    scopes = ["monitoring:read"] if role == "viewer" else ["monitoring:read", "remediation:execute"]
    call = caller(token_of(request.getfixturevalue(role), *scopes))
    assert call("get", "/rules/").status_code == 200
    assert call("post", "/policy/try/", {"action": "low"}).status_code == 200
    made = call("post", "/rules/", GIVEN)
    assert made.status_code == (403 if role == "viewer" else 201)


def test_a_stranger_is_refused(client: Client, db: None) -> None:
    assert client.get(f"{URL}/rules/").status_code == 401
    assert client.get(f"{URL}/policy/").status_code == 401
