"""What happened in an incident, told by whoever knows: one sentence each. Anyone to the right may call `add`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypedDict, Unpack

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


class Said(TypedDict, total=False):
    """What an entry may say besides. With a `key` it is told once in its incident, however often it is written."""

    time: datetime  # now, unless given
    actor: Who
    url: str
    data: Mapping[str, Any]
    key: str


class OfAlerts(NamedTuple):
    """One sentence for every incident that has some of the alerts."""

    alert_ids: Collection[int]
    kind: str
    text: str
    said: Said


def entry(incident_id: int, kind: str, text: str, **said: Unpack[Said]) -> TimelineEntry:
    """Unsaved; many are written at once."""
    who = Actor.of(said.get("actor"))
    return TimelineEntry(
        incident_id=incident_id, kind=kind[:16], text=text.replace("\0", "")[:LONGEST], time=said.get("time") or timezone.now(),
        actor=who.name, user_id=who.user_id, url=said.get("url", "")[:500], data=dict(said.get("data") or {}),
        key=said.get("key", "")[:200],
    )  # fmt: skip


def add(incident_id: int, kind: str, text: str, **said: Unpack[Said]) -> None:
    """An incident that is gone is left out."""
    add_many([entry(incident_id, kind, text, **said)])


def add_for_alerts(alert_ids: Collection[int], kind: str, text: str, **said: Unpack[Said]) -> list[int]:
    """One entry in each incident that has some of the alerts, with their ids as data["alerts"]; returns the incidents' ids."""
    return add_of_alerts([OfAlerts(alert_ids, kind, text, said)])


def add_of_alerts(told: Sequence[OfAlerts]) -> list[int]:
    """As `add_for_alerts`, for several sentences in a fixed number of statements."""
    incident_of: defaultdict[int, list[int]] = defaultdict(list)  # by alert
    for ids in portions({pk for one in told for pk in one.alert_ids}):
        for incident, alert in IncidentAlert.objects.filter(alert_id__in=ids).values_list("incident_id", "alert_id"):
            incident_of[alert].append(incident)
    entries = [made for one in told for made in _in_each(one, incident_of)]
    add_many(entries)
    return list(dict.fromkeys(made.incident_id for made in entries))


def _in_each(one: OfAlerts, incident_of: Mapping[int, Sequence[int]]) -> Iterator[TimelineEntry]:
    of: defaultdict[int, list[int]] = defaultdict(list)
    for alert in set(one.alert_ids):
        for incident in incident_of.get(alert, ()):
            of[incident].append(alert)
    for incident, alerts in of.items():
        data = {**(one.said.get("data") or {}), "alerts": sorted(alerts)[:200], "count": len(alerts)}
        said: Said = {**one.said, "data": data}
        yield entry(incident, one.kind, one.text, **said)


def add_many(entries: Iterable[TimelineEntry]) -> None:
    """Of incidents that are gone nothing is written."""
    rows = list(entries)
    if not rows:
        return
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
