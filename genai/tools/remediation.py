"""What was done about troubles, and what could be: executions of remediation, and runbooks with their track record."""

from datetime import timedelta

from django.db.models import Q, QuerySet

from genai.evidence import collect
from genai.evidence.kinds import address
from genai.evidence.models import Evidence
from genai.tools import base, citing, subjects, times, words
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.words import said
from remediation import case_manual
from remediation.case_manual import Choice, Subject
from remediation.case_words import state as sign_of
from remediation.models import Execution

USUAL, MOST_RUNBOOKS = 12, 12
MONTH = timedelta(days=30)


def executions(given: Json, context: Context) -> Result:
    rows, limit = _chosen(given, context), given.get("limit", USUAL)
    total = rows.count()
    found = list(rows.select_related("runbook", "resource", "incident", "alert").order_by("-created_at", "-pk")[:limit])
    evidence = {one.pk: citing.of("execution", one.pk, said(str(one)), said(outcome(one))) for one in found[: citing.MOST_ROWS]}
    told = [f"{words.cited(evidence.get(one.pk))}{line(one)}" for one in found]
    cells = [[(one.number, address("execution", one.pk)), (one.title, ""), (one.target, ""), (outcome(one), "")] for one in found]
    blocks = [words.table("Remediation", ["Number", "What", "Target", "Outcome"], cells)] if cells else []
    text = words.lines(f"{words.many(total, 'case')} of remediation, the newest first", told, total - len(found))
    return Result(text, {"total": total, "executions": [one.pk for one in found]}, [one for one in evidence.values() if one], blocks)


def _chosen(given: Json, context: Context) -> QuerySet[Execution]:
    start, end = times.window(given, context, MONTH) if given.get("start") else (context.now - MONTH, context.now)
    rows = Execution.objects.filter(created_at__range=(start, end)).defer("plan", "preview", "evidence", "decision")
    if state := given.get("state"):
        rows = rows.filter(state__in=Execution.OPEN) if state == "open" else rows.filter(state__in=Execution.OVER)
    if name := given.get("resource"):
        rows = rows.filter(resource=subjects.resource(name, context))
    if number := given.get("incident"):
        rows = rows.filter(incident=subjects.incident(number, context))
    for word in given.get("words", "").split()[:10]:
        rows = rows.filter(
            Q(title__icontains=word) | Q(target__icontains=word) | Q(cause__icontains=word) | Q(runbook__name__icontains=word)
        )
    return rows


def outcome(one: Execution) -> str:
    """What came of it, in words."""
    head = "rehearsed only" if one.dry_run and one.is_over else sign_of(one).label.lower()
    helped = {"held": ", seen to help", "not_held": ", did not help"}.get(one.verification, "")
    return f"{head}{helped}{f': {one.outcome}' if one.outcome else ''}"


def line(one: Execution) -> str:
    cause = f" because of {said(one.cause, 80)}" if one.cause and one.cause != "manual" else ""
    incident = f", in INC-{one.incident_id}" if one.incident_id else ""
    head = f"{one.number} {said(one.title, 160)} on {said(one.target, 80)}{cause}{incident}, {one.risk} risk"
    return f"{head}, asked by {said(one.requester, 80)} {words.moment(one.created_at)}: {said(outcome(one), 240)}"


# -- runbooks --------------------------------------------------------------------------------------------------------------
def runbooks(given: Json, context: Context) -> Result:
    about = subject(given, context)
    wanted = given.get("words", "").lower().split()
    listed = [one for one in case_manual.choices(about) if all(word in _searched(one) for word in wanted)]
    found = [one for one in listed if one.fits] if given.get("fitting") else listed
    shown = found[: given.get("limit", MOST_RUNBOOKS)]
    evidence = {one.runbook.pk: cite(one) for one in shown}
    told = [f"{words.cited(evidence[one.runbook.pk])}{_line(one, bool(about.title))}" for one in shown]
    cells = [
        [(one.runbook.name, address("runbook", one.runbook.pk)), ("yes" if one.fits else "no", ""), (one.record.words, "")] for one in shown
    ]
    blocks = [words.table("Runbooks", ["Runbook", "Fits", "Track record"], cells)] if cells else []
    whom = f" for {said(about.title, 100)}, those that fit first" if about.title else ", those that helped most often first"
    head = f"{words.many(len(found), 'runbook')}{whom}"
    data = {"runbooks": [{"key": one.runbook.key, "fits": one.fits, "record": one.record.words} for one in shown]}
    return Result(words.lines(head, told, len(found) - len(shown)), data, [one for one in evidence.values() if one], blocks)


def subject(given: Json, context: Context) -> Subject:
    """What the arguments name; else what the page shows."""
    kind = "" if any(given.get(name) for name in ("alert", "incident", "resource", "target")) else context.subject.partition(":")[0]
    incident = subjects.incident(given.get("incident", ""), context) if given.get("incident") or kind == "incident" else None
    alert = subjects.alert(given.get("alert", ""), context) if given.get("alert") or kind == "alert" else None
    resource = subjects.resource(given.get("resource", ""), context) if given.get("resource") or kind == "resource" else None
    if incident is not None and alert is None and resource is None:
        alert = incident.root_alert
    return Subject(alert, resource, incident, given.get("target", ""))


def _searched(one: Choice) -> str:
    return f"{one.runbook.key} {one.runbook.name} {one.runbook.description}".lower()


def cite(one: Choice) -> Evidence | None:
    current = one.runbook.current
    if current is None:
        return None
    try:
        return collect.of("runbook", {"key": one.runbook.key, "version": current.number}, said(one.runbook.name), one.record.words)
    except collect.Gone:
        return None


def _line(one: Choice, meant: bool) -> str:
    """With its parameters: a proposal needs them. `meant`: it was asked for something that it fits or not."""
    fields = ", ".join(f"{field.name} ({field.type}{', required' if field.required else ''})" for field in one.spec.parameters)
    fits = ("fits; " if one.fits else "made for something else; ") if meant else ""
    head = f"{one.runbook.key}: {said(one.runbook.name, 120)} ({fits}{one.record.words}{f' {one.record.of}' if one.record.runs else ''})"
    return f"{head}: {said(one.runbook.description, 200)} parameters: {fields or 'none'}"


_ABOUT = {
    "alert": base.text("for the alert of this number", 40),
    "incident": base.text("for the incident of this number", 40),
    "resource": base.text("for the resource of this name", 255),
}
EXECUTIONS = Tool(
    "executions",
    "What was done: cases of remediation with their outcome, the newest first. For 'what did we do last time'.",
    base.takes(
        words=base.text("words in title, target, cause or runbook", 200),
        resource=base.text("only on the resource of this name", 255),
        incident=base.text("only in the incident of this number", 40),
        state=base.one_of("going on, or over", "open", "over"),
        start=base.START,
        end=base.END,
        limit=base.LIMIT,
    ),
    "monitoring:read",
    executions,
)
RUNBOOKS = Tool(
    "runbooks",
    "Runbooks for an alert, incident or resource (default: the page's), with parameters and how often each helped.",
    base.takes(
        (),
        **_ABOUT,
        words=base.text("words in key, name or description", 200),
        fitting=base.yes_or_no("only those made for it"),
        limit=base.number("at most", 1, 30),
    ),
    "monitoring:read",
    runbooks,
)
