from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.alerts.lifecycle import Observation, fingerprint, observe
from monitoring.alerts.models import Alert
from monitoring.incidents import signals
from monitoring.incidents.correlate import correlate
from monitoring.inventory.models import Resource


@pytest.fixture
def at():
    """Minutes from an hour ago."""
    hour_ago = timezone.now().replace(microsecond=0) - timedelta(hours=1)
    return lambda minutes: hour_ago + timedelta(minutes=minutes)


def seen(name="Down", state="firing", **fields):
    labels = {"alertname": name, **fields.pop("labels", {})}
    identity = {**labels, "resource": str(fields.get("resource", ""))}
    return Observation(fingerprint("test", identity), state, name=name, labels=labels, source="test", **fields)


@pytest.fixture
def fire(db, at):
    """One alert that fires; severity high unless said otherwise."""

    def make(name="Down", minute=0, resource=None, **fields):
        fields = {"severity": "high", "resource": resource.pk if resource else None, **fields}
        (alert,) = observe([seen(name, **fields)], at(minute))
        return Alert.objects.get(pk=alert.pk)

    return make


@pytest.fixture
def end(at):
    """Alerts are over."""

    def over(*alerts, minute=0):
        observe([Observation(alert.fingerprint, "resolved", source="test") for alert in alerts], at(minute))

    return over


@pytest.fixture
def resource(db):
    def make(name, kind="host", parent=None):
        return Resource.objects.create(name=name, kind=kind, parent=parent)

    return make


@pytest.fixture
def incident_of(at):
    """The incident of an alert that was correlated, None where it has none."""

    def of(alert):
        row = alert.memberships.select_related("incident").first()
        return row.incident if row else None

    return of


@pytest.fixture
def opened(fire, incident_of):
    """An incident of one alert."""

    def make(name="Down", minute=0, **fields):
        alert = fire(name, minute, **fields)
        correlate()
        return incident_of(alert)

    return make


@pytest.fixture
def heard(django_capture_on_commit_callbacks):
    """What the signals told while something was done: [(signal's name, incident ids)]."""
    told, keep = [], []
    for name in ("incident_opened", "incident_changed", "incident_resolved"):

        def hear(incident_ids, name=name, **rest):
            told.append((name, incident_ids))

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
