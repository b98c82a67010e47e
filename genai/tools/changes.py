"""What changed: in the inventory, by remediation, and in the series themselves."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from aiops.timerange import absolute
from genai.evidence.models import Evidence
from genai.tools import base, citing, subjects, times, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.remediation import line as execution_line
from genai.tools.remediation import outcome
from genai.tools.words import said
from monitoring.alerts.models import Alert
from monitoring.dashboards import what_changed
from monitoring.incidents.causes import TELLING
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.inventory.topology import Topology
from remediation.models import Execution

USUAL, MOST_DONE, MOST_SERIES = 25, 8, 8
BEFORE = timedelta(hours=2)  # of an incident's beginning
AFTER = timedelta(minutes=2)


def changes(given: Json, context: Context) -> Result:
    incident = _incident(given, context)
    start, end = _window(given, context, incident)
    about = _about(given, context, incident)
    rows = _changed(start, end, about, telling=not given.get("states", about is not None and incident is None))
    total, limit = rows.count(), given.get("limit", USUAL)
    found = list(rows.order_by("-time", "-pk")[:limit])
    notes = [citing.change(one) if place < citing.MOST_ROWS else None for place, one in enumerate(found)]
    told = [f"{words.moment(one.time)} {words.cited(note)}{_line(one)}" for one, note in zip(found, notes, strict=True)]
    done, done_notes = _done(start, end, about)
    series, series_notes = _series(start, end, given) if given.get("series") else ([], [])
    where = _where(incident, given)
    parts = [
        words.lines(
            f"{words.many(total, 'change')}{where} from {words.moment(start)} to {words.moment(end)}, the newest first",
            told,
            total - len(found),
        ),
        *([words.lines(f"{words.many(len(done), 'case')} of remediation ran meanwhile", done)] if done else []),
        *([words.lines("Series that left their past the farthest", series)] if series else []),
    ]
    cells = [[(words.moment(one.time), ""), (one.resource_name, ""), (one.text, "")] for one in found]
    blocks = [words.table(f"Changes{where}", ["Time", "Resource", "What"], cells)] if cells else []
    data = {"total": total, "changes": [one.pk for one in found], "start": start.isoformat(), "end": end.isoformat()}
    return Result("\n".join(parts), data, [one for one in (*notes, *done_notes, *series_notes) if one], blocks)


def _incident(given: Json, context: Context) -> Incident | None:
    kind = context.subject.partition(":")[0]
    meant = given.get("incident") or (kind == "incident" and not any(given.get(name) for name in ("resource", "start", "alert")))
    return subjects.incident(given.get("incident", ""), context) if meant else None


def _window(given: Json, context: Context, incident: Incident | None) -> tuple[datetime, datetime]:
    """Before an incident, where one is meant and no time is said."""
    if incident is not None and not given.get("start"):
        return incident.started_at - BEFORE, incident.started_at + AFTER
    return times.window(given, context, BEFORE)


def _about(given: Json, context: Context, incident: Incident | None) -> list[int] | None:
    """Resources concerned and all they hang on; None: every one."""
    if incident is not None:
        ids = IncidentAlert.objects.filter(incident=incident).exclude(alert__resource=None)
        own = [pk for pk in ids.values_list("alert__resource", flat=True)[:500] if pk]
    elif given.get("resource"):
        own = [subjects.resource(given["resource"], context).pk]
    elif given.get("alert"):
        own = [pk for pk in Alert.objects.filter(pk=subjects.alert(given["alert"], context).pk).values_list("resource", flat=True) if pk]
    else:
        return None
    return list(Topology.of(own).places)[:2000] if own else None


def _changed(start: datetime, end: datetime, about: Sequence[int] | None, telling: bool) -> QuerySet[ResourceChange]:
    """`telling`: without states and health, which are effects."""
    rows = ResourceChange.objects.filter(time__range=(start, end))
    rows = rows if about is None else rows.filter(resource__in=about)
    return rows.filter(kind__in=TELLING) if telling else rows


def _line(one: ResourceChange) -> str:
    return f"{said(one.resource_name, 120)} ({one.resource_kind}): {said(one.text, 240)}"


def _where(incident: Incident | None, given: Json) -> str:
    if incident is not None:
        return f" before and around the beginning of {incident.number}"
    return f" of {said(given['resource'], 80)} and what it hangs on" if given.get("resource") else ""


def _done(start: datetime, end: datetime, about: Sequence[int] | None) -> tuple[list[str], list[Evidence | None]]:
    rows = Execution.objects.filter(started_at__range=(start, end), dry_run=False).defer("plan", "preview", "evidence", "decision")
    rows = rows if about is None else rows.filter(resource__in=about)
    found = list(rows.order_by("-started_at")[:MOST_DONE])
    notes = [citing.of("execution", one.pk, said(str(one)), said(outcome(one))) for one in found]
    return [f"{words.cited(note)}{execution_line(one)}" for one, note in zip(found, notes, strict=True)], notes


def _series(start: datetime, end: datetime, given: Json) -> tuple[list[str], list[Evidence | None]]:
    """By the explorer's ranking: about three CPU seconds at most."""
    among = given.get("among", "")
    if not among and given.get("resource"):
        known = Resource.objects.filter(name__iexact=given["resource"]).values_list("name", flat=True).first()
        among = f'{{instance=~"{_escaped(known)}(:.*)?"}}' if known else ""
    found = what_changed.in_window(absolute(round(start.timestamp() * 1000), round(end.timestamp() * 1000)), among)
    listed = found.changes[:MOST_SERIES]
    notes = [citing.series(one.query, start, end, said(one.name), f"{one.before} → {one.now}") for one in listed]
    return [f"{words.cited(note)}{said(one.name, 160)}: {one.before} → {one.now} ({one.word})"
            for one, note in zip(listed, notes, strict=True)], notes  # fmt: skip


def _escaped(name: str) -> str:
    """As a regular expression inside a PromQL text."""
    return re.escape(name).replace("\\", "\\\\").replace('"', '\\"')


CHANGES = Tool(
    "changes",
    "What changed in a time: configuration, versions, reboots, labels, remediation; for an incident, before it began, on all it hangs on.",
    base.takes(
        incident=base.text("before the incident of this number", 40),
        alert=base.text("on the resource of the alert of this number, and what it hangs on", 40),
        resource=base.text("on the resource of this name, and what it hangs on", 255),
        states=base.yes_or_no("also changes of state and health, which are effects rather than causes"),
        series=base.yes_or_no("also the series that left their past the farthest"),
        among=base.text('of these series only: a plain selector such as {instance="web-1"}', 500),
        start=base.START,
        end=base.END,
        limit=base.LIMIT,
    ),
    "monitoring:read",
    changes,
)
