"""From what is asked for to a case that runs, waits for people, or is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.alerts.models import Silence
from monitoring.inventory.models import Dependency
from remediation import policy, policy_table, propose, track_record
from remediation.models import Execution, PolicyRow, Provider
from remediation.plan import Plan
from remediation.propose import Asked, ProposalError
from remediation.providers.base import ActionError
from remediation.tests.cases import ASKED, Tame, alert, engine_off, execution, host, rule, runbook, step, tame

__all__ = ["engine_off", "tame"]
State = Execution.State
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def table(tame: Provider, engine_off: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    from remediation import tasks

    policy_table.install()
    monkeypatch.setattr(tasks.work_out, "delay", lambda pk: WORKED_OUT.append(pk))
    WORKED_OUT.clear()


WORKED_OUT: list[int] = []


def test_a_low_action_of_a_rule_is_approved_at_once(engine_off: list[int], django_capture_on_commit_callbacks: Any) -> None:
    book, fired = runbook(), alert(resource=host())
    with django_capture_on_commit_callbacks(execute=True):
        row = propose.propose(Asked(runbook=book, alert=fired, rule=rule(book=book)))
    row.refresh_from_db()
    assert (row.state, row.requester, row.requested_by, row.cause) == (State.APPROVED, "rule Clean", None, "DiskFull")
    assert row.target_key == f"resource:{fired.resource_id}"
    assert row.parameters == {"path": "/var"}
    assert Plan.of(row.plan).steps[0].action.params == {"path": "/var"}
    assert engine_off == [row.pk]
    assert not row.approvals.exists()


def test_the_decision_is_kept_with_its_inputs_and_words() -> None:
    row = propose.propose(Asked(runbook=runbook(), alert=alert()))
    stored = policy.merged(row.decision)
    assert stored
    assert (stored.inputs.severity, stored.inputs.kind, stored.inputs.providers, stored.inputs.verbs) == (
        "high",
        "real",
        ("tame",),
        ("sweep",),
    )
    assert stored.words in row.transitions.order_by("id").values_list("reason", flat=True)
    assert row.evidence["alert"]["value"] == 97.0
    assert row.evidence["links"][0]["text"] == "DiskFull"


def test_a_medium_action_waits_for_an_approver(operator: Any) -> None:
    book = runbook("restart", step("restart", service="nginx"), parameters=[])
    row = propose.propose(Asked(runbook=book, resource=host()), operator)
    (asked,) = row.approvals.all()
    assert (row.state, row.requested_by, row.requester, row.cause) == (State.PROPOSED, operator, "operator", "manual")
    assert (asked.needed, asked.digest) == (1, Plan.of(row.plan).digest)
    assert AuditEntry.objects.filter(action="execution.proposed", user_id=operator.pk).exists()


def test_an_author_cannot_call_an_action_less_than_it_is() -> None:
    row = propose.propose(Asked(runbook=runbook("gone", step("erase"), parameters=[], risk="low"), target="disk 3"))
    assert row.decision["inputs"]["action"] == "critical"
    assert row.approvals.get().needed == 2


def test_what_policy_forbids_is_denied_and_says_why() -> None:
    PolicyRow.objects.create(name="Freeze", position=0, conditions={"from": "2020-01-01"}, verdict="forbidden")
    row = propose.propose(Asked(runbook=runbook(), alert=alert()))
    row.refresh_from_db()
    assert row.state == State.DENIED
    assert "it may not run, by the line “Freeze”" in row.outcome


def test_a_dry_run_never_waits(operator: Any) -> None:
    row = propose.propose(Asked(runbook=runbook("gone", step("erase"), parameters=[]), target="disk 3", dry_run=True), operator)
    row.refresh_from_db()
    assert (row.state, row.dry_run) == (State.APPROVED, True)


def test_one_action_of_a_provider_becomes_a_plan_of_one_step() -> None:
    fired = alert(resource=host("web-1"))
    ruled = rule(action={"provider": "tame", "verb": "sweep", "params": {"path": "{{ alert.labels.mountpoint }}/tmp"}})
    row = propose.propose(Asked(action=ruled.action, alert=fired, rule=ruled))
    assert (row.title, row.target) == ("Sweep a directory on web-1", "web-1")
    assert Plan.of(row.plan).steps[0].action.params == {"path": "/var/tmp"}


def test_what_a_person_writes_is_never_a_template(operator: Any) -> None:
    given = {"provider": "tame", "verb": "sweep", "params": {"path": "{{ alert.labels.instance }}"}}
    row = propose.propose(Asked(action=given, alert=alert()), operator)
    assert Plan.of(row.plan).steps[0].action.params == {"path": "{{ alert.labels.instance }}"}


def test_a_label_is_never_a_template() -> None:
    fired = alert(labels={"mountpoint": "/{{ alert.name }}{% if 1 %}"})
    book = runbook()
    row = propose.propose(Asked(runbook=book, alert=fired, rule=rule(book=book, parameters={"path": "{{ alert.labels.mountpoint }}"})))
    assert row.parameters == {"path": "/{{ alert.name }}{% if 1 %}"}


@pytest.mark.parametrize(
    ("asked", "sentence", "field"),
    [
        (lambda: Asked(), "Choose a runbook", "runbook"),
        (lambda: Asked(runbook=runbook(), target="x"), "path has to be given.", "path"),
        (lambda: Asked(runbook=runbook(), target="x", parameters={"colour": 1}), "There is no parameter 'colour'", "colour"),
        (lambda: Asked(action={"provider": "nobody", "verb": "x"}), "There is no provider nobody.", "action"),
        (lambda: Asked(action={"provider": "tame", "verb": "dance"}), "Tame cannot dance.", "action"),
        (lambda: Asked(action={"provider": "tame", "verb": "sweep"}), "path has to be given.", "path"),
        (lambda: Asked(runbook=runbook("odd", step("dance"), parameters=[]), target="x"),
         "Step “tame: dance”: Tame cannot dance.", "action"),
    ],
    ids=["nothing", "missing", "unknown", "no provider", "no verb", "no param", "no verb in a runbook"],
)  # fmt: skip
def test_what_cannot_be_proposed_says_why(asked: Any, sentence: str, field: str) -> None:
    with pytest.raises(ProposalError) as told:
        propose.propose(asked())
    assert told.value.sentence.startswith(sentence)
    assert told.value.field == field
    assert not Execution.objects.exists()


def test_a_runbook_that_is_off_is_not_proposed() -> None:
    book = runbook()
    book.enabled = False
    with pytest.raises(ProposalError, match="switched off"):
        propose.propose(Asked(runbook=book, alert=alert()))


def test_what_hangs_on_the_target_raises_the_risk() -> None:
    base, bus = host("base"), host("bus", kind="service")
    for number in range(3):
        child = host(f"vm-{number}", kind="vm", parent=base)
        Dependency.objects.create(from_resource=bus, to_resource=child) if number == 0 else None
    host("old", parent=base, state="gone")
    made = propose.draft(Asked(runbook=runbook(), resource=base, parameters={"path": "/x"}))
    assert made.inputs().reach == 4
    assert made.inputs().reach_words == "3 virtual machines, 1 service"


def test_maintenance_is_seen(operator: Any) -> None:
    now = timezone.now()
    Silence.objects.create(
        kind="maintenance", reason="new disks", starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1),
        matchers=[{"name": "instance", "op": "=", "value": "db-1"}],
    )  # fmt: skip
    made = propose.draft(Asked(runbook=runbook(), resource=host("db-1"), parameters={"path": "/x"}), operator)
    assert made.inputs().maintenance is True
    other = propose.draft(Asked(runbook=made.asked.runbook, resource=host("db-2"), parameters={"path": "/x"}), operator)
    assert other.inputs().maintenance is False


def test_the_record_of_the_target_counts_before_that_of_others() -> None:
    book, target = runbook(), host()
    done = {"runbook": book, "state": State.SUCCEEDED}
    for _ in range(3):
        execution(**done, verification="held", target_key="elsewhere", cause="Other")
    assert track_record.of(book, f"resource:{target.pk}", "DiskFull") == (3, 0, 0, "everywhere")
    execution(**done, verification="not_verifiable", target_key="elsewhere")
    assert track_record.of(book, f"resource:{target.pk}", "DiskFull") == (0, 1, 0, "for this alert")
    execution(
        runbook=book, state=State.ROLLED_BACK, verification="not_held", escalated_at=timezone.now(), target_key=f"resource:{target.pk}"
    )
    execution(**done, verification="held", target_key=f"resource:{target.pk}", dry_run=True)
    found = track_record.of(book, f"resource:{target.pk}", "DiskFull")
    assert found == (0, 0, 1, "here")
    assert (found.words, found.rate) == ("0 of 1 verified, 1 failed", 0.0)
    assert track_record.of_runbooks([book.pk]) == {book.pk: (3, 1, 1, "everywhere")}
    assert track_record.by("cause")[0] == ("Other", (3, 0, 0, "everywhere"))
    assert track_record.of(None) == (0, 0, 0, "")


# -- rehearsing ------------------------------------------------------------------------------------------------------------
def test_an_approver_sees_what_the_system_said_it_would_do(operator: Any, django_capture_on_commit_callbacks: Any) -> None:
    PolicyRow.objects.update(verdict="one")
    with django_capture_on_commit_callbacks(execute=True):
        row = propose.propose(Asked(runbook=runbook(), alert=alert()), operator)
    assert [row.pk] == WORKED_OUT
    assert propose.work_out(row.pk) is True
    row.refresh_from_db()
    (told,) = row.preview["steps"]
    assert (told["step"], told["sentence"]) == ("sweep", "would do it")
    assert "hunter2" not in str(row.preview)
    assert propose.work_out(row.pk) is False  # once
    assert [one[0] for one in ASKED] == ["dry_run"]


def test_a_rehearsal_that_fails_is_shown_and_holds_up_nobody(operator: Any) -> None:
    PolicyRow.objects.update(verdict="one")
    row = propose.propose(Asked(runbook=runbook(), alert=alert()), operator)
    Tame.faults.append(ActionError("not reachable"))
    propose.work_out(row.pk)
    row.refresh_from_db()
    assert row.preview["steps"] == [{"step": "sweep", "sentence": "not reachable", "failed": True}]
    assert row.approvals.get().state == "waiting"


def test_what_is_planned_is_planned_before_anybody_is_asked(operator: Any) -> None:
    row = propose.propose(Asked(runbook=runbook("cloud", step("change"), parameters=[]), target="cloud"), operator)
    assert not row.approvals.exists()
    propose.work_out(row.pk)
    row.refresh_from_db()
    assert Plan.of(row.plan).steps[0].action.params == {"plan": "plan-17"}
    assert row.approvals.get().digest == Plan.of(row.plan).digest


def test_what_cannot_be_planned_is_tried_again_and_ends_when_that_does_not_help(operator: Any) -> None:
    row = propose.propose(Asked(runbook=runbook("cloud", step("change"), parameters=[]), target="cloud"), operator)
    Tame.faults.append(ActionError("busy"))
    assert propose.work_out(row.pk) is False
    Execution.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    Tame.faults.append(ActionError("no such workspace", permanent=True))
    assert propose.tend() == 1
    row.refresh_from_db()
    assert row.state == State.CANCELLED
    assert "no such workspace" in row.outcome


def test_a_proposal_whose_task_was_lost_is_found(operator: Any) -> None:
    row = propose.propose(Asked(runbook=runbook("cloud", step("change"), parameters=[]), target="cloud"), operator)
    assert propose.tend() == 0  # it may still be on its way
    Execution.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert propose.tend() == 1
    assert row.approvals.count() == 1
