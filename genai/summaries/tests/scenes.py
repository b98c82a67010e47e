"""What summaries' tests look at: an alert with its past, an incident with what was done in it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from monitoring.alerts.models import Alert
from monitoring.incidents import timeline
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.inventory.models import Resource
from remediation.models import Execution

EVIDENCE = {"expr": "cpu > 90", "value": 97.0, "op": ">", "threshold": 90, "samples": [[1, 20.0], [2, 50.0], [3, 97.0]]}


def alert(**given: Any) -> Alert:
    now = timezone.now()
    resource = Resource.objects.get_or_create(kind="host", name="web-03")[0]
    columns = {
        "fingerprint": "cpu-web-03", "name": "CpuHigh", "state": "firing", "severity": "high", "resource": resource, "evidence": EVIDENCE,
        "annotations": {"summary": "CPU of web-03 is high"}, "started_at": now - timedelta(minutes=20),
        "fired_at": now - timedelta(minutes=15),
    }  # fmt: skip
    return Alert.objects.create(**{**columns, **given})


def incident(**given: Any) -> Incident:
    now = timezone.now()
    columns = {
        "title": "Checkout slow", "severity": "high", "status": "open", "services": ["checkout"], "alert_count": 1,
        "started_at": now - timedelta(minutes=30), "detected_at": now - timedelta(minutes=20),
    }  # fmt: skip
    return Incident.objects.create(**{**columns, **given})


def outage() -> Incident:
    """An incident with its alert, a note and a case that helped."""
    found, one = incident(), alert()
    IncidentAlert.objects.create(incident=found, alert=one, role="root")
    Incident.objects.filter(pk=found.pk).update(root_alert=one)
    timeline.add(found.pk, "note", "Looks like the pool.", actor="Ann")
    case(incident=found, alert=one, resource=one.resource)
    return Incident.objects.get(pk=found.pk)


def case(**given: Any) -> Execution:
    columns = {
        "title": "Restart checkout", "target": "web-03", "target_key": "resource:1", "cause": "CpuHigh", "state": "succeeded",
        "verification": "held", "outcome": "It was fixed.", "finished_at": timezone.now(),
    }  # fmt: skip
    return Execution.objects.create(**{**columns, **given})
