"""What people do to alerts: the verbs, who did it, the audit trail."""

import pytest

from accounts.models import AuditEntry
from monitoring.alerts import lifecycle
from monitoring.alerts.models import Alert

pytestmark = pytest.mark.django_db


def ids(alerts):
    return [alert.pk for alert in alerts]


def test_acknowledging_many_is_one_entry_and_a_transition_each(fire, operator, heard):
    alerts = fire("a", "b", "c")
    told = heard(lambda: lifecycle.acknowledge(ids(alerts), operator, "looking"))
    assert told == [("alert_changed", sorted(ids(alerts)))]
    assert set(Alert.objects.values_list("ownership", flat=True)) == {"acknowledged"}
    assert all(alert.acknowledged_at for alert in Alert.objects.all())
    entry = AuditEntry.objects.get(action="alerts.acknowledged")
    assert (entry.actor, entry.after["count"], entry.after["note"]) == (operator.name, 3, "looking")
    one = alerts[0].transitions.get(axis="ownership")
    assert (one.before, one.after, one.reason, one.actor, one.user_id) == ("new", "acknowledged", "looking", operator.name, operator.pk)


def test_acknowledging_twice_is_done_once(fire, operator):
    (alert,) = fire("a")
    assert lifecycle.acknowledge([alert.pk], operator) == [alert.pk]
    assert lifecycle.acknowledge([alert.pk], operator) == []
    assert AuditEntry.objects.filter(action="alerts.acknowledged").count() == 1


def test_taking_makes_it_mine_and_giving_back_nobodys(fire, operator, admin):
    (alert,) = fire("a")
    lifecycle.take([alert.pk], operator)
    alert.refresh_from_db()
    assert (alert.ownership, alert.assignee) == ("in_progress", operator)
    assert lifecycle.take([alert.pk], operator) == []
    assert lifecycle.assign([alert.pk], operator, admin) == [alert.pk]
    assert Alert.objects.get().assignee == admin
    lifecycle.unacknowledge([alert.pk], admin)
    alert.refresh_from_db()
    assert (alert.ownership, alert.assignee, alert.acknowledged_at) == ("new", None, None)


def test_a_person_resolves_and_reopens(fire, operator, heard):
    (alert,) = fire("a")
    assert ("alert_resolved", [alert.pk]) in heard(lambda: lifecycle.resolve([alert.pk], operator, note="done"))
    alert.refresh_from_db()
    assert (alert.state, alert.resolution) == ("resolved", "manual")
    assert lifecycle.acknowledge([alert.pk], operator) == []
    assert ("alert_opened", [alert.pk]) in heard(lambda: lifecycle.reopen([alert.pk], operator))
    alert.refresh_from_db()
    assert (alert.state, alert.resolved_at, alert.resolution) == ("firing", None, "")


def test_reopening_what_came_back_as_another_alert_does_nothing(fire, operator, at):
    (old,) = fire("a", now=at(0))
    lifecycle.resolve([old.pk], operator)
    Alert.objects.filter(pk=old.pk).update(resolved_at=at(1))
    fire("a", now=at(30))
    assert lifecycle.reopen([old.pk], operator) == []
    assert Alert.objects.exclude(state="resolved").count() == 1


def test_the_system_resolves_without_an_audit_entry(fire):
    (alert,) = fire("a")
    lifecycle.resolve([alert.pk], None, "expired", "its rule is gone")
    assert Alert.objects.get().resolution == "expired"
    assert alert.transitions.last().actor == "system"
    assert not AuditEntry.objects.exists()


def test_a_comment_and_a_severity_are_kept_in_the_history(fire, operator):
    (alert,) = fire("a", severity="low")
    lifecycle.comment([alert.pk], operator, "switch is being replaced")
    lifecycle.rate([alert.pk], operator, "high")
    assert [(one.axis, one.after) for one in alert.transitions.order_by("id")][1:] == [("note", "comment"), ("severity", "high")]
    with pytest.raises(ValueError, match="not a severity"):
        lifecycle.rate([alert.pk], operator, "huge")


def test_a_token_and_a_name_are_actors_too(fire, operator, token_of):
    from accounts.models import ApiToken

    token_of(operator, "alerts:write")
    alerts = fire("a", "b")
    lifecycle.acknowledge([alerts[0].pk], ApiToken.objects.get())
    lifecycle.acknowledge([alerts[1].pk], "Slack: jane")
    assert alerts[0].transitions.last().actor == "operator, token test"
    assert (alerts[1].transitions.last().actor, alerts[1].transitions.last().user) == ("Slack: jane", None)


def test_unknown_ids_are_passed_over(fire, operator):
    assert lifecycle.acknowledge([10**9], operator) == []
    assert lifecycle.acknowledge([], operator) == []


def test_old_resolved_alerts_expire_with_their_history_and_open_ones_stay(fire, at, monkeypatch):
    from datetime import timedelta

    from django.utils import timezone

    from monitoring.alerts import tasks
    from monitoring.alerts.models import AlertTransition

    monkeypatch.setattr(tasks, "EXPIRED_AT_ONCE", 2)
    names = [str(number) for number in range(5)]
    gone = fire(*names, now=at(0))
    fire("open", now=at(0))
    lifecycle.resolve(ids(gone))
    Alert.objects.filter(state="resolved").exclude(name="0").update(resolved_at=timezone.now() - timedelta(days=401))
    assert tasks.expire_alerts() == 4
    assert set(Alert.objects.values_list("name", flat=True)) == {"0", "open"}
    assert set(AlertTransition.objects.values_list("alert__name", flat=True)) == {"0", "open"}
