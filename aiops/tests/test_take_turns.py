"""Threads that write to SQLite stand in line."""

import threading
import time

import pytest
from django.db import OperationalError, connection, transaction

from aiops.models import Process
from aiops.sqlite3 import base
from aiops.sqlite3.turns import Turns

sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="others have locks of their own")


def started(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_who_came_first_is_first():
    turns, order, threads = Turns(), [], []
    assert turns.take(1)

    def wait(number):
        assert turns.take(10)
        order.append(number)
        turns.give_back()

    for number in range(5):
        threads.append(started(lambda number=number: wait(number)))
        while len(turns._waiting) <= number:
            time.sleep(0.001)
    turns.give_back()
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]
    assert turns.take(0.01)


def test_who_waited_too_long_is_left_out():
    turns = Turns()
    assert turns.take(1)
    assert not turns.take(0.01)
    turns.give_back()
    assert turns.take(0.01)


def note(name):
    Process.objects.create(name=name, role="web", host="h", pid=1)


@pytest.fixture
def elsewhere():
    """elsewhere(work): in a thread with a connection of its own."""

    def run(work):
        def alone():
            try:
                work()
            finally:
                connection.close()

        return started(alone)

    return run


@sqlite
@pytest.mark.django_db(transaction=True)
def test_writers_wait_for_the_transaction_and_readers_do_not(elsewhere):
    read = []
    with transaction.atomic():
        note("first")
        writers = [elsewhere(lambda: note("second")), elsewhere(lambda: transaction.atomic()(note)("third"))]
        reader = elsewhere(lambda: read.append(Process.objects.count()))
        reader.join(10)
        assert read == [0]
        assert all(one.is_alive() for one in writers)
    for one in writers:
        one.join(10)
    assert set(Process.objects.values_list("name", flat=True)) == {"first", "second", "third"}


@sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ["error", "close"])
def test_a_transaction_that_fails_lets_the_next_write(elsewhere, end):
    @transaction.atomic
    def fail():
        note("first")
        if end == "close":
            connection.close()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    writer = elsewhere(lambda: note("second"))
    writer.join(10)
    assert not writer.is_alive()
    assert list(Process.objects.values_list("name", flat=True)) == ["second"]


@sqlite
@pytest.mark.django_db(transaction=True)
def test_who_waits_too_long_is_told_as_by_sqlite(elsewhere, monkeypatch):
    heard = []

    def impatient():
        connection.settings_dict = {**connection.settings_dict, "OPTIONS": {**connection.settings_dict["OPTIONS"], "timeout": 0.05}}
        try:
            note("second")
        except OperationalError as fault:
            heard.append(str(fault))

    with transaction.atomic():
        note("first")
        elsewhere(impatient).join(10)
    assert heard == ["database is locked"]


@sqlite
@pytest.mark.django_db(transaction=True)
def test_twenty_threads_write_and_none_is_forgotten(elsewhere):
    waits = []

    def write(thread):
        for number in range(10):
            begun = time.monotonic()
            with transaction.atomic():
                note(f"{thread}-{number}")
            waits.append(time.monotonic() - begun)

    threads = [elsewhere(lambda thread=thread: write(thread)) for thread in range(20)]
    for one in threads:
        one.join(60)
    assert Process.objects.count() == 200
    assert max(waits) < 15
    assert not base._turns[str(connection.settings_dict["NAME"])]._taken
