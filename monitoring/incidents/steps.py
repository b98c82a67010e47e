"""An incident's steps from status to status, and how many incidents are written at once."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from monitoring.alerts.transitions import Actor, Who
from monitoring.incidents import memory, timeline
from monitoring.incidents.models import Incident, StatusChange, TimelineEntry
from monitoring.incidents.signals import incident_changed, incident_opened, incident_resolved
from monitoring.incidents.timeline import entry, told

Status = Incident.Status
WORDS = {
    Status.OPEN: "Open again",
    Status.ACKNOWLEDGED: "Acknowledged",
    Status.INVESTIGATING: "Being investigated",
    Status.MITIGATED: "Mitigated",
    Status.RESOLVED: "Resolved",
}
WRITTEN = [
    "title", "named", "severity", "rated", "status", "commander", "manual", "arranged", "root_alert", "services", "alert_count",
    "started_at", "detected_at", "last_alert_at", "acknowledged_at", "mitigated_at", "resolved_at", "resolution", "merged_into", "notes_md",
]  # fmt: skip


class Steps:
    """What one call does to incidents, collected and then written: rows, status changes, timeline, signals."""

    def __init__(self, now: datetime, actor: Who = None) -> None:
        self.now, self.actor = now, actor
        self.touched: dict[int, Incident] = {}
        self.changes: list[StatusChange] = []
        self.entries: list[TimelineEntry] = []
        self.opened: set[int] = set()
        self.resolved: set[int] = set()

    def touch(self, incident: Incident) -> Incident:
        return self.touched.setdefault(incident.pk, incident)

    def tell(self, incident: Incident, kind: str, text: str, **rest: Any) -> None:
        self.touch(incident)
        self.entries.append(entry(incident.pk, kind, text, **{"time": self.now, "actor": self.actor, **rest}))

    def begin(self, incident: Incident, reason: str) -> None:
        """It is new; its row is there already."""
        self.opened.add(incident.pk)
        self._note(incident, "", Status.OPEN, reason)
        self.tell(incident, "opened", reason, key="opened")

    def move(self, incident: Incident, after: str, reason: str = "", at: datetime | None = None) -> bool:
        """False where it is there already. `at` is when it came to be so, if not now."""
        before, at = incident.status, at or self.now
        if before == after:
            return False
        was_over = before == Status.RESOLVED
        incident.status = after
        _stamp(incident, Status(after), at)
        (self.resolved if after == Status.RESOLVED else self.opened if was_over else set()).add(incident.pk)
        self._note(incident, before, after, reason)
        words = "Opened again" if was_over else WORDS[Status(after)]
        self.tell(incident, "status", f"{words}: {reason}" if reason else words, data={"before": before, "after": after})
        return True

    def _note(self, incident: Incident, before: str, after: str, reason: str) -> None:
        who = Actor.of(self.actor)
        self.changes.append(
            StatusChange(
                incident_id=incident.pk, time=self.now, before=before, after=after, reason=reason, actor=who.name, user_id=who.user_id
            )
        )

    def save(self) -> list[int]:
        """Inside `arranging`. Returns the ids of the incidents that were touched."""
        write(self.touched.values())
        StatusChange.objects.bulk_create(self.changes, batch_size=500)
        memory.forget(pk for pk, one in self.touched.items() if not one.is_open)
        told(incident_opened, self.opened - self.resolved)
        told(incident_resolved, {pk for pk in self.resolved if self.touched[pk].merged_into_id is None})
        timeline.write(self.entries)
        told(incident_changed, self.touched)
        return list(self.touched)


def _stamp(incident: Incident, after: Incident.Status, at: datetime) -> None:
    """The times that go with a status; what an earlier one said and does not hold any more is taken back."""
    if after in (Status.ACKNOWLEDGED, Status.INVESTIGATING):
        incident.acknowledged_at = incident.acknowledged_at or at
    if after == Status.MITIGATED:
        incident.mitigated_at = at
    if after == Status.RESOLVED:
        incident.mitigated_at, incident.resolved_at = incident.mitigated_at or at, at
    elif after != Status.MITIGATED:
        incident.mitigated_at = None
    if after != Status.RESOLVED:
        incident.resolved_at, incident.resolution = None, ""


def write(incidents: Iterable[Incident]) -> None:
    rows = [one for one in incidents if one.pk]
    if rows:
        Incident.objects.bulk_create(rows, batch_size=200, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)


def back(incident: Incident) -> str:
    """The status of one that is not over after all."""
    if incident.acknowledged_at is None:
        return Status.OPEN
    return Status.INVESTIGATING if incident.commander_id else Status.ACKNOWLEDGED
