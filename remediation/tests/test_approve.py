"""Who may say yes, how many have to, until when, and what is never run without."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.testing import make_user
from remediation import approvals, execute, plan
from remediation.approvals import Refused
from remediation.models import Approval, Execution, Step, Vote
from remediation.signals import approval_asked, approval_closed
from remediation.tests.cases import engine_off, execution

__all__ = ["engine_off"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("engine_off")]
State = Approval.State


def case(**fields: Any) -> Execution:
    return execution(plan=plan.Plan(title="Sweep", target="db-1").to_json(), **fields)


def ask(row: Execution | None = None, needed: int = 1, expires: float = 600, **more: Any) -> Approval:
    return approvals.ask(row or case(), needed, expires, **more)


def another() -> Any:
    from accounts.models import User

    return User.objects.create_user("second@example.org", name="second", role="approver")


def refused(asked: Approval, user: Any, granted: bool = True) -> Refused:
    with pytest.raises(Refused) as told:
        approvals.vote(asked, user, granted)
    return told.value


def test_one_yes_lets_it_run(approver: Any, engine_off: list[int], django_capture_on_commit_callbacks: Any) -> None:
    asked = ask()
    with django_capture_on_commit_callbacks(execute=True):
        approvals.vote(asked, approver, True, "go on", via="api")
    row = Execution.objects.get()
    assert (row.state, engine_off) == ("approved", [row.pk])
    assert Vote.objects.values_list("name", "granted", "comment", "via").get() == ("approver", True, "go on", "api")
    assert row.transitions.get().reason == "approved by approver: go on"
    entry = AuditEntry.objects.get(action="approval.yes")
    assert (entry.user_id, entry.after["comment"], entry.after["plan"]) == (approver.pk, "go on", asked.digest)


def test_two_different_people_have_to_say_yes(approver: Any) -> None:
    asked = ask(needed=2)
    assert approvals.vote(asked, approver, True).state == State.WAITING
    assert refused(asked, approver).sentence == "You have answered already; someone else must approve too."
    assert Execution.objects.get().state == "proposed"
    assert approvals.vote(asked, another(), True).state == State.GRANTED
    assert Execution.objects.get().state == "approved"


def test_one_no_is_final(approver: Any) -> None:
    asked = ask(needed=2)
    approvals.vote(asked, approver, True)
    approvals.vote(asked, another(), False, "not now")
    row = Execution.objects.get()
    assert (row.state, row.outcome) == ("denied", "denied: not now")
    assert refused(asked, make_user("admin")).sentence == "This is denied already."


def test_nobody_approves_what_they_asked_for(approver: Any) -> None:
    asked = ask(case(requested_by=approver))
    told = refused(asked, approver)
    assert (told.status, told.sentence) == (403, "You asked for this, so someone else must approve.")
    entry = AuditEntry.objects.get(action="approval.refused")
    assert (entry.user_id, entry.after["reason"]) == (approver.pk, told.sentence)
    approvals.vote(asked, approver, False)  # but may take it back
    assert Execution.objects.get().state == "denied"


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_others_are_refused_and_the_trail_has_it(role: str) -> None:
    told = refused(ask(), make_user(role))
    assert told.status == 403
    assert AuditEntry.objects.filter(action="approval.refused").count() == 1
    assert not Vote.objects.exists()


def test_a_stranger_is_refused(stranger: Any) -> None:
    found = approvals.objection(ask(), stranger)
    assert found
    assert found.status == 403


def test_another_plan_is_not_what_was_approved(approver: Any) -> None:
    row = case()
    asked = ask(row)
    Execution.objects.update(plan=plan.Plan(title="Erase", target="db-1").to_json())
    assert "The plan is not the one that was asked for" in refused(asked, approver).sentence
    Execution.objects.update(plan={"title": 3})
    assert refused(asked, approver).status == 409


def test_a_plan_that_cannot_be_read_is_never_approved(approver: Any) -> None:
    assert "propose it anew" in refused(ask(execution(plan={"what": 1})), approver).sentence


def test_it_expires(approver: Any, engine_off: list[int]) -> None:
    asked, lasting = ask(), ask(case(), expires=timedelta(hours=1))
    late = timezone.now() + timedelta(minutes=11)
    assert approvals.expire_due(late) == 1
    asked.refresh_from_db()
    lasting.refresh_from_db()
    assert (asked.state, lasting.state, asked.execution.state) == (State.EXPIRED, State.WAITING, "expired")
    assert approvals.expire_due(late) == 0


def test_a_late_yes_does_not_count(approver: Any) -> None:
    asked = ask(expires=-1)
    assert refused(asked, approver).sentence == "This has expired."


def test_it_is_asked_once() -> None:
    row = case()
    assert ask(row).pk == ask(row).pk


def test_who_asked_may_withdraw_and_other_operators_may_not(operator: Any, approver: Any) -> None:
    asked = ask(case(requested_by=operator))
    other = make_user("viewer")
    with pytest.raises(Refused):
        approvals.withdraw(asked, other)
    approvals.withdraw(asked, operator, "no need")
    asked.refresh_from_db()
    assert (asked.state, asked.execution.state, asked.execution.outcome) == (State.WITHDRAWN, "cancelled", "withdrawn: no need")
    with pytest.raises(Refused):
        approvals.withdraw(asked, approver)


def test_a_question_of_a_case_that_is_over_is_closed() -> None:
    row, other = case(), case(state="expired")
    waiting = ask(row)
    ask(other)
    assert approvals.close_needless([row.pk, other.pk]) == 1
    waiting.refresh_from_db()
    assert waiting.state == State.WAITING


def test_a_step_that_asks_wakes_the_engine_and_leaves_the_state(
    approver: Any, engine_off: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    row = case(state="running")
    step = Step.objects.create(execution=row, position=1, name="ask", title="Ask", kind="approval")
    asked = ask(row, step=step)
    with django_capture_on_commit_callbacks(execute=True):
        approvals.vote(asked, approver, False)
    row.refresh_from_db()
    assert (row.state, engine_off, asked.step) == ("running", [row.pk], step)
    assert row.due_at is not None


def test_asking_and_closing_are_told_after_commit(approver: Any, django_capture_on_commit_callbacks: Any) -> None:
    told: list[tuple[str, list[int]]] = []

    def on_asked(approval_ids: list[int], **rest: Any) -> None:
        told.append(("asked", approval_ids))

    def on_closed(approval_ids: list[int], **rest: Any) -> None:
        told.append(("closed", approval_ids))

    approval_asked.connect(on_asked)
    approval_closed.connect(on_closed)
    with django_capture_on_commit_callbacks(execute=True):
        asked = ask()
        assert told == []
    with django_capture_on_commit_callbacks(execute=True):
        approvals.vote(asked, approver, True)
    assert told == [("asked", [asked.pk]), ("closed", [asked.pk])]


def test_a_yes_for_a_case_that_was_cancelled_meanwhile_runs_nothing(approver: Any) -> None:
    row = case()
    asked = ask(row)
    execute.cancel(row, "test", "gone")
    approvals.vote(asked, approver, True)
    row.refresh_from_db()
    assert row.state == "cancelled"
