from datetime import UTC, datetime, timedelta

import pytest

from monitoring.alerts.lifecycle import Observation, fingerprint, observe
from monitoring.alerts.models import Alert

T0 = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def seen(name="Down", state="firing", **fields):
    labels = {"alertname": name, **fields.pop("labels", {})}
    return Observation(fingerprint("test", labels), state, name=name, labels=labels, source="test", **fields)


@pytest.fixture
def at():
    """Minutes after a fixed moment."""
    return lambda minutes: T0 + timedelta(minutes=minutes)


@pytest.fixture
def fire(db):
    """Alerts that fire, by name."""

    def make(*names, now=None, **fields):
        observe([seen(name, **fields) for name in names], now)
        return list(Alert.objects.filter(name__in=names).order_by("id"))

    return make


@pytest.fixture
def heard(django_capture_on_commit_callbacks):
    """What the signals told while something was done: [(signal's name, sorted alert ids)]."""
    from monitoring.alerts import signals

    told, keep = [], []
    for name in ("alert_opened", "alert_resolved", "alert_changed"):

        def hear(alert_ids, name=name, **rest):
            told.append((name, sorted(alert_ids)))

        keep.append((getattr(signals, name), hear))
        getattr(signals, name).connect(hear)

    def during(work):
        told.clear()
        with django_capture_on_commit_callbacks(execute=True):
            work()
        return list(told)

    yield during
    for signal, hear in keep:
        signal.disconnect(hear)
