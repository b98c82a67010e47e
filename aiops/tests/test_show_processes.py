"""Every process keeps a row of its own and takes it away when it ends."""

import os
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from aiops import metrics, processes
from aiops.models import Process
from aiops.processes import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nobody(monkeypatch):
    monkeypatch.setattr(processes, "_current", None)
    yield
    processes.stop()


def wait_for(condition):
    tick = threading.Event()
    for _ in range(500):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("it did not happen within 5 s")


def test_a_started_process_shows_itself_and_leaves(nobody):
    processes.start("web")
    wait_for(Process.objects.exists)
    row = Process.objects.get()
    assert (row.role, row.pid, row.name) == ("web", os.getpid(), processes.name())
    assert any(name == "aiops_websocket_clients" for name, *_ in row.counters)
    processes.stop()
    assert not Process.objects.exists()


def test_the_first_role_stays(nobody):
    assert processes.start("embedded") is processes.start("worker")
    assert processes.name().startswith("embedded@")


def test_a_beat_goes_on_with_the_same_row():
    heart = Heartbeat("web")
    heart.beat()
    first = Process.objects.get()
    heart.beat()
    again = Process.objects.get()
    assert (again.pk, again.started_at) == (first.pk, first.started_at)
    assert again.seen_at > first.seen_at


def test_long_silent_processes_are_forgotten():
    old = timezone.now() - timedelta(seconds=processes.FORGET_AFTER + 1)
    Process.objects.create(name="worker@gone:1", role="worker", host="gone", pid=1, seen_at=old)
    Heartbeat("web").beat()
    assert [row.role for row in Process.objects.all()] == ["web"]


def test_the_heart_beats_on_through_an_outage(nobody, monkeypatch):
    monkeypatch.setattr(processes, "INTERVAL", 0.01)
    faults = []

    def gone(self):
        faults.append(1)
        raise OperationalError("the database is gone")

    before = metrics.ERRORS.labels("heartbeat")._value.get()
    with monkeypatch.context() as outage:
        outage.setattr(Heartbeat, "beat", gone)
        processes.start("web")
        wait_for(lambda: len(faults) > 2)
    wait_for(Process.objects.exists)
    assert metrics.ERRORS.labels("heartbeat")._value.get() > before


def test_the_freshest_process_of_a_role_is_asked():
    now = timezone.now()
    for pid, age in ((1, 50), (2, 5), (3, 20)):
        Process.objects.create(name=f"worker@h:{pid}", role="worker", host="h", pid=pid, seen_at=now - timedelta(seconds=age))
    assert processes.freshest("worker", "embedded").pid == 2
    assert processes.freshest("beat") is None


def test_what_is_under_way_is_brought_to_an_end_while_the_process_still_shows_itself(nobody, monkeypatch):
    seen = []

    def fail():
        raise RuntimeError("it broke")

    monkeypatch.setattr(processes, "_enders", [fail, lambda: seen.append(Process.objects.exists())])
    processes.start("web")
    wait_for(Process.objects.exists)
    processes.stop()
    assert seen == [True]
    assert not Process.objects.exists()
