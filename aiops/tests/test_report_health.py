"""/healthz, /readyz and /api/health: what is said, to whom, and what the platform checks about itself."""

import threading
import time
from collections import namedtuple
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.test import RequestFactory
from django.utils import timezone

from aiops import health, metrics, middleware, probes, processes
from aiops.health import Health
from aiops.models import Process


@pytest.fixture
def checks(monkeypatch):
    """Only these parts exist."""
    mine = {}
    monkeypatch.setattr(health, "_checks", mine)
    monkeypatch.setattr(middleware.time, "monotonic", iter(range(100, 10_000, 10)).__next__)  # no answer is remembered
    return mine


def gone():
    raise ConnectionError("connection refused")


def test_a_running_process_is_live_whatever_else_is_broken(client, checks):
    checks["database"] = gone
    assert client.get("/healthz").json() == {"status": "ok"}


def test_probes_ask_for_no_host_name_and_no_https(client, checks, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz", headers={"host": "10.0.0.7:8000"}).status_code == 200


def test_ready_when_database_broker_and_channel_layer_answer(client, checks):
    checks.update({name: lambda: Health("ok", "fine", 0.0) for name in health.READY})
    checks["worker"] = gone
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "checks": dict.fromkeys(health.READY, "ok")}


def test_not_ready_while_one_of_them_is_gone(client, checks):
    checks.update({name: lambda: Health("ok") for name in health.READY})
    checks["broker"] = gone
    response = client.get("/readyz")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json()["checks"] == {"database": "ok", "broker": "failed", "channel layer": "ok"}
    assert "refused" not in response.content.decode()
    checks["broker"] = lambda: Health("ok")
    assert client.get("/readyz").status_code == 200


def test_readiness_is_asked_once_a_second(client, checks, monkeypatch):
    asked = []
    checks["database"] = lambda: asked.append(1) or Health("ok")
    monkeypatch.setattr(middleware.time, "monotonic", lambda: 1000.0)
    for _ in range(20):
        client.get("/readyz")
    assert len(asked) == 1


@pytest.mark.django_db
def test_the_api_says_status_sentence_and_age(checks, viewer, client_of):
    checks["database"] = lambda: Health("ok", "sqlite answered in 0.1 ms", 0.0)
    checks["worker"] = lambda: Health("degraded", "has not finished a task for a minute", 75.0)
    checks["store"] = gone
    body = client_of(viewer).get("/api/health").json()
    assert body["status"] == "failed"
    assert body["checks"]["worker"] == {"status": "degraded", "detail": "has not finished a task for a minute", "age_seconds": 75.0}
    assert body["checks"]["store"]["detail"] == "ConnectionError: connection refused"


@pytest.mark.django_db
def test_a_stranger_is_not_told(client):
    response = client.get("/api/health")
    assert response.status_code == 401
    assert list(response.json()) == ["error"]


@pytest.mark.django_db
def test_the_parts_of_this_installation_answer():
    assert probes.database().status == "ok"
    assert probes.broker().status == "ok"
    assert probes.channel_layer().status == "ok"
    assert set(probes.queue_depth()) == {"default", "forecast", "genai", "poll", "remediate", "store"}


@pytest.mark.django_db
def test_a_database_that_takes_no_writes_is_degraded(monkeypatch):
    def refuses(**filters):
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(Process.objects, "filter", refuses)
    result = probes.database()
    assert (result.status, "can be read but not written" in result.detail) == ("degraded", True)


@pytest.mark.django_db
def test_the_process_that_answers_is_alive_although_its_heartbeat_cannot_be_written(monkeypatch):
    running("embedded", 300)
    monkeypatch.setattr(processes, "name", lambda: "embedded@here:1")
    metrics.LAST_TASK.set(time.time() - 4)
    result = probes.worker()
    assert (result.status, round(result.age_seconds)) == ("ok", 4)


@pytest.mark.parametrize(("free", "status"), [(50, "ok"), (8, "degraded"), (1, "failed")])
def test_a_filling_disk_is_told_before_it_is_full(monkeypatch, free, status):
    usage = namedtuple("usage", "total used free")(100, 100 - free, free)
    monkeypatch.setattr(probes.shutil, "disk_usage", lambda path: usage)
    assert probes.disk().status == status


def running(role, seconds_ago, **gauges):
    counters = [[name, "gauge", "", [[name, {}, value]]] for name, value in gauges.items()]
    seen = timezone.now() - timedelta(seconds=seconds_ago)
    Process.objects.create(name=f"{role}@here:1", role=role, host="here", pid=1, seen_at=seen, counters=counters)


@pytest.mark.django_db
class TestWorker:
    def test_it_failed_when_there_is_none(self):
        assert probes.worker() == Health("failed", "no worker process is running")

    @pytest.mark.parametrize("role", ["worker", "embedded"])
    def test_it_is_ok_while_it_finishes_tasks(self, role):
        running(role, 3, aiops_last_task_timestamp_seconds=time.time() - 2)
        result = probes.worker()
        assert result.status == "ok"
        assert result.age_seconds == pytest.approx(2, abs=1)

    def test_it_failed_when_its_heartbeat_stopped(self):
        running("worker", 60, aiops_last_task_timestamp_seconds=time.time())
        result = probes.worker()
        assert (result.status, round(result.age_seconds)) == ("failed", 60)

    def test_it_is_degraded_when_it_beats_but_finishes_nothing(self):
        running("worker", 1, aiops_last_task_timestamp_seconds=time.time() - 300)
        assert probes.worker().status == "degraded"

    def test_it_is_given_a_minute_after_its_start(self):
        running("worker", 1)
        assert probes.worker() == Health("ok", "worker@here:1 has just started", None)
        Process.objects.update(started_at=timezone.now() - timedelta(minutes=5))
        assert probes.worker().status == "degraded"

    def test_a_web_process_is_no_worker(self):
        running("web", 1)
        assert probes.worker().status == "failed"

    def test_beat_is_judged_by_its_ticks(self):
        running("beat", 1, aiops_beat_last_tick_timestamp_seconds=time.time() - 1)
        assert probes.beat().status == "ok"


@pytest.fixture
def writer_that_waits(transactional_db):
    """Another connection that is in the middle of writing the row of this process."""
    held, done = threading.Event(), threading.Event()
    now = timezone.now()
    Process.objects.create(name=processes.name(), role="web", host="here", pid=1, started_at=now, seen_at=now)

    def write():
        with transaction.atomic():
            Process.objects.update(pid=2)
            held.set()
            done.wait(20)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert held.wait(5)
    yield
    done.set()
    thread.join()


def test_a_database_that_somebody_holds_is_told_soon(writer_that_waits):
    began = time.monotonic()
    found = probes.database()
    assert (found.status, time.monotonic() - began < 5) == ("degraded", True)
    assert "can be read but not written" in found.detail
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout" if connection.vendor == "sqlite" else "SHOW lock_timeout")
        assert cursor.fetchone()[0] in (20_000, "0")  # who has something to write waits as before


def test_a_slow_check_is_run_once_however_many_ask(monkeypatch):
    running, go_on, runs = threading.Event(), threading.Event(), []

    def slow():
        runs.append(1)
        if len(runs) > 1:
            running.set()
            go_on.wait(10)
        return Health("ok")

    monkeypatch.setattr(health, "_checks", dict.fromkeys(health.READY, slow))
    ready = middleware.Probes(lambda request: None)
    monkeypatch.setattr(health, "READY", health.READY[:1])
    asked = RequestFactory().get("/readyz")
    ready(asked)
    ready.asked_at -= 2
    first = threading.Thread(target=ready, args=[asked])
    first.start()
    assert running.wait(5)
    assert [ready(asked).status_code for _ in range(5)] == [200] * 5
    go_on.set()
    first.join()
    assert len(runs) == 2
