import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from aiops import health
from monitoring.notifications import self_check
from monitoring.notifications.models import Channel, Delivery

pytestmark = pytest.mark.django_db


def found():
    return health.run(["notifications"])["notifications"]


def test_all_is_well(engine):
    engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    assert (found().status, found().detail) == ("ok", "1 channel")


def test_a_dead_channel_is_named(engine):
    engine.channel()
    engine.channel("off", enabled=False, dead_since=timezone.now())
    Channel.objects.filter(name="ops").update(dead_since=timezone.now())
    assert (found().status, found().detail) == ("degraded", "notices do not get out by ops")


@pytest.fixture
def later(monkeypatch):
    """Seconds from now on."""
    ahead = [0.0]
    monkeypatch.setattr(self_check, "time", SimpleNamespace(time=lambda: time.time() + ahead[0]))

    def go(seconds):
        ahead[0] += seconds
        return found().status

    return go


def test_changes_that_nobody_reads(engine, later):
    engine.see("A")
    assert [later(0), later(119), later(2)] == ["ok", "ok", "failed"]
    engine.wait()
    assert later(0) == "ok"


def test_what_is_read_on_may_be_much(engine, later):
    engine.see("A")
    assert later(0) == "ok"
    engine.wait()
    engine.see("B")
    assert later(200) == "ok"  # another is the first by now


def test_notices_that_wait(engine, later):
    engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    Delivery.objects.update(status="pending", ended_at=None, next_attempt_at=timezone.now() - timedelta(minutes=3))
    assert [later(0), later(121)] == ["ok", "degraded"]
    Delivery.objects.update(status="sent")
    assert later(0) == "ok"
