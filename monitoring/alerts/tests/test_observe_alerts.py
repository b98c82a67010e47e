"""From what is seen to rows: one open alert per fingerprint, its changes, what comes back, what flaps."""

import pytest
from django.db import IntegrityError, transaction

from monitoring.alerts import lifecycle
from monitoring.alerts.lifecycle import observe
from monitoring.alerts.models import Alert, AlertTransition
from monitoring.alerts.tests.conftest import seen

pytestmark = pytest.mark.django_db


def history(alert):
    return [(one.axis, one.before, one.after) for one in alert.transitions.order_by("id")]


def test_it_goes_from_pending_to_firing_to_resolved(at):
    observe([seen(state="pending", value=1.0)], at(0))
    observe([seen(value=2.0)], at(5))
    observe([seen(state="resolved")], at(9))
    alert = Alert.objects.get()
    assert history(alert) == [("state", "", "pending"), ("state", "pending", "firing"), ("state", "firing", "resolved")]
    assert (alert.started_at, alert.fired_at, alert.resolved_at, alert.resolution) == (at(0), at(5), at(9), "recovered")
    assert alert.value == 2.0


def test_what_never_fired_leaves_nothing_behind(at):
    observe([seen(state="pending")], at(0))
    observe([seen(state="resolved")], at(1))
    assert not Alert.objects.exists()


def test_the_same_observation_twice_changes_nothing(at, heard):
    first = heard(lambda: observe([seen()], at(0)))
    assert [name for name, _ in first] == ["alert_changed", "alert_opened"]
    assert heard(lambda: observe([seen()], at(0))) == []
    assert AlertTransition.objects.count() == 1


def test_a_second_open_alert_of_one_fingerprint_is_impossible(at):
    observe([seen()], at(0))
    alert = Alert.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(fingerprint=alert.fingerprint, name="again", state="firing")


def test_it_reopens_within_the_window_as_the_same_alert(at, operator):
    observe([seen()], at(0))
    alert = Alert.objects.get()
    lifecycle.acknowledge([alert.pk], operator)
    observe([seen(state="resolved")], at(5))
    observe([seen()], at(14))
    again = Alert.objects.get()
    assert (again.pk, again.state, again.reopened, again.resolved_at) == (alert.pk, "firing", 1, None)
    assert again.ownership == "acknowledged"
    assert history(again)[-1] == ("state", "resolved", "firing")


def test_what_comes_back_later_is_a_new_alert(at):
    observe([seen()], at(0))
    observe([seen(state="resolved")], at(5))
    observe([seen()], at(16))
    assert Alert.objects.count() == 2
    assert Alert.objects.exclude(state="resolved").count() == 1


def test_an_old_notice_delivered_late_opens_nothing(at):
    observe([seen(started_at=at(0))], at(0))
    observe([seen(state="resolved")], at(5))
    observe([seen(started_at=at(0))], at(6))
    assert Alert.objects.get().state == "resolved"


def test_it_flaps_when_it_fires_four_times_in_an_hour_and_calms_down(at):
    for round_ in range(4):
        observe([seen()], at(round_ * 10))
        observe([seen(state="resolved")], at(round_ * 10 + 5))
    alert = Alert.objects.get()
    assert alert.flapping
    assert alert.transitions.filter(axis="note", after="flapping").count() == 1
    from monitoring.alerts.overlays import calm

    assert calm(at(80)) == 0
    assert calm(at(91)) == 1
    assert not Alert.objects.get().flapping


def test_a_changed_severity_is_a_transition_at_once_and_a_value_waits_a_minute(at):
    observe([seen(value=1.0, severity="medium")], at(0))
    observe([seen(value=2.0, severity="medium")], at(0.5))
    assert Alert.objects.get().value == 1.0
    observe([seen(value=3.0, severity="medium")], at(1.5))
    assert Alert.objects.get().value == 3.0
    observe([seen(value=3.0, severity="critical")], at(1.6))
    assert history(Alert.objects.get())[-1] == ("severity", "medium", "critical")


def test_resolved_news_of_something_unknown_is_nothing(at):
    assert observe([seen(state="resolved")], at(0)) == []
    assert not Alert.objects.exists()


def test_signals_name_those_that_fired_and_those_that_are_over(at, heard):
    told = heard(lambda: observe([seen("a"), seen("b"), seen("c", state="pending")], at(0)))
    ids = {alert.name: alert.pk for alert in Alert.objects.all()}
    assert ("alert_opened", sorted([ids["a"], ids["b"]])) in told
    assert ("alert_changed", sorted(ids.values())) in told
    told = heard(lambda: observe([seen("a", state="resolved"), seen("c", state="resolved")], at(1)))
    assert told == [("alert_changed", [ids["a"]]), ("alert_resolved", [ids["a"]])]


def test_signals_wait_for_the_commit_and_a_rollback_says_nothing(at, heard):
    def undone():
        with transaction.atomic():
            observe([seen()], at(0))
            transaction.set_rollback(True)

    assert heard(undone) == []
    assert not Alert.objects.exists()


def test_a_number_of_statements_that_does_not_grow_with_the_alerts(at, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        observe([seen(str(number)) for number in range(20)], at(0))
    with django_assert_max_num_queries(12):
        observe([seen(str(number), state="resolved") for number in range(20)], at(1))


def test_values_that_no_column_holds_are_left_out(at):
    observe([seen(value=float("nan"), annotations={"text": "a\0b"})], at(0))
    assert Alert.objects.get().value is None
    assert "\0" not in Alert.objects.get().annotations["text"]


def test_an_observation_with_an_unknown_state_is_refused():
    with pytest.raises(ValueError, match="not a state"):
        seen(state="burning")
