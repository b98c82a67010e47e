"""Incidents: which there are, the story of one, and which looked like it before and what was done then."""

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet

from genai.evidence.kinds import address
from genai.tools import base, citing, subjects, times, words
from genai.tools.base import Context, Json, Result, Tool, ToolError
from genai.tools.remediation import outcome
from genai.tools.words import said
from monitoring.alerts.models import Severity
from monitoring.incidents.models import ROOT_FIRST, Incident, IncidentAlert
from monitoring.incidents.similar import similar
from monitoring.incidents.story import story
from remediation.models import Execution

USUAL, MOST_ALERTS, MOST_STORY, MOST_NOTES, MOST_DONE = 12, 12, 25, 2500, 4
MONTH = timedelta(days=30)


def incidents(given: Json, context: Context) -> Result:
    rows, limit = _chosen(given, context), given.get("limit", USUAL)
    total = rows.count()
    found = list(rows.order_by("-detected_at", "-pk").defer("notes_md")[:limit])
    evidence = {one.pk: citing.incident(one) for one in found[: citing.MOST_ROWS]}
    told = [f"{words.cited(evidence.get(one.pk))}{line(one)}" for one in found]
    cells = [_cells(one) for one in found]
    blocks = [words.table("Incidents", ["Number", "Title", "Severity", "Status", "Began"], cells)] if cells else []
    text = words.lines(f"{words.many(total, 'incident')}, the newest first", told, total - len(found))
    return Result(text, {"total": total, "incidents": [one.pk for one in found]}, [one for one in evidence.values() if one], blocks)


def _cells(one: Incident) -> list[tuple[str, str]]:
    said_of = (one.title, one.severity, one.status, words.moment(one.started_at))
    return [(one.number, address("incident", one.pk)), *((text, "") for text in said_of)]


def _chosen(given: Json, context: Context) -> QuerySet[Incident]:
    rows, status = Incident.counted(), given.get("status", "any" if given.get("start") else "open")
    if status != "any":
        over = Q(status=Incident.Status.RESOLVED)
        rows = rows.filter(over if status == "resolved" else ~over)
    if given.get("start") or status == "resolved":
        start, end = times.window(given, context, MONTH)
        rows = rows.filter(started_at__lte=end).filter(Q(resolved_at=None) | Q(resolved_at__gte=start))
    if severity := given.get("severity"):
        rows = rows.filter(severity=severity)
    if name := given.get("resource"):
        about = Incident.objects.filter(members__alert__resource=subjects.resource(name, context))
        rows = rows.filter(pk__in=about.values("pk"))
    for word in given.get("words", "").split()[:10]:
        rows = rows.filter(
            Q(title__icontains=word) | Q(services__icontains=word) | Q(members__alert__resource__name__icontains=word)
        ).distinct()
    return rows


def line(one: Incident) -> str:
    services = f", services {', '.join(said(name, 60) for name in one.services[:5])}" if one.services else ""
    head = f"{one.number} {said(one.title, 200)} ({one.severity}, {one.status}, {words.many(one.alert_count, 'alert')}{services})"
    return f"{head}: began {words.moment(one.started_at)}, {words.lasted(one.started_at, one.resolved_at)}"


def incident(given: Json, context: Context) -> Result:
    found = subjects.incident(given.get("id", ""), context)
    own = citing.incident(found)
    members = IncidentAlert.objects.filter(incident=found).select_related("alert__resource").order_by(ROOT_FIRST, "joined_at")
    listed = [(one, citing.alert(one.alert)) for one in members[:MOST_ALERTS]]
    parts = [
        f"{words.cited(own)}{line(found)}",
        f"commander: {found.commander.name if found.commander else 'nobody'}",
        *(_member(one, words.cited(note)) for one, note in listed),
        *(_event(one) for one in reversed(story(found, most=MOST_STORY))),
        *([f"notes afterwards:\n{words.block(found.notes_md, MOST_NOTES)}"] if found.notes_md else []),
    ]
    data = {"id": found.pk, "title": found.title, "started_at": found.started_at.isoformat(), "status": found.status,
            "alerts": [one.alert_id for one, _ in listed]}  # fmt: skip
    return Result("\n".join(parts), data, [one for one in (own, *(note for _, note in listed)) if one])


def _member(one: IncidentAlert, note: str) -> str:
    where = said(one.alert.resource.name) if one.alert.resource else "–"
    head = f"{one.role} alert {note}{said(one.alert.name)} (id {one.alert_id}) on {where}"
    return f"{head} since {words.moment(one.alert.started_at)}: {said(one.reason, 160)}"


def _event(one: dict[str, Any]) -> str:
    return f"{words.moment(one['time'])}: {said(' '.join(filter(None, (one.get('name', ''), str(one['text'])))), 240)}"


def similar_incidents(given: Json, context: Context) -> Result:
    """Those that looked alike, each with what was done about it."""
    found = _meant(given, context)
    alike = similar(found)[: given.get("limit", 5)]
    told, evidence, data = [], [], []
    for one in alike:
        note = citing.incident(one.incident)
        done = list(Execution.objects.filter(incident=one.incident, dry_run=False).order_by("-created_at")[:MOST_DONE])
        notes = [citing.of("execution", run.pk, said(str(run)), said(outcome(run))) for run in done]
        acts = [f"  done then {words.cited(seen)}{run.number} {said(run.title, 160)}: {said(outcome(run), 200)}"
                for run, seen in zip(done, notes, strict=True)]  # fmt: skip
        review = f"\n  notes: {said(one.incident.notes_md, 400)}" if one.incident.notes_md else ""
        told.append("\n".join([f"{words.cited(note)}{one.share} % alike ({said(one.shared, 160)}): {line(one.incident)}{review}", *acts]))
        evidence += [note, *notes]
        data.append({"id": one.incident.pk, "share": one.share, "executions": [run.pk for run in done]})
    how_many = words.many(len(alike), "earlier incident") if alike else "No earlier incident"
    head = f"{how_many} looked like {found.number} {said(found.title, 120)}"
    return Result(words.lines(head, told), {"incident": found.pk, "similar": data}, [one for one in evidence if one])


def _meant(given: Json, context: Context) -> Incident:
    """The one named; else that of the page, of the page's alert, or the latest one of the page's resource."""
    kind, _, pk = context.subject.partition(":")
    if given.get("id") or kind == "incident":
        return subjects.incident(given.get("id", ""), context)
    if kind in ("alert", "resource") and pk.isdecimal():
        about = {"members__alert": pk} if kind == "alert" else {"members__alert__resource": pk}
        if found := Incident.counted().filter(**about).order_by("-detected_at").first():
            return found
    if found := Incident.counted().order_by("-detected_at").first():
        return found
    raise ToolError("There is no incident yet that others could be compared with.")


INCIDENTS = Tool(
    "incidents",
    "List incidents by status, severity, resource, words and time; the newest first. Without arguments: the open ones.",
    base.takes(
        status=base.one_of("default open; with a start: any", "open", "resolved", "any"),
        severity=base.one_of("only this severity", *Severity.values),
        resource=base.text("only with alerts about the resource of this name", 255),
        words=base.text("words in title, services or resources", 200),
        start=base.START,
        end=base.END,
        limit=base.LIMIT,
    ),
    "monitoring:read",
    incidents,
)
INCIDENT = Tool(
    "incident",
    "One incident: its alerts, who leads, its timeline, the notes written afterwards.",
    base.takes(id=base.text("its number, INC-7; default: the one the page shows", 40)),
    "monitoring:read",
    incident,
)
SIMILAR_INCIDENTS = Tool(
    "similar_incidents",
    "Earlier incidents that looked like one (same alerts, resources, services), each with what was done about it and how that went.",
    base.takes(id=base.text("INC-7; default: the page's, else the latest", 40), limit=base.number("at most", 1, 8)),
    "monitoring:read",
    similar_incidents,
)
