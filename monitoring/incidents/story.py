"""The timeline of an incident: what was told to it, and what changed in the inventory meanwhile."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from monitoring.alerts.models import Alert, AlertTransition
from monitoring.alerts.transitions import SYSTEM
from monitoring.incidents.causes import changes_of
from monitoring.incidents.models import Incident, TimelineEntry
from monitoring.inventory.models import ResourceChange
from monitoring.inventory.topology import Topology

BEFORE = timedelta(hours=1)  # of its beginning: what changed may belong to the story
RESOURCES, MOST_CHANGES, MOST_ENDS = 500, 100, 1000
SHOWS = {"all": "All", "alerts": "Alerts", "changes": "Changes", "people": "People", "notifications": "Notifications"}
KINDS = {
    "alerts": ("alert", "opened", "merge"),
    "changes": ("change", "action"),
    "notifications": ("notification",),
}
SIGNS = {
    "opened": ("incidents", "c-critical"), "alert": ("alerts", "c-critical"), "status": ("eye", "c-accent"), "note": ("note", ""),
    "change": ("config", ""), "notification": ("mail", ""), "action": ("remediation", "c-accent"), "merge": ("merge", ""),
}  # fmt: skip
STATUS_SIGNS = {
    "resolved": ("ok", "h-ok"),
    "mitigated": ("shield", "h-ok"),
    "acknowledged": ("ack", "c-accent"),
    "open": ("undo", "c-critical"),
}
CHANGE_SIGNS = {
    "state": ("stale", "h-stale"),
    "health": ("degraded", "h-degraded"),
    "rebooted": ("refresh", ""),
    "facts": ("deploy", "c-accent"),
}
Event = dict[str, Any]


def story(incident: Incident, show: str = "all", most: int = 200) -> list[Event]:
    """Newest first, as ui/_timeline.html takes it; with what happened in those that were merged into it. KeyError for another `show`."""
    SHOWS[show]
    rows = TimelineEntry.objects.filter(Q(incident=incident) | Q(incident__merged_into=incident))
    if show == "people":
        rows = rows.exclude(user=None)
    elif show != "all":
        rows = rows.filter(kind__in=KINDS[show])
    events = [_event(row, incident) for row in rows.order_by("-time", "-id")[:most]]
    if show in ("all", "alerts"):
        events += _ends(incident)
    if show in ("all", "changes"):
        events += [_change(row, more) for row, more in _changes(incident)]
    events.sort(key=lambda one: one["time"], reverse=True)
    return list(_folded(events) if show == "all" else events)[:most]


def _folded(events: Sequence[Event]) -> Iterator[Event]:
    """Notices of one minute that follow each other are one line."""
    for (_, kind), group in groupby(events, lambda one: (one["time"].replace(second=0, microsecond=0), one.get("kind", ""))):
        listed = list(group)
        if kind == "notification" and len(listed) > 2:
            yield {**listed[-1], "text": f"{listed[-1]['text']}, and {len(listed) - 1} more notices"}
        else:
            yield from listed


def _event(row: TimelineEntry, incident: Incident) -> Event:
    icon, tone = (
        STATUS_SIGNS.get(str(row.data.get("after")), SIGNS["status"]) if row.kind == "status" else SIGNS.get(row.kind, ("info", ""))
    )
    where = "" if row.incident_id == incident.pk else f" (in INC-{row.incident_id})"
    noted = row.kind == "note"
    by = "" if noted or row.actor == SYSTEM or row.actor in row.text else f", by {row.actor}"
    return {
        "time": row.time, "icon": icon, "tone": tone, "text": f"{'noted: ' if noted else ''}{row.text}{by}{where}",
        "name": row.actor if noted else "", "url": "", "more": 0, "link": _link(row), "kind": row.kind,
    }  # fmt: skip


def _link(row: TimelineEntry) -> str:
    """Only an address of our own, or one that a browser may open."""
    if row.url.startswith(("/", "https://", "http://")) and not row.url.startswith("//"):
        return row.url
    for name in ("alert", "incident"):
        if isinstance(row.data.get(name), int):
            return address(name, row.data[name])
    return ""


def address(name: str, pk: int) -> str:
    try:
        return reverse(name, args=[pk])
    except NoReverseMatch:
        return ""


def _ends(incident: Incident) -> list[Event]:
    """Alerts that are over, and those that came back; many at one minute are one line."""
    state, firing = AlertTransition.Axis.STATE, Alert.State.FIRING
    rows = AlertTransition.objects.filter(alert__memberships__incident=incident, axis=state)
    rows = rows.filter(Q(after=Alert.State.RESOLVED) | Q(before=Alert.State.RESOLVED, after=firing))
    listed = list(rows.order_by("-id").values_list("time", "after", "alert_id", "alert__name", "alert__resource__name")[:MOST_ENDS])
    listed.sort(key=lambda row: (row[0].replace(second=0, microsecond=0), row[1]))
    told = []
    for (_, after), group in groupby(listed, lambda row: (row[0].replace(second=0, microsecond=0), row[1])):
        some = list(group)
        time, _, alert, name, where = some[-1]
        icon, tone, verb = ("ok", "h-ok", "over") if after != firing else ("alerts", "c-critical", "back")
        text = (
            f"{name}{f' on {where}' if where else ''} is {verb}" if len(some) == 1 else f"{len(some):,} alerts are {verb}: {_named(some)}"
        )
        link = address("alert", alert) if len(some) == 1 else ""
        told.append({"time": time, "icon": icon, "tone": tone, "text": text, "name": "", "url": "", "more": 0, "link": link})
    return told


def _named(rows: Sequence[Any]) -> str:
    names = list(dict.fromkeys(row[3] for row in rows))
    return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")


def _changes(incident: Incident) -> Sequence[tuple[ResourceChange, int]]:
    """Of the resources concerned, from an hour before; the same change of many at one minute is one line."""
    ids = list(
        Alert.objects.filter(memberships__incident=incident)
        .exclude(resource=None)
        .order_by("fired_at")
        .values_list("resource", flat=True)[:RESOURCES]
    )
    until = incident.resolved_at or timezone.now()
    rows = changes_of(Topology.of(ids), incident.started_at - BEFORE, until).exclude(kind=ResourceChange.Kind.HEALTH)
    listed = sorted(rows.order_by("-time")[:MOST_CHANGES], key=_alike)
    alike = [list(group) for _, group in groupby(listed, _alike)]
    return [(group[0], len(group) - 1) for group in alike]


def _alike(row: ResourceChange) -> tuple[datetime, str, str]:
    return row.time.replace(second=0, microsecond=0), row.kind, row.text


def _change(row: ResourceChange, more: int) -> Event:
    icon, tone = CHANGE_SIGNS.get(row.kind, ("config", ""))
    return {
        "time": row.time, "icon": icon, "tone": tone, "text": row.text, "name": row.resource_name, "more": more, "link": "",
        "url": address("resource", row.resource_id) if row.resource_id else "",
    }  # fmt: skip
