"""Pages of cases, approvals and providers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry
from aiops import navigation
from aiops.plugin_forms import ConfigForm
from monitoring.dashboards import palette
from monitoring.models import Incident, IncidentAlert
from remediation import approvals, execute, policy, switches
from remediation.models import Approval, Execution, KillSwitch, LogLine, Provider, RuleDecision, Step
from remediation.tests import cases, stage
from remediation.tests.cases import engine_off as engine_off
from remediation.tests.cases import tame as tame

Client = Any


class Locked(stage.Fake):
    class Config(ConfigForm):
        password = forms.CharField(required=False)


PLAN = {
    "title": "Restart db-1", "target": "db-1", "risk": "medium",
    "steps": [
        {"id": "restart", "title": "Restart the service", "kind": "action",
         "action": {"provider": "tame", "verb": "restart", "params": {"service": "db"}},
         "undo": {"provider": "tame", "verb": "restart", "params": {"service": "db"}}},
        {"id": "wait", "title": "Wait a little", "kind": "wait", "seconds": 90.0},
    ],
    "success": [{"query": "up{job=\"db\"} == 1", "name": "It is up", "hold": 60.0}],
}  # fmt: skip
DECISION = policy.decide(policy.Inputs(at=datetime(2026, 11, 20, 11), action="medium", reversible="all"), ()).to_json()


def a_case(**fields: Any) -> Execution:
    made = cases.execution(**{"title": "Restart db-1", "plan": PLAN, "decision": DECISION, "score": 24, **fields})
    execute.begun(made, "as asked")
    return made


def asked(needed: int = 1, **fields: Any) -> Approval:
    return approvals.ask(a_case(**fields), needed, timedelta(minutes=22))


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


# -- who may ---------------------------------------------------------------------------------------------------------------
def pages(asked: Approval, provider: Provider) -> list[str]:
    case = asked.execution_id
    return [
        reverse("approvals"), reverse("executions"), reverse("execution", args=[case]), reverse("execution-lines", args=[case]),
        reverse("execution-output", args=[case]), reverse("execution-chart", args=[case]), reverse("providers"),
        reverse("provider", args=[provider.pk]),
    ]  # fmt: skip


def test_everybody_who_is_signed_in_sees_cases(
    client_of: Callable[..., Client], viewer: Any, operator: Any, approver: Any, admin: Any, tame: Provider
) -> None:
    one = asked()
    for person in (viewer, operator, approver, admin):
        for url in pages(one, tame):
            assert client_of(person).get(url).status_code == 200, (person.role, url)


def test_a_stranger_is_sent_to_sign_in(client_of: Callable[..., Client], stranger: Any, tame: Provider) -> None:
    one = asked()
    for url in [*pages(one, tame), reverse("remediate"), reverse("provider-add")]:
        answer = client_of(stranger).get(url)
        assert answer.status_code == 302
        assert "/accounts/login" in answer["Location"] or "login" in answer["Location"]


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("approval-vote", {"approver", "admin"}),
        ("approval-withdraw", {"operator", "approver", "admin"}),
        ("execution-act", {"operator", "approver", "admin"}),
        ("remediation-switch", {"approver", "admin"}),
        ("provider-check", {"operator", "approver", "admin"}),
        ("provider-disable", {"admin"}),
        ("provider-edit", {"admin"}),
        ("provider-delete", {"admin"}),
    ],
)
def test_only_who_may_changes_something(
    name: str,
    roles: set[str],
    client_of: Callable[..., Client],
    viewer: Any,
    operator: Any,
    approver: Any,
    admin: Any,
    stranger: Any,
    tame: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cases.Tame, "check", lambda self: "here")
    one = asked()
    args = {"approval": [one.pk], "execution": [one.execution_id], "provider": [tame.pk]}.get(name.partition("-")[0], [])
    for person in (viewer, operator, approver, admin):
        status = client_of(person).post(reverse(name, args=args), {"verb": "x"}).status_code
        assert (status == 403) == (person.role not in roles), (person.role, status)
    Provider.objects.get_or_create(pk=tame.pk, defaults={"name": "tame", "kind": "tame"})
    assert client_of(stranger).post(reverse(name, args=args)).status_code == 302


# -- the queue -------------------------------------------------------------------------------------------------------------
def test_the_card_says_what_would_run_and_how_risky_it_is(client_of: Callable[..., Client], approver: Any) -> None:
    asked(preview={"steps": [{"step": "restart", "sentence": "would restart db", "diff": "- old\n+ new"}]})
    page = text(client_of(approver).get(reverse("approvals")))
    for words in (
        "Restart the service",
        "would restart db",
        "tame restart service=db",
        "Blast radius",
        "It is up for 1",
        "22",
        "Approve and run",
    ):
        assert words in page
    assert '<span class="add">+ new</span>' in page


def test_what_an_alert_says_is_only_text_on_the_card(client_of: Callable[..., Client], approver: Any) -> None:
    asked(title="<script>alert(1)</script>{{ 7*7 }}", target="<b>db</b>")
    page = text(client_of(approver).get(reverse("approvals")))
    assert "<script>alert(1)" not in page
    assert "&lt;b&gt;db&lt;/b&gt;" in page


def test_an_approver_lets_it_run_with_a_comment(
    client_of: Callable[..., Client], approver: Any, operator: Any, engine_off: list[int]
) -> None:
    one = asked(requested_by=operator, requester="operator")
    answer = client_of(approver).post(
        reverse("approval-vote", args=[one.pk]), {"verb": "approve", "comment": "go", "back": "approvals"}, follow=True
    )
    one.refresh_from_db()
    assert (one.state, one.execution.state) == ("granted", "approved")
    assert f"{one.execution.number} is approved" in text(answer)
    assert AuditEntry.objects.filter(action="approval.yes", user_id=approver.pk).exists()


def test_a_denial_ends_it(client_of: Callable[..., Client], approver: Any) -> None:
    one = asked()
    client_of(approver).post(reverse("approval-vote", args=[one.pk]), {"verb": "deny", "comment": "not today"})
    one.execution.refresh_from_db()
    assert one.execution.state == "denied"
    page = text(client_of(approver).get(reverse("execution", args=[one.execution_id])))
    assert "not today" in page


def test_nobody_approves_what_they_asked_for(client_of: Callable[..., Client], approver: Any) -> None:
    one = asked(requested_by=approver, requester="approver")
    client = client_of(approver)
    assert "You asked for this, so someone else must approve" in text(client.get(reverse("approvals")))
    client.post(reverse("approval-vote", args=[one.pk]), {"verb": "approve"})
    one.refresh_from_db()
    assert one.state == "waiting"
    assert AuditEntry.objects.filter(action="approval.refused", user_id=approver.pk).exists()


def test_two_approvers_are_two_people(client_of: Callable[..., Client], approver: Any, admin: Any, engine_off: list[int]) -> None:
    one = asked(needed=2)
    url = reverse("approval-vote", args=[one.pk])
    client_of(approver).post(url, {"verb": "approve"})
    client_of(approver).post(url, {"verb": "approve"})
    assert Approval.objects.get(pk=one.pk).state == "waiting"
    assert "You have answered already" in text(client_of(approver).get(reverse("approvals")))
    client_of(admin).post(url, {"verb": "approve"})
    assert Approval.objects.get(pk=one.pk).state == "granted"


def test_who_asked_withdraws(client_of: Callable[..., Client], operator: Any) -> None:
    one = asked(requested_by=operator, requester="operator")
    client_of(operator).post(reverse("approval-withdraw", args=[one.pk]))
    one.refresh_from_db()
    assert (one.state, one.execution.state) == ("withdrawn", "cancelled")


def test_somebody_elses_proposal_is_not_withdrawn_by_an_operator(client_of: Callable[..., Client], operator: Any, admin: Any) -> None:
    one = asked(requested_by=admin, requester="admin")
    client_of(operator).post(reverse("approval-withdraw", args=[one.pk]))
    one.refresh_from_db()
    assert one.state == "waiting"


def test_a_vote_that_is_neither_yes_nor_no_is_refused(client_of: Callable[..., Client], approver: Any) -> None:
    answer = client_of(approver).post(reverse("approval-vote", args=[asked().pk]), {"verb": "perhaps"})
    assert answer.status_code == 400
    assert "approve or deny" in text(answer)


# -- the list --------------------------------------------------------------------------------------------------------------
def test_the_list_is_filtered_searched_and_sorted(client_of: Callable[..., Client], viewer: Any) -> None:
    a_case(title="Sweep /tmp", target="web-7", risk="low")
    a_case(title="Cordon a node", target="node-9", risk="high", target_key="n", state="succeeded", verification="held")
    client, url = client_of(viewer), reverse("executions")
    assert "Sweep /tmp" in text(client.get(url, {"q": "web-7"}))
    assert "Cordon a node" not in text(client.get(url, {"risk": "low"}))
    assert "Sweep /tmp" not in text(client.get(url, {"show": "over"}))
    page = text(client.get(url, {"sort": "-risk"}))
    assert page.index("Cordon a node") < page.index("Sweep /tmp")


@pytest.mark.parametrize("query", ["state=nowhere", "sort=colour", "show=some", "alert=x", "since=1y", "runbook=a", "q=%00"])
def test_what_the_list_cannot_read_is_refused_in_words(query: str, client_of: Callable[..., Client], viewer: Any) -> None:
    assert client_of(viewer).get(f"{reverse('executions')}?{query}").status_code == 400


def test_the_list_says_how_often_a_runbook_helped(client_of: Callable[..., Client], viewer: Any, tame: Provider) -> None:
    book = cases.runbook()
    for held in (True, True, False):
        state = "succeeded" if held else "escalated"
        a_case(runbook=book, state=state, verification="held" if held else "not_held")
    assert "2 of 3 verified" in text(client_of(viewer).get(reverse("executions")))


# -- one case --------------------------------------------------------------------------------------------------------------
def run(case: Execution, **fields: Any) -> Step:
    usual = {"position": 0, "name": "restart", "title": "Restart the service", "kind": "action", "state": "succeeded"}
    return Step.objects.create(execution=case, **{**usual, **fields})


def test_the_case_tells_its_states_steps_and_an_unbroken_chain(
    client_of: Callable[..., Client], approver: Any, viewer: Any, engine_off: list[int]
) -> None:
    one = asked()
    approvals.vote(one, approver, True, "go on")
    step = run(one.execution)
    LogLine.objects.create(step=step, text="restarted <db>", level="ok")
    page = text(client_of(viewer).get(reverse("execution", args=[one.execution_id])))
    for words in ("Approved", "restarted &lt;db&gt;", "go on", "Unbroken", "proposed it", "said yes", "Working hours", "It is up"):
        assert words.lower() in page.lower(), words


def test_a_chain_that_was_tampered_with_is_called_broken(client_of: Callable[..., Client], viewer: Any) -> None:
    from django.db import connection

    from accounts import audit_guard

    one = a_case()
    entry = AuditEntry.objects.get(object_type="remediation.execution", object_id=str(one.pk))
    audit_guard.remove(connection)
    AuditEntry.objects.filter(pk=entry.pk).update(actor="nobody")
    audit_guard.install(connection)
    assert f"Broken at #{entry.pk}" in text(client_of(viewer).get(reverse("execution", args=[one.pk])))


def test_lines_are_read_on_from_the_last(client_of: Callable[..., Client], viewer: Any) -> None:
    step = run(a_case(), state="running")
    first, second = (LogLine.objects.create(step=step, text=f"line {n}") for n in (1, 2))
    url = reverse("execution-lines", args=[step.execution_id])
    found = client_of(viewer).get(url, {"after": first.pk}).json()["lines"]
    assert [(one["id"], one["step"], one["text"]) for one in found] == [(second.pk, step.pk, "line 2")]
    assert client_of(viewer).get(url, {"after": "x"}).status_code == 400


def test_all_of_the_output_is_downloaded(client_of: Callable[..., Client], viewer: Any) -> None:
    step = run(a_case())
    LogLine.objects.bulk_create([LogLine(step=step, text=f"line {n}", level="warning") for n in range(400)])
    answer = client_of(viewer).get(reverse("execution-output", args=[step.execution_id]))
    said = b"".join(answer.streaming_content).decode()
    assert said.count("warning: line") == 400
    assert answer["Content-Disposition"].startswith("attachment")


def test_the_chart_says_why_there_is_none(client_of: Callable[..., Client], viewer: Any) -> None:
    bare = a_case(plan={"title": "x", "target": "y"})
    for case, words in ((bare, "Nothing is measured"), (a_case(), "no samples")):
        assert words in client_of(viewer).get(reverse("execution-chart", args=[case.pk])).json()["note"]


def test_a_plan_of_another_make_does_not_break_the_page(client_of: Callable[..., Client], viewer: Any) -> None:
    case = a_case(plan={"steps": 7}, decision={"factors": "?"}, evidence={"links": [{"text": "x", "url": "//evil"}]}, checks=["?"])
    assert client_of(viewer).get(reverse("execution", args=[case.pk])).status_code == 200


def test_cancelling_needs_a_reason_and_is_written_down(client_of: Callable[..., Client], operator: Any) -> None:
    case, client = a_case(), client_of(operator)
    url = reverse("execution-act", args=[case.pk])
    assert "Say why" in text(client.post(url, {"verb": "cancel"}, follow=True))
    client.post(url, {"verb": "cancel", "reason": "wrong host"})
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("cancelled", "wrong host")
    assert AuditEntry.objects.filter(action="execution.cancelled", user_id=operator.pk).exists()
    assert "is over" in text(client.post(url, {"verb": "cancel", "reason": "again"}, follow=True))


def test_what_helped_is_taken_back_by_a_person(client_of: Callable[..., Client], operator: Any, engine_off: list[int]) -> None:
    case = a_case(state="succeeded", started_at=timezone.now(), finished_at=timezone.now())
    client = client_of(operator)
    assert "Take it back" in text(client.get(reverse("execution", args=[case.pk])))
    client.post(reverse("execution-act", args=[case.pk]), {"verb": "roll_back", "reason": "it hurts"})
    case.refresh_from_db()
    assert case.undo_asked_by == operator.name


# -- providers and switches ------------------------------------------------------------------------------------------------
def test_a_provider_is_added_without_showing_its_secret(
    client_of: Callable[..., Client], admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remediation.providers import base

    monkeypatch.setitem(base.PROVIDERS, stage.KIND, "remediation.tests.test_show_cases.Locked")
    client = client_of(admin)
    assert client.get(reverse("provider-add") + "?kind=fake").status_code == 200
    client.post(reverse("provider-add") + "?kind=fake", {"name": "lab", "enabled": "on", "config-password": "hunter2hunter2"})
    made = Provider.objects.get(name="lab")
    assert made.secrets["password"] == "hunter2hunter2"
    for url in (reverse("provider", args=[made.pk]), reverse("provider-edit", args=[made.pk])):
        assert "hunter2hunter2" not in text(client.get(url))
    entry = AuditEntry.objects.get(action="provider.added")
    assert "hunter2hunter2" not in str(entry.after)


def test_checking_says_what_the_system_says(
    client_of: Callable[..., Client], operator: Any, tame: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases.Tame, "check", lambda self: "version 3, as aiops")
    client_of(operator).post(reverse("provider-check", args=[tame.pk]))
    tame.refresh_from_db()
    assert (tame.health, tame.check_detail) == ("ok", "version 3, as aiops")

    def refused(self: Any) -> str:
        raise cases.ActionError("the token is refused", permanent=True)

    monkeypatch.setattr(cases.Tame, "check", refused)
    answer = client_of(operator).post(reverse("provider-check", args=[tame.pk]), headers={"HX-Request": "true"})
    assert "The token is refused" in text(answer)
    tame.refresh_from_db()
    assert tame.health == "failing"


def test_everything_is_stopped_with_a_reason_and_released(client_of: Callable[..., Client], approver: Any, viewer: Any) -> None:
    client, url = client_of(approver), reverse("remediation-switch")
    client.post(url, {"scope": "all", "verb": "stop"})
    assert switches.stopped() is None
    client.post(url, {"scope": "all", "verb": "stop", "reason": "change freeze"})
    assert KillSwitch.objects.get(scope="all").reason == "change freeze"
    assert "Remediation is stopped" in text(client_of(viewer).get(reverse("approvals")))
    client.post(url, {"scope": "all", "verb": "release"})
    assert switches.stopped() is None
    assert AuditEntry.objects.filter(action="remediation.stopped", user_id=approver.pk).exists()


@pytest.mark.parametrize(("scope", "status"), [("provider:99", 404), ("provider:x", 400), ("", 400)])
def test_a_scope_that_is_not_there_is_refused(scope: str, status: int, client_of: Callable[..., Client], approver: Any) -> None:
    assert client_of(approver).post(reverse("remediation-switch"), {"scope": scope, "verb": "release"}).status_code == status


# -- proposing by hand -----------------------------------------------------------------------------------------------------
def test_an_operator_proposes_for_an_alert(
    client_of: Callable[..., Client], operator: Any, viewer: Any, tame: Provider, engine_off: list[int]
) -> None:
    book, alert = cases.runbook(fits={"alerts": ["Disk*"]}), cases.alert(resource=cases.host())
    client, url = client_of(operator), reverse("remediate-with", args=[book.pk])
    assert "Made for this" in text(client.get(reverse("remediate"), {"alert": alert.pk}))
    assert 'value="/var"' in text(client.get(url, {"alert": alert.pk}))
    sent = {"alert": alert.pk, "p-path": "/var/tmp", "verb": "preview"}
    preview = text(client.post(url, sent, headers={"HX-Request": "true"}))
    assert "would do it" in preview
    assert not Execution.objects.exists()
    answer = client.post(url, {**sent, "verb": "propose"})
    made = Execution.objects.get()
    assert answer["Location"] == reverse("execution", args=[made.pk])
    assert (made.requested_by, made.parameters, made.alert) == (operator, {"path": "/var/tmp"}, alert)
    assert client_of(viewer).get(reverse("remediate")).status_code == 403


def test_what_is_missing_is_said_beside_its_field(client_of: Callable[..., Client], operator: Any, tame: Provider) -> None:
    book = cases.runbook(parameters=[{"name": "path", "required": True, "label": "Directory"}])
    answer = client_of(operator).post(reverse("remediate-with", args=[book.pk]), {"verb": "propose", "target": "db-1"})
    assert answer.status_code == 422
    assert "Directory has to be given" in text(answer)
    assert not Execution.objects.exists()


def test_a_value_that_looks_like_a_template_stays_a_value(
    client_of: Callable[..., Client], operator: Any, tame: Provider, engine_off: list[int]
) -> None:
    book = cases.runbook()
    client_of(operator).post(reverse("remediate-with", args=[book.pk]), {"verb": "propose", "target": "db-1", "p-path": "{{ 7 * 7 }}"})
    assert Execution.objects.get().parameters == {"path": "{{ 7 * 7 }}"}


@pytest.mark.parametrize(("query", "status"), [("alert=x", 400), ("alert=99", 404), ("resource=99", 404), ("incident=-1", 400)])
def test_a_subject_that_is_not_there_is_refused(query: str, status: int, client_of: Callable[..., Client], operator: Any) -> None:
    assert client_of(operator).get(f"{reverse('remediate')}?{query}").status_code == status


# -- parts of other pages --------------------------------------------------------------------------------------------------
def test_other_pages_show_their_cases_and_what_could_be_done(
    client_of: Callable[..., Client], operator: Any, viewer: Any, tame: Provider
) -> None:
    alert = cases.alert(resource=cases.host())
    incident = Incident.objects.create(
        title="Full", severity="high", root_alert=alert, started_at=timezone.now(), detected_at=timezone.now()
    )
    IncidentAlert.objects.create(incident=incident, alert=alert)
    cases.runbook(fits={"alerts": ["DiskFull"], "resources": ["host"]})
    case = a_case(alert=alert, resource=alert.resource)
    rule = cases.rule()
    RuleDecision.objects.create(rule=rule, alert=alert, firing=alert.fired_at, outcome="held", reason="it ran 5 min ago")
    for name, pk in (("alert", alert.pk), ("incident", incident.pk), ("resource", alert.resource_id)):
        page = text(client_of(operator).get(reverse(f"remediation-of-{name}", args=[pk])))
        assert case.number in page
        assert f"?{name}={pk}" in page
        assert "Remediate" not in text(client_of(viewer).get(reverse(f"remediation-of-{name}", args=[pk])))
        assert client_of(viewer).get(reverse(f"remediation-of-{name}", args=[999])).status_code == 404
    assert "it ran 5 min ago" in text(client_of(viewer).get(reverse("remediation-of-alert", args=[alert.pk])))


def test_the_rail_counts_what_waits_and_the_palette_offers_to_propose(viewer: Any, operator: Any) -> None:
    asked()
    assert navigation.badges(viewer)["approvals"].count == 1
    assert "Propose remediation" in str(palette.search(operator, "propose", False))
    assert "Propose remediation" not in str(palette.search(viewer, "propose", False))
