from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.alerts import standing
from monitoring.alerts.lifecycle import acknowledge, assign, observe, resolve
from monitoring.alerts.models import Alert, Silence
from monitoring.alerts.silencing import create
from monitoring.alerts.tests.conftest import seen

pytestmark = pytest.mark.django_db


def held():
    return {one.traits.name: one for one in standing.members()}


def test_what_fires_is_held_until_it_changes(fire, operator):
    [alert] = fire("Down", labels={"host": "a"})
    assert held()["Down"].traits.ownership == "new"
    acknowledge([alert.pk], operator)
    assign([alert.pk], operator, operator)
    assert held()["Down"].traits[2:4] == ("acknowledged", str(operator.pk))


def test_nothing_is_read_again_while_nothing_happens(fire, django_assert_num_queries):
    fire("Down", "Slow")
    standing.members()
    with django_assert_num_queries(1):
        assert len(standing.members()) == 2


def test_only_what_changed_is_read(fire, operator, django_assert_num_queries):
    alerts = fire("A", "B", "C")
    standing.members()
    acknowledge([alerts[0].pk], operator)
    with django_assert_num_queries(2):
        assert held()["A"].traits.ownership == "acknowledged"


def test_what_ended_stays_for_a_day(fire, operator):
    old, new = fire("Old", "New")
    standing.members()
    resolve([new.pk], operator)
    assert held()["New"].traits.state == "resolved"
    Alert.objects.filter(pk=old.pk).update(state="resolved", resolved_at=timezone.now() - timedelta(days=2))
    resolve([old.pk], operator)
    standing.forget()
    assert "Old" not in held()


def test_a_silence_shows_at_once(fire, operator):
    fire("Down", labels={"host": "a"})
    standing.members()
    now = timezone.now()
    matchers = [{"name": "host", "op": "=", "value": "a"}]
    made = create(Silence(matchers=matchers, reason="move", starts_at=now, ends_at=now + timedelta(hours=1)), operator)
    assert held()["Down"].silences == (made.pk,)
    assert held()["Down"].traits.suppressed == ("silence",)


def test_pending_ones_are_read_each_time():
    observe([seen("Waits", "pending")])
    assert [one.traits.name for one in standing.pending()] == ["Waits"]
    observe([seen("Waits", "resolved")])  # it never fired: nothing is left of it
    assert standing.pending() == []


def test_a_database_that_was_put_back_is_noticed(fire):
    fire("Before")
    standing.members()
    Alert.objects.all().delete()
    fire("After")
    assert set(held()) == {"After"}


def test_more_changes_than_are_worth_following_are_read_anew(fire, monkeypatch):
    fire("A")
    standing.members()
    monkeypatch.setattr(standing, "MOST_CHANGES", 2)
    fire("B", "C", "D", "E")
    assert set(held()) == {"A", "B", "C", "D", "E"}


def test_it_is_renewed_beside_its_readers(fire, monkeypatch):
    fire("A")
    standing.members()
    started = []
    monkeypatch.setattr(
        standing.threading, "Thread", lambda **given: type("T", (), {"start": lambda self: started.append(given["target"])})()
    )
    monkeypatch.setattr(standing, "RENEWED_EVERY", -1.0)
    standing.members()
    standing.members()
    assert started == [standing._renew]  # one at a time
    monkeypatch.setattr(standing.connection, "close", lambda: None)
    Alert.objects.filter(name="A").update(name="Renamed")
    started[0]()
    assert set(held()) == {"Renamed"}
