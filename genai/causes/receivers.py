"""Incidents that open or go on are explained before anybody looks at them, in a storm no more often than once per pause."""

from typing import Any

from django.dispatch import receiver

from genai.causes import tasks
from monitoring.alerts.pacing import Pacing, ask
from monitoring.incidents.signals import incident_changed
from monitoring.incidents.tasks import Arrived

PAUSE = 20.0  # seconds: alerts of one trouble come one after the other
changed = Arrived()
explain = Pacing(lambda: ask(tasks.explain_incidents, changed.take()), PAUSE)


@receiver(incident_changed, dispatch_uid="causes of incidents")
def on_incident_changed(incident_ids: list[int], **rest: Any) -> None:
    changed.add(incident_ids)
    explain()
