import pytest

from monitoring.live import receivers
from monitoring.sources.signals import source_failed, source_polled


@pytest.fixture
def ticks(monkeypatch):
    sent = []
    monkeypatch.setattr(receivers, "publish_many", sent.extend)
    now = [100.0]
    for name in ("fleet_pace", "sources_pace"):
        monkeypatch.setattr(receivers, name, receivers.Pace(1.0, lambda: now[0]))
    return sent, now


def test_a_poll_ticks_its_resources_the_fleet_and_the_sources(ticks):
    sent, _ = ticks
    source_polled.send(sender=None, source_id=3, resource_ids=[7, 8], t_ms=1000)
    assert sent == [
        ("resource:7", {"t": 1000}),
        ("resource:8", {"t": 1000}),
        ("fleet", {"t": 1000}),
        ("sources", {"t": 1000, "source": 3}),
    ]


def test_many_sources_make_one_fleet_tick_a_second(ticks):
    sent, now = ticks
    for step in range(10):
        now[0] = 100.0 + step * 0.25
        source_polled.send(sender=None, source_id=step, resource_ids=[step + 1], t_ms=step)
    assert [topic for topic, _ in sent].count("fleet") == 3
    assert len([topic for topic, _ in sent if topic.startswith("resource:")]) == 10


def test_a_failed_poll_is_told_at_once(ticks):
    sent, _ = ticks
    source_failed.send(sender=None, source_id=3, error="no route", t_ms=5)
    source_failed.send(sender=None, source_id=3, error="no route", t_ms=6)
    assert [payload["error"] for _, payload in sent] == ["no route", "no route"]
