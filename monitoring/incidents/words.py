"""Words and signs for incidents, their statuses and what happens in them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from monitoring.incidents.models import Incident

Status = Incident.Status


@dataclass(frozen=True)
class Sign:
    label: str
    icon: str
    tone: str


STATUSES = {
    Status.OPEN: Sign("Open", "incidents", "c-critical"),
    Status.ACKNOWLEDGED: Sign("Acknowledged", "ack", "c-accent"),
    Status.INVESTIGATING: Sign("Investigating", "eye", "c-accent"),
    Status.MITIGATED: Sign("Mitigated", "shield", "h-ok"),
    Status.RESOLVED: Sign("Resolved", "ok", "h-ok"),
}
ROLES = {"root": "Root", "symptom": "Symptom", "member": ""}
NEXT = {  # status -> verbs that fit, the most likely first: (verb, label, icon)
    Status.OPEN: (("acknowledge", "Acknowledge", "ack"), ("investigate", "Investigate", "eye"), ("mitigate", "Mitigate", "shield")),
    Status.ACKNOWLEDGED: (("investigate", "Investigate", "eye"), ("mitigate", "Mitigate", "shield")),
    Status.INVESTIGATING: (("mitigate", "Mitigate", "shield"),),
    Status.MITIGATED: (("investigate", "Investigate again", "eye"), ("reopen", "Reopen", "undo")),
    Status.RESOLVED: (("reopen", "Reopen", "undo"),),
}


@dataclass
class Shown:
    """An incident as lists show it."""

    incident: Incident
    firing: int = 0

    @property
    def status(self) -> Sign:
        return STATUSES[Status(self.incident.status)]

    @property
    def lasted(self) -> timedelta:
        return lasted(self.incident)

    @property
    def avatar(self) -> int:
        return (self.incident.commander_id or 0) % 4 + 1


def lasted(incident: Incident, now: datetime | None = None) -> timedelta:
    """From the beginning of the impact to its end, or until now."""
    return max((incident.resolved_at or now or timezone.now()) - incident.started_at, timedelta(0))
