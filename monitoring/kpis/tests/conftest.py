"""Alerts, incidents and services of a known past. Times are minutes before now."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from monitoring.alerts.models import Alert, AlertTransition
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.inventory.models import Resource

NOW = datetime.fromtimestamp(int(time.time()), UTC)
DAY = 24 * 60


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.fixture
def host(db) -> Callable[..., Resource]:
    def make(name="web-1", kind="host", days=100, **labels):
        return Resource.objects.create(kind=kind, name=name, labels=labels, first_seen=ago(days * DAY), last_seen=NOW)

    return make


@pytest.fixture
def alert(db) -> Callable[..., Alert]:
    """alert(fired, lasted=…): minutes ago, minutes; lasted None = it still fires."""

    def make(fired, lasted=10, name="Down", severity="high", onset=2, seen=None, resource=None, **fields):
        over = lasted is not None
        given = {
            "state": "resolved" if over else "firing", "resolution": "recovered" if over else "", "started_at": ago(fired + onset),
            "fired_at": ago(fired), "resolved_at": ago(fired - lasted) if over else None,
            "acknowledged_at": None if seen is None else ago(fired - seen), "ownership": "new" if seen is None else "acknowledged",
        }  # fmt: skip
        return Alert.objects.create(
            fingerprint=f"{name} {fired} {Alert.objects.count()}",
            name=name,
            severity=severity,
            resource=resource,
            labels={},
            **given | fields,
        )

    return make


@pytest.fixture
def incident(db) -> Callable[..., Incident]:
    def make(detected, lasted=30, severity="high", onset=5, seen=None, alerts=(), **fields):
        given = {
            "started_at": ago(detected + onset), "detected_at": ago(detected), "status": "open" if lasted is None else "resolved",
            "acknowledged_at": None if seen is None else ago(detected - seen),
            "resolved_at": None if lasted is None else ago(detected - lasted),
            "resolution": "" if lasted is None else "recovered",
        }  # fmt: skip
        row = Incident.objects.create(title="Trouble", severity=severity, **given | fields)
        IncidentAlert.objects.bulk_create([IncidentAlert(incident=row, alert=one) for one in alerts])
        return row

    return make


@pytest.fixture
def covered(db) -> Callable[..., None]:
    """A maintenance window lay over the alert, from and to minutes ago."""

    def make(alert, start, end, kind="maintenance"):
        AlertTransition.objects.create(alert=alert, axis="suppression", before="", after=f"{kind} 1", time=ago(start))
        AlertTransition.objects.create(alert=alert, axis="suppression", before=f"{kind} 1", after="", time=ago(end))

    return make
