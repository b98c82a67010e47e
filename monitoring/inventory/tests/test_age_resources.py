"""Silence: stale, gone, deleted; never green meanwhile."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from monitoring.inventory import lifecycle
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.inventory.signals import resource_state_changed

pytestmark = pytest.mark.django_db


def silent(hours=0.0, minutes=0.0, **fields):
    seen = timezone.now() - timedelta(hours=hours, minutes=minutes)
    return Resource.objects.create(
        **{"kind": "host", "name": "db-1", "health": 100, "last_seen": seen, "stale_at": seen + timedelta(seconds=30)} | fields
    )


def state(row):
    row.refresh_from_db()
    return row.state


def test_what_reports_is_left_alone(django_assert_num_queries):
    row = silent(stale_at=timezone.now() + timedelta(seconds=5))
    with django_assert_num_queries(3):
        assert lifecycle.age() == 0
    assert (state(row), row.health) == ("reporting", 100)


def test_what_missed_its_reports_is_stale_without_a_health():
    row = silent(minutes=2)
    assert lifecycle.age() == 1
    assert (state(row), row.health, row.status) == ("stale", None, "stale")
    assert row.reasons[0]["text"] == "No report for 2 min, expected every 1 min"
    assert ResourceChange.objects.get().text == "Stopped reporting, last seen 2 min ago"


def test_after_a_day_it_is_gone_but_kept():
    row = silent(hours=25, state="stale", health=None)
    lifecycle.age()
    assert (state(row), row.health) == ("gone", None)
    assert lifecycle.age() == 0


def test_how_long_it_takes_to_be_gone_is_a_setting(settings):
    settings.RESOURCE_GONE_AFTER = 3600
    row = silent(hours=2, state="stale")
    lifecycle.age()
    assert state(row) == "gone"


def test_an_ephemeral_one_is_gone_after_10_minutes_and_deleted_after_an_hour_and_its_change_stays():
    young, old = silent(minutes=11, kind="pod", name="web-1", ephemeral=True), silent(minutes=61, kind="pod", name="web-2", ephemeral=True)
    child = silent(kind="container", name="c", parent=old, stale_at=timezone.now() + timedelta(hours=1))
    lifecycle.age()
    assert state(young) == "gone"
    assert not Resource.objects.filter(pk=old.pk).exists()
    child.refresh_from_db()
    assert child.parent is None
    last = ResourceChange.objects.filter(resource_name="web-2").latest("id")
    assert (last.resource, last.kind, last.text) == (None, "deleted", "Removed from the inventory, last seen 1 h 1 min ago")


def test_a_site_that_falls_silent_is_moved_in_portions(monkeypatch):
    monkeypatch.setattr(lifecycle, "AT_ONCE", 2)
    rows = [silent(minutes=2, name=f"h{number}") for number in range(5)]
    transactions = []
    monkeypatch.setattr(lifecycle, "_tell", lambda told: transactions.append(len(told)))
    assert lifecycle.age() == 5
    assert transactions == [2, 2, 1]
    assert {state(row) for row in rows} == {"stale"}
    Resource.objects.update(state="gone", ephemeral=True, last_seen=timezone.now() - timedelta(hours=2))
    assert lifecycle.age() == 5
    assert not Resource.objects.exists()


def test_state_changes_are_signalled_after_commit(django_capture_on_commit_callbacks):
    heard = []

    def hear(resource_id, before, after, **rest):
        heard.append((resource_id, before, after))

    resource_state_changed.connect(hear)
    row = silent(minutes=2)
    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.age()
        assert heard == []
    resource_state_changed.disconnect(hear)
    assert heard == [(row.pk, "reporting", "stale")]


def test_old_changes_are_forgotten():
    row = silent()
    for days in (89, 91):
        ResourceChange.objects.create(resource=row, resource_name="x", kind="state", text="t", time=timezone.now() - timedelta(days=days))
    assert lifecycle.expire_changes() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_time_move_each_once():
    for number in range(20):
        silent(minutes=2, name=f"h{number}")
    start, moved = threading.Barrier(2), []

    def run():
        start.wait(10)
        moved.append(lifecycle.age())
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(moved) == 20
    assert ResourceChange.objects.count() == 20
