"""What happened in an incident, told by whoever knows: one sentence each. Anyone to the right may call `add`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from monitoring.alerts.transitions import Actor, Who, portions
from monitoring.incidents.models import Incident, IncidentAlert, TimelineEntry
from monitoring.incidents.signals import incident_changed

KINDS = {
    "opened": "Opened",
    "alert": "Alerts",
    "status": "Status",
    "note": "Notes",
    "change": "Changes",
    "notification": "Notifications",
    "action": "Actions",
    "merge": "Merged and split",
}
LONGEST = 10_000


def add(
    incident_id: int,
    kind: str,
    text: str,
    *,
    time: datetime | None = None,
    actor: Who = None,
    url: str = "",
    data: Mapping[str, Any] | None = None,
    key: str = "",
) -> None:
    """With a `key` it is told once, however often it is called. An incident that is gone is left out."""
    add_many([entry(incident_id, kind, text, time=time, actor=actor, url=url, data=data, key=key)])


def add_for_alerts(alert_ids: Collection[int], kind: str, text: str, **rest: Any) -> list[int]:
    """One entry in each incident that has some of the alerts, with their ids as data["alerts"]; returns the incidents' ids."""
    of: defaultdict[int, list[int]] = defaultdict(list)
    for ids in portions(set(alert_ids)):
        for incident, alert in IncidentAlert.objects.filter(alert_id__in=ids).values_list("incident_id", "alert_id"):
            of[incident].append(alert)
    data = rest.pop("data", None) or {}
    add_many(
        [
            entry(incident, kind, text, data={**data, "alerts": sorted(alerts)[:200], "count": len(alerts)}, **rest)
            for incident, alerts in of.items()
        ]
    )
    return list(of)


def entry(
    incident_id: int,
    kind: str,
    text: str,
    *,
    time: datetime | None = None,
    actor: Who = None,
    url: str = "",
    data: Mapping[str, Any] | None = None,
    key: str = "",
) -> TimelineEntry:
    """Unsaved; many are written at once."""
    who = Actor.of(actor)
    return TimelineEntry(
        incident_id=incident_id, kind=kind[:16], text=text.replace("\0", "")[:LONGEST], time=time or timezone.now(), actor=who.name,
        user_id=who.user_id, url=url[:500], data=dict(data or {}), key=key[:200],
    )  # fmt: skip


def add_many(entries: Iterable[TimelineEntry]) -> None:
    """Of incidents that are gone nothing is written."""
    rows = list(entries)
    with transaction.atomic():
        known = set(Incident.objects.filter(pk__in={row.incident_id for row in rows}).values_list("pk", flat=True))
        write(row for row in rows if row.incident_id in known)
        told(incident_changed, known)


def write(entries: Iterable[TimelineEntry]) -> None:
    TimelineEntry.objects.bulk_create(entries, batch_size=500, ignore_conflicts=True)


def told(signal: Signal, incident_ids: Iterable[int]) -> None:
    """After commit."""
    ids = sorted(set(incident_ids))
    if ids:
        transaction.on_commit(partial(signal.send_robust, sender=Incident, incident_ids=ids))
