"""A prepared statement answers as the ORM does."""

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Count, Max, Value
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aiops.models import Process
from aiops.prepared import Prepared


@pytest.fixture
def processes(db):
    now = timezone.now()
    return [
        Process.objects.create(name=f"web@{place}", role="web", pid=place, started_at=now, seen_at=now - timedelta(minutes=place))
        for place in range(4)
    ]


def by_role(role, since):
    rows = Process.objects.filter(role=role, seen_at__gte=since, pid__in=[0, 1, 2]).order_by("pid")
    return rows.values_list("name", "seen_at", "counters")


def test_it_answers_as_the_queryset_does(processes):
    asked = Prepared(by_role, role=str, since=datetime)
    for role in ("web", "worker", "web'; --"):
        for minutes in (0.5, 1.5, 10):
            since = timezone.now() - timedelta(minutes=minutes)
            assert asked(role=role, since=since) == list(by_role(role, since))


def test_whole_rows_are_models_as_read(processes):
    asked = Prepared(lambda pid: Process.objects.filter(pid=pid).order_by(), pid=int)
    (found,) = asked(pid=2)
    assert found == processes[2]
    assert not found._state.adding
    assert (found.seen_at, found.counters) == (processes[2].seen_at, processes[2].counters)
    found.role = "worker"
    found.save(update_fields=["role"])
    assert asked(pid=2)[0].role == "worker"
    assert asked(pid=7) == []


def test_aggregates_and_an_empty_table(db):
    asked = Prepared(lambda: Process.objects.order_by().annotate(all=Value(1)).values_list("all").annotate(Count("pk"), Max("seen_at")))
    assert [row[1:] for row in asked()] in ([(0, None)], [])
    seen = Process.objects.create(name="web", role="web", pid=1, started_at=timezone.now(), seen_at=timezone.now()).seen_at
    assert asked()[0][1:] == (1, seen)


def test_it_is_one_statement_and_is_written_once(processes):
    built = []

    def build(pid):
        built.append(pid)
        return Process.objects.filter(pid=pid).values_list("name")

    asked = Prepared(build, pid=int)
    with CaptureQueriesContext(connection) as captured:
        assert [asked(pid=place) for place in range(3)] == [[(one.name,)] for one in processes[:3]]
    assert len(captured) == 3
    assert len(built) == 2  # once to see which values are the caller's


@pytest.mark.django_db(transaction=True)
def test_every_thread_asks_over_its_own_connection():
    Process.objects.create(name="web", role="web", pid=1, started_at=timezone.now(), seen_at=timezone.now())
    asked, found = Prepared(lambda pid: Process.objects.filter(pid=pid).values_list("name"), pid=int), []

    def ask():
        try:
            found.append((asked(pid=1), id(connection.connection)))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [rows for rows, _ in found] == [[("web",)]] * 3
    assert asked(pid=1) == [("web",)]


def test_a_value_that_the_statement_does_not_ask_for_is_a_mistake(db):
    with pytest.raises(ValueError, match="does not ask for role"):
        Prepared(lambda pid, role: Process.objects.filter(pid=pid).values_list("name"), pid=int, role=str)(pid=1, role="x")


def test_a_value_made_of_another_is_a_mistake(db):
    asked = Prepared(lambda since: Process.objects.filter(seen_at__gt=since, started_at__lt=since + timedelta(hours=1)), since=datetime)
    with pytest.raises(ValueError, match="made of a value"):
        asked(since=timezone.now())
