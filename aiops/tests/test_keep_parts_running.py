"""Worker, beat and resumption survive faults that are not theirs."""

import threading
from datetime import timedelta

import pytest
from celery.schedules import schedule
from django.db import OperationalError

from aiops import metrics, resume
from aiops.beat import RETRY, Scheduler
from aiops.celery import app
from aiops.embedded import Part


class Service:
    def __init__(self, faults):
        self.faults, self.running, self.ended = faults, threading.Event(), threading.Event()

    def run(self):
        if self.faults:
            raise self.faults.pop()
        self.running.set()
        assert self.ended.wait(5)


@pytest.mark.parametrize("fault", [OperationalError("disk full"), SystemExit(1), RuntimeError("broken")])
def test_a_part_that_dies_is_made_anew(fault):
    faults, made = [fault], []

    def make():
        made.append(Service(faults))
        return made[-1]

    part = Part("worker", make, Service.run, lambda service: service.ended.set())
    part.stopping.wait = lambda pause: False  # no pause in tests
    before = metrics.ERRORS.labels("worker")._value.get()
    part.start()
    while len(made) < 2 or not made[1].running.wait(5):
        pass
    part.stop()
    part.thread.join(5)
    assert not part.thread.is_alive()
    assert len(made) == 2
    assert metrics.ERRORS.labels("worker")._value.get() == before + 1


def test_a_part_that_cannot_even_be_made_is_tried_again():
    attempts, service = [], Service([])

    def make():
        attempts.append(1)
        if len(attempts) < 3:
            raise OperationalError("no database yet")
        return service

    part = Part("beat", make, Service.run, lambda service: service.ended.set())
    part.stopping.wait = lambda pause: False
    part.start()
    assert service.running.wait(5)
    part.stop()
    part.thread.join(5)
    assert len(attempts) == 3


@pytest.fixture
def scheduler(transactional_db, monkeypatch):
    monkeypatch.setitem(app.conf, "beat_schedule", {"look": {"task": "none.such", "schedule": schedule(timedelta(hours=1))}})
    return Scheduler(app=app, max_interval=5)


def test_beat_ticks_again_after_a_database_fault(scheduler, monkeypatch):
    assert 0 <= scheduler.tick() <= 5
    ticked = metrics.LAST_TICK._value.get()

    def gone(self):
        raise OperationalError("the database is gone")

    with monkeypatch.context() as outage:
        outage.setattr(Scheduler, "schedule", property(gone))
        assert scheduler.tick() == RETRY
        assert metrics.LAST_TICK._value.get() == ticked
    scheduler.tick()
    assert metrics.LAST_TICK._value.get() > ticked


def test_beat_does_not_start_with_half_its_schedule(transactional_db, monkeypatch):
    def gone(*args, **kwargs):
        raise OperationalError("the database is gone")

    monkeypatch.setattr(Scheduler.Entry, "from_entry", gone)
    with pytest.raises(OperationalError):
        Scheduler(app=app)


def test_unfinished_work_is_taken_up_although_one_room_fails(monkeypatch):
    done = []
    monkeypatch.setattr(resume, "_functions", [])

    @resume.register
    def fails():
        raise OperationalError("locked")

    resume.register(lambda: done.append("sources"))
    resume.run()
    assert done == ["sources"]


def test_a_function_is_registered_once(monkeypatch):
    monkeypatch.setattr(resume, "_functions", [])
    done = []
    for _ in range(2):
        resume.register(done.sort)
    assert len(resume._functions) == 1
