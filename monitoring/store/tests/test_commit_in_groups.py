import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from django.db import OperationalError, connection, transaction

from monitoring.store import StoreUnavailable, commit, reader, writer
from monitoring.store.batch import Batch
from monitoring.store.commit import GroupCommit
from monitoring.store.models import Hot
from monitoring.store.samples import Samples
from monitoring.store.windows import now_ms


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> list[int]:
    """How many callers each flush served."""
    sizes: list[int] = []
    original = commit.flush

    def counting(parts: list[Samples]) -> None:
        sizes.append(len(parts))
        original(parts)

    monkeypatch.setattr(commit, "flush", counting)
    return sizes


def _samples(n: int = 1, sid: int = 1) -> Samples:
    now = now_ms()
    return Samples(np.full(n, sid, np.int32), np.arange(now, now + n), np.ones(n))


def _at_once(count: int, work: Callable[[int], object]) -> list[BaseException | None]:
    """Runs work(0..count-1) in threads -> what each raised."""
    raised: list[BaseException | None] = [None] * count
    start = threading.Barrier(count)

    def run(place: int) -> None:
        try:
            start.wait()
            work(place)
        except BaseException as fault:
            raised[place] = fault
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[place]) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return raised


def test_an_idle_writer_flushes_at_once(flushes: list[int]) -> None:
    group = GroupCommit()
    began = time.monotonic()
    for _ in range(20):
        group.write(_samples())
    assert time.monotonic() - began < commit.PERIOD
    assert flushes == [1] * 20


def test_who_writes_alone_on_threads_in_turn_is_not_held(flushes: list[int]) -> None:
    """A pool hands one sender's requests to its threads in turn."""
    group = GroupCommit()
    began = time.monotonic()
    for place in range(12):
        assert _at_once(1, lambda _, place=place: group.write(_samples(sid=place))) == [None]
    assert time.monotonic() - began < commit.PERIOD * 3
    assert flushes == [1] * 12


def test_writers_at_the_same_time_share_flushes(flushes: list[int]) -> None:
    group, rounds, writers = GroupCommit(), 5, 6

    def write(place: int) -> None:
        for _ in range(rounds):
            group.write(_samples(sid=place))

    assert _at_once(writers, write) == [None] * writers
    assert sum(flushes) == rounds * writers
    assert len(flushes) < rounds * writers / 2
    assert Hot.objects.count() == len(flushes)


def test_a_busy_writer_waits_for_company_no_longer_than_the_period(flushes: list[int]) -> None:
    group = GroupCommit()
    group.write(_samples())
    group._crowds[2] = time.monotonic()  # somebody else was here just now, but does not come again
    began = time.monotonic()
    group.write(_samples())
    assert commit.PERIOD * 0.5 < time.monotonic() - began < commit.PERIOD * 3


def test_enough_samples_need_not_wait(flushes: list[int]) -> None:
    group = GroupCommit()
    group.write(_samples())
    group._crowds[2] = time.monotonic()
    began = time.monotonic()
    group.write(_samples(commit.ENOUGH))
    assert time.monotonic() - began < commit.PERIOD * 0.9


def test_a_failing_flush_is_told_to_all_its_callers_and_keeps_nothing(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    group, original, broken = GroupCommit(), commit.pack, threading.Event()
    broken.set()

    def failing(samples: Samples) -> object:
        if broken.is_set():
            raise OperationalError("database or disk is full")
        return original(samples)

    monkeypatch.setattr(commit, "pack", failing)
    raised = _at_once(4, lambda place: group.write(_samples(sid=place)))
    assert [type(fault) for fault in raised] == [StoreUnavailable] * 4
    assert not Hot.objects.exists()
    broken.clear()
    assert _at_once(4, lambda place: group.write(_samples(sid=place))) == [None] * 4
    assert sum(Hot.objects.values_list("count", flat=True)) == 4


def test_an_unforeseen_fault_frees_those_who_wait(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    group = GroupCommit()
    monkeypatch.setattr(commit, "pack", lambda _: 1 / 0)
    raised = _at_once(3, lambda place: group.write(_samples(sid=place)))
    assert all(isinstance(fault, ZeroDivisionError | StoreUnavailable) for fault in raised)
    monkeypatch.undo()
    group.write(_samples())
    assert Hot.objects.count() == 1


@pytest.mark.django_db
def test_inside_a_transaction_samples_share_its_fate() -> None:
    now = now_ms()
    with transaction.atomic():
        writer.write(Batch.of([("up", {}, now, 1.0)]))
        assert len(reader.select("up")) == Hot.objects.count() == 1
        transaction.set_rollback(True)
    assert reader.select("up") == []
    assert not Hot.objects.exists()


def test_it_recovers_when_the_server_dropped_the_connection(transactional_db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("an SQLite connection cannot be dropped by a server")
    now = now_ms()
    writer.write(Batch.of([("up", {}, now - 1, 1.0)]))
    backend = connection.connection.info.backend_pid
    _at_once(1, lambda _: _terminate(backend))
    writer.write(Batch.of([("up", {}, now, 2.0)]))
    [ref] = reader.select("up")
    assert reader.raw(ref.id, now - 1, now + 1)[1].tolist() == [1.0, 2.0]


def _terminate(backend: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])


def test_a_database_that_refuses_is_store_unavailable_and_nothing_is_half_written(transactional_db: None) -> None:
    now = now_ms()
    writer.write(Batch.of([("up", {}, now - 1, 1.0)]))
    _read_only(True)
    with pytest.raises(StoreUnavailable):
        writer.write(Batch.of([("up", {}, now, 2.0), ("down", {}, now, 3.0)]))
    _read_only(False)
    assert (reader.select("down"), Hot.objects.count()) == ([], 1)
    assert writer.write(Batch.of([("up", {}, now, 2.0), ("down", {}, now, 3.0)])).accepted == 2


def _read_only(on: bool) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA query_only = {int(on)}")
        else:
            cursor.execute(f"SET default_transaction_read_only = {'on' if on else 'off'}")
