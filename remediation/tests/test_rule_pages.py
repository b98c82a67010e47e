"""Pages of automation rules and of the policy: who may, what they show, what they store."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from remediation import decisions, matching, policy_table, rulebook
from remediation.models import AutomationRule, PolicyRow, Provider, RuleDecision, Runbook
from remediation.tests.cases import alert, execution, rule, runbook, tame

__all__ = ["tame"]
pytestmark = pytest.mark.django_db
FORM = {
    "name": "Clean disks", "id": "clean-disks", "enabled": "on", "alertname": "DiskFull, DiskSlow", "labels": "service=~check.*\nsite!=lab",
    "severity": ["high", "critical"], "hours": "22-6", "cooldown": "30m", "failures": "2", "runbook": "sweep",
    "parameters": "path: {{ alert.labels.mountpoint }}", "maintenance": "hold", "silenced": "allow",
}  # fmt: skip


@pytest.fixture
def book(tame: Provider) -> Runbook:
    rulebook.forget()
    return runbook()


@pytest.fixture
def page(operator: Any, client_of: Callable[[Any], Client]) -> Client:
    return client_of(operator)


@pytest.mark.parametrize("name", ["automation-rules", "automation-rules-export", "policy"])
@pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin"])
def test_everybody_sees_rules_and_policy(name: str, role: str, request: pytest.FixtureRequest, client_of: Callable[[Any], Client]) -> None:
    assert client_of(request.getfixturevalue(role)).get(reverse(name)).status_code == 200


@pytest.mark.parametrize(
    "name", ["automation-rules", "automation-rules-export", "policy", "automation-rule-new", "automation-rules-import"]
)
def test_a_stranger_is_sent_to_sign_in(name: str, client: Client) -> None:
    assert client.get(reverse(name)).status_code == 302


def test_a_viewer_changes_nothing(viewer: Any, client_of: Callable[[Any], Client], book: Runbook) -> None:
    ruled, seen = rule(book=book), client_of(viewer)
    assert b"New rule" not in seen.get(reverse("automation-rules")).content
    for name, given in (("automation-rule-edit", {}), ("automation-rule-act", {"verb": "delete"})):
        assert seen.post(reverse(name, args=[ruled.pk]), given).status_code == 403
    for name in ("automation-rule-new", "automation-rules-import"):
        assert seen.get(reverse(name)).status_code == 403
    assert seen.post(reverse("automation-rules-switch"), {"rule": ruled.pk, "to": "off"}).status_code == 403
    ruled.refresh_from_db()
    assert ruled.enabled


def test_a_form_becomes_a_rule_and_the_rule_a_form(page: Client, book: Runbook) -> None:
    answer = page.post(reverse("automation-rule-new"), FORM)
    made = AutomationRule.objects.get()
    assert answer.status_code == 302
    assert made.match == {
        "alertname": ["DiskFull", "DiskSlow"], "severity": ["high", "critical"], "time": {"hours": [22, 6]},
        "labels": [{"name": "service", "op": "=~", "value": "check.*"}, {"name": "site", "op": "!=", "value": "lab"}],
    }  # fmt: skip
    assert made.guards == {"cooldown": "30m", "breaker": {"failures": 2}, "silenced": "allow"}
    assert made.parameters == {"path": "{{ alert.labels.mountpoint }}"}
    assert made.dry_run is False
    shown = page.get(reverse("automation-rule-edit", args=[made.pk])).content.decode()
    assert "service=~check.*" in shown
    assert "22-6" in shown
    page.post(reverse("automation-rule-edit", args=[made.pk]), {**FORM, "cooldown": "10m"})
    made.refresh_from_db()
    assert made.guards["cooldown"] == "10m"
    assert AuditEntry.objects.get(action="automation_rule.changed").actor == "operator"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "This field is required."),
        ({"cooldown": "soon"}, "cooldown is a duration, for example 15m."),
        ({"labels": "nonsense"}, "is no matcher; write service=checkout."),
        ({"hours": "night"}, "Hours are two whole numbers, as 22-6."),
        ({"runbook": ""}, "A rule has a runbook or an action, and not both."),
        ({"parameters": "- a"}, "Write name: value on each line."),
        ({"parameters": "colour: 1"}, "The runbook has no parameter colour"),
        ({"labels": "a=~("}, "The label a"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_at_its_field(page: Client, book: Runbook, change: dict[str, Any], sentence: str) -> None:
    answer = page.post(reverse("automation-rule-new"), {**FORM, **change})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not AutomationRule.objects.exists()


def test_yaml_is_written_as_it_is_read(page: Client, book: Runbook) -> None:
    url = reverse("automation-rule-new") + "?as=yaml"
    assert "clean-full-disks" in page.get(url).content.decode()
    assert page.post(url, {"text": "id: a\nmatch: {x: y}\nrunbook: nobody"}).status_code == 422
    assert page.post(url, {"text": "id: a\nmatch: {x: y}\nrunbook: sweep"}).status_code == 302
    made = AutomationRule.objects.get()
    answer = page.post(reverse("automation-rule-edit", args=[made.pk]) + "?as=yaml", {"text": "id: b\nmatch: {x: y}\nrunbook: sweep"})
    assert "The id of a rule stays: this one is a." in answer.content.decode()


def test_rules_are_switched_one_and_many(page: Client, book: Runbook) -> None:
    first, second = rule("a", book), rule("b", book)
    page.post(reverse("automation-rules-switch"), {"rule": [first.pk, second.pk], "to": "rehearse"})
    page.post(reverse("automation-rules-switch"), {"one": f"{first.pk}:off", "next": "//evil.example"})
    assert list(AutomationRule.objects.order_by("key").values_list("enabled", "dry_run")) == [(False, True), (True, True)]
    assert page.post(reverse("automation-rules-switch"), {"rule": first.pk, "to": "blue"}).status_code == 400
    assert page.post(reverse("automation-rules-switch"), {"to": "on"}).status_code == 400


def test_a_rule_is_moved_reset_and_deleted(page: Client, book: Runbook) -> None:
    rule("a", book, position=1)
    second = rule("b", book, position=2)
    url = reverse("automation-rule-act", args=[second.pk])
    page.post(url, {"verb": "up"})
    assert AutomationRule.objects.first() == second
    page.post(url, {"verb": "reset"})
    second.refresh_from_db()
    assert second.breaker_reset_at is not None
    assert page.post(url, {"verb": "x"}).status_code == 400
    page.post(url, {"verb": "delete"})
    assert AutomationRule.objects.count() == 1


def test_the_list_narrows_and_counts(page: Client, book: Runbook, django_assert_max_num_queries: Any) -> None:
    rule("disks", book)
    rule("memory", book, {"alertname": "OutOfMemory"}, dry_run=True)
    rule("odd", book, {"severity": "purple"})
    for number in range(20):
        rule(f"r{number}", book, enabled=False)
    with django_assert_max_num_queries(25):
        shown = page.get(reverse("automation-rules"), {"q": "outofmemory"}).content.decode()
    assert "Memory" in shown
    assert "Disks" not in shown
    assert page.get(reverse("automation-rules"), {"state": "broken"}).context["page"].object_list[0].rule.key == "odd"
    assert page.get(reverse("automation-rules"), {"state": "purple"}).status_code == 400


def test_a_rule_says_why_and_why_not(page: Client, book: Runbook) -> None:
    ruled, fired = rule(book=book), alert()
    rule("other", book, {"alertname": "CpuHigh"})
    matching.cursor()
    ready = rulebook.ready(ruled)
    matching.decide(fired, timezone.now(), [(ready, ready.ask(matching.match.seen(fired, timezone.now())))])
    told = RuleDecision.objects.get()
    shown = page.get(reverse("automation-rule", args=[ruled.pk])).content.decode()
    assert told.execution
    assert told.execution.number in shown
    assert page.get(reverse("automation-rule", args=[ruled.pk]), {"outcome": "held"}).context["page"].paginator.count == 0
    assert page.get(reverse("automation-rule", args=[ruled.pk]), {"outcome": "x"}).status_code == 400
    shown = page.get(reverse("automation-why", args=[fired.pk])).content.decode()
    assert "The alert is DiskFull; the rule is for CpuHigh." in shown
    assert page.get(reverse("automation-why", args=[fired.pk + 1])).status_code == 404


def test_an_open_breaker_is_shown_with_its_reset(page: Client, book: Runbook) -> None:
    ruled = rule(book=book)
    for _ in range(3):
        execution(rule=ruled, state="escalated", escalated_at=timezone.now())
    shown = page.get(reverse("automation-rule", args=[ruled.pk])).content.decode()
    assert "The breaker is open" in shown
    assert "0 of 3 verified, 3 failed" in shown


def test_a_file_is_imported_or_only_looked_at(page: Client, book: Runbook) -> None:
    url, text = reverse("automation-rules-import"), "id: a\nmatch: {x: y}\nrunbook: sweep"
    assert "What would be done" in page.post(url, {"text": text, "verb": "check"}).content.decode()
    assert not AutomationRule.objects.exists()
    page.post(url, {"text": text, "verb": "import"})
    assert "id: a" in page.get(reverse("automation-rules-export")).content.decode()
    assert page.post(url, {"text": "a: ["}).status_code == 422


def test_the_policy_is_explained_and_tried(viewer: Any, client_of: Callable[[Any], Client]) -> None:
    policy_table.install()
    PolicyRow.objects.create(name="Odd", position=99, conditions={"colour": 1}, verdict="two")
    page = client_of(viewer)
    shown = page.get(reverse("policy")).content.decode()
    assert "There is no condition colour" in shown
    assert "Change the table" not in shown
    given = {
        "action": "critical",
        "reversible": "none",
        "reach": 40,
        "verified": 0,
        "unverified": 0,
        "failed": 0,
        "kind": "real",
        "by": "rule",
    }
    assert page.get(reverse("policy"), given).context["decision"].verdict == "forbidden"
    assert page.get(reverse("policy"), {**given, "reach": "many"}).status_code == 422


def test_the_table_is_edited_in_admin_and_checked(admin: Any, client_of: Callable[[Any], Client]) -> None:
    page, url = client_of(admin), reverse("admin:remediation_policyrow_add")
    given = {"position": 1, "name": "Freeze", "conditions": '{"from": "2026-12-18"}', "verdict": "two", "enabled": "on"}
    assert page.post(url, {**given, "conditions": '{"colour": 1}'}).status_code == 200
    assert not PolicyRow.objects.exists()
    assert page.post(url, given).status_code == 302
    assert PolicyRow.objects.get().conditions == {"from": "2026-12-18"}
    assert AuditEntry.objects.filter(object_text="Freeze").exists()
    assert page.get(reverse("admin:remediation_policyrow_changelist")).status_code == 200


def test_looking_up_in_admin(admin: Any, client_of: Callable[[Any], Client], book: Runbook) -> None:
    ruled = rule(book=book)
    decisions.Writer(alert(), timezone.now()).add(ruled, "held")
    for name in ("automationrule", "ruledecision", "execution"):
        assert client_of(admin).get(reverse(f"admin:remediation_{name}_changelist")).status_code == 200
