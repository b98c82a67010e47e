"""Approvers are told what waits, and answer with a button in Slack."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.utils import timezone

from monitoring.notifications import slack_acting
from monitoring.notifications.channels.slack import message
from monitoring.notifications.models import Channel, Delivery
from monitoring.notifications.send import notice_of
from monitoring.notifications.slack_acting import NotDone
from remediation import approvals, case_notices, execute
from remediation.models import Approval, Vote
from remediation.tests import cases
from remediation.tests.cases import engine_off as engine_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def ways() -> list[Channel]:
    Channel.objects.all().delete()
    slack = {"webhook_url": "https://hooks.slack.com/services/x", "signing_secret": "s" * 32}
    return [
        Channel.objects.create(name="bell", kind="in_app"),
        Channel.objects.create(name="mail", kind="email"),
        Channel.objects.create(
            name="ops", kind="slack", config={"people": "U0A = approver@example.org\nU0O = operator@example.org"}, secrets=slack
        ),
        Channel.objects.create(name="quiet", kind="slack", secrets={"webhook_url": "https://hooks.slack.com/services/y"}),
    ]


def asked(**fields: Any) -> Approval:
    made = cases.execution(**fields)
    execute.begun(made, "as asked")
    return approvals.ask(made, 1, timedelta(hours=1))


def test_everybody_whose_yes_would_count_is_told_once(ways: list[Channel], viewer: Any, operator: Any, approver: Any, admin: Any) -> None:
    one = asked(requested_by=admin)
    assert case_notices.tell([one.pk]) == 3
    assert case_notices.tell([one.pk]) == 0
    told = {(row.channel_name, row.user and row.user.name) for row in Delivery.objects.all()}
    assert told == {("bell", "approver"), ("mail", "approver"), ("ops", None)}


def test_nobody_is_told_of_what_is_decided(ways: list[Channel], approver: Any, engine_off: list[int]) -> None:
    one = asked()
    approvals.vote(one, approver, True)
    assert case_notices.tell([one.pk]) == 0


def test_the_card_in_slack_says_what_runs_and_has_buttons(ways: list[Channel]) -> None:
    one = asked(title="Sweep <db>", target="db-1")
    case_notices.tell([one.pk])
    told = message(notice_of(Delivery.objects.get(channel=ways[2])), buttons=True)
    said = str(told)
    assert "Sweep &lt;db&gt;" in said
    assert "db-1" in said
    actions = next(block for block in told["blocks"] if block["type"] == "actions")["elements"]
    assert [one["action_id"] for one in actions][:2] == [case_notices.YES, case_notices.NO]
    assert "acknowledge" not in said


def press(channel: Channel, value: str, member: str = "U0A", action: str = case_notices.YES) -> bool:
    pressed = {"action": action, "value": value, "member": member, "team": "", "response_url": "", "blocks": []}
    done: bool = slack_acting.act_on_slack(channel.pk, pressed)
    return done


def test_a_press_is_a_vote_in_the_persons_name(ways: list[Channel], approver: Any, engine_off: list[int]) -> None:
    one = asked()
    assert press(ways[2], case_notices.ticket(one))
    vote = Vote.objects.get()
    assert (vote.user, vote.granted, vote.via) == (approver, True, "slack")
    one.execution.refresh_from_db()
    assert one.execution.state == "approved"


def test_a_second_press_does_nothing_more(ways: list[Channel], approver: Any, engine_off: list[int]) -> None:
    one = asked()
    press(ways[2], case_notices.ticket(one), action=case_notices.NO)
    assert not press(ways[2], case_notices.ticket(one))
    assert Vote.objects.count() == 1
    one.execution.refresh_from_db()
    assert one.execution.state == "denied"


def test_who_may_not_approve_here_does_not_approve_there(ways: list[Channel], operator: Any, approver: Any) -> None:
    one = asked(requested_by=approver)
    assert not press(ways[2], case_notices.ticket(one), member="U0O")  # no approver
    assert not press(ways[2], case_notices.ticket(one))  # asked for it
    assert not press(ways[2], case_notices.ticket(one), member="U0X")  # nobody here
    assert not Vote.objects.exists()


def test_a_button_that_was_made_up_is_refused(ways: list[Channel], approver: Any) -> None:
    one = asked()
    other = signing.dumps({"approval": one.pk, "digest": "another plan"}, salt=case_notices.SALT)
    for value in ("x", signing.dumps({"approval": one.pk}), other, signing.dumps({"approval": "x"}, salt=case_notices.SALT)):
        with pytest.raises(NotDone):
            case_notices.answered(True, value, approver)
    assert not Vote.objects.exists()


def test_what_is_asked_is_told_after_commit(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, approver: Any
) -> None:
    from remediation import tasks

    told: list[Any] = []
    monkeypatch.setattr(tasks.tell_approvers, "apply_async", lambda args, **how: told.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        one = asked()
    assert ([one.pk],) in told


def test_a_question_whose_task_was_lost_is_told_later_and_once(ways: list[Channel], approver: Any) -> None:
    one = asked()
    Approval.objects.filter(pk=one.pk).update(told_at=None)
    assert case_notices.tell_forgotten() == 0  # its task may still be on its way
    Approval.objects.filter(pk=one.pk).update(asked_at=timezone.now() - 2 * case_notices.FORGOTTEN_AFTER)
    assert case_notices.tell_forgotten() == 3  # bell, mail, the Slack that takes answers
    assert Approval.objects.get(pk=one.pk).told_at
    assert case_notices.tell_forgotten() == 0
