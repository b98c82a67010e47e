"""Documents of what the platform has itself: runbooks, past incidents, what people noted in them. Asked twice it writes once."""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta

from django.utils import timezone

from genai.rag import documents
from genai.rag.documents import Kind
from genai.rag.models import Document
from monitoring.incidents.models import Incident, IncidentAlert, TimelineEntry
from remediation import runbook_words
from remediation.models import Execution, Runbook
from remediation.spec import Spec, SpecError
from remediation.versions import spec_of

NAMES, ACTIONS, NOTES = 30, 20, 200  # of one incident
AT_ONCE, LATELY = 200, timedelta(days=1)  # of what signals missed


# -- runbooks --------------------------------------------------------------------------------------------------------------
def runbooks(keys: Collection[str] | None = None) -> int:
    """Those with the keys, or all; what is gone or cannot be read any more goes."""
    rows = Runbook.objects.select_related("current")
    found = {one.key: one for one in (rows if keys is None else rows.filter(key__in=keys))}
    written = sum(_runbook(one) for one in found.values())
    known = Document.objects.filter(kind=Kind.RUNBOOK)
    there = set((known if keys is None else known.filter(key__in=keys)).values_list("key", flat=True))
    return written + documents.drop(Kind.RUNBOOK, there - set(found))


def _runbook(runbook: Runbook) -> bool:
    try:
        spec = spec_of(runbook)
    except SpecError:
        return bool(documents.drop(Kind.RUNBOOK, [runbook.key]))
    return documents.put(Kind.RUNBOOK, runbook.key, runbook.name, "\n".join(_runbook_lines(runbook, spec)))


def _runbook_lines(runbook: Runbook, spec: Spec) -> Iterator[str]:
    yield f"{spec.description or runbook.description}\n"
    facts = [f"Risk: {spec.risk}.", f"Tags: {', '.join(spec.tags)}." if spec.tags else ""]
    yield " ".join(one for one in facts if one)
    yield from _steps("Steps", spec.steps)
    if spec.success:
        yield "\n## Counts as fixed when\n"
        yield from (f"- {runbook_words.check(one)}" for one in spec.success)
    yield from _steps("If it fails", spec.rollback)


def _steps(heading: str, steps: Iterable[object]) -> Iterator[str]:
    told = runbook_words.steps(steps)  # type: ignore[arg-type]
    if told:
        yield f"\n## {heading}\n"
        yield from (f"{number}. {one.step.title}: {one.line}" for number, one in enumerate(told, 1))


# -- incidents -------------------------------------------------------------------------------------------------------------
def incidents(ids: Collection[int] | None = None) -> int:
    """Resolved ones, and what people noted in any."""
    rows = Incident.counted() if ids is None else Incident.counted().filter(pk__in=ids)
    written, over = 0, set()
    for one in rows.order_by("pk").iterator(chunk_size=200):
        notes = _notes(one)
        if notes:
            written += documents.put(Kind.NOTE, str(one.pk), f"Notes in {one.number} {one.title}"[:300], notes)
        if not one.is_open:
            over.add(str(one.pk))
            written += documents.put(Kind.INCIDENT, str(one.pk), f"{one.number} {one.title}"[:300], "\n".join(_incident_lines(one)))
    return written + _gone(ids, over)


def missed() -> list[int]:
    """Of incidents: those that ended lately, some of those that were never written down, and those that are past no more."""
    over = Incident.counted().filter(status=Incident.Status.RESOLVED)
    past, known = set(over.values_list("pk", flat=True)), set(_known_incidents())
    lately = over.filter(resolved_at__gte=timezone.now() - LATELY).values_list("pk", flat=True)
    return sorted({*lately, *sorted(past - known, reverse=True)[:AT_ONCE], *(known - past)})


def _known_incidents() -> Iterator[int]:
    keys = Document.objects.filter(kind=Kind.INCIDENT).values_list("key", flat=True)
    yield from (int(key) for key in keys if key.isdecimal())


def _gone(ids: Collection[int] | None, over: Collection[str]) -> int:
    """Incidents that were opened again, merged or removed are no past incidents."""
    known = Document.objects.filter(kind=Kind.INCIDENT)
    there = (known if ids is None else known.filter(key__in=[str(pk) for pk in ids])).values_list("key", flat=True)
    return documents.drop(Kind.INCIDENT, set(there) - set(over))


def _notes(incident: Incident) -> str:
    rows = TimelineEntry.objects.filter(incident=incident, kind="note").order_by("time", "id").values_list("time", "actor", "text")
    return "\n\n".join(f"{time:%Y-%m-%d %H:%M} {actor}: {text}" for time, actor, text in rows[:NOTES])


def _incident_lines(incident: Incident) -> Iterator[str]:
    """Facts first, then what people wrote afterwards."""
    ended = f"{incident.resolved_at:%Y-%m-%d %H:%M}" if incident.resolved_at else "an unknown time"
    yield f"{incident.severity} incident from {incident.started_at:%Y-%m-%d %H:%M} to {ended} UTC, resolution: {incident.resolution}."
    if incident.services:
        yield f"Services: {', '.join(map(str, incident.services))}."
    yield from _alert_lines(incident)
    yield from _action_lines(incident)
    if incident.notes_md.strip():
        yield f"\n## Review\n\n{_below(incident.notes_md)}"


def _alert_lines(incident: Incident) -> Iterator[str]:
    members = IncidentAlert.objects.filter(incident=incident).order_by("alert__fired_at", "pk")
    rows = members.values_list("role", "alert__name", "alert__resource__name")[: 10 * NAMES]
    told = dict.fromkeys(
        f"{'root cause candidate: ' if role == 'root' else ''}{name}{f' on {on}' if on else ''}" for role, name, on in rows
    )
    if told:
        yield "\n## Alerts\n"
        yield from (f"- {one}" for one in list(told)[:NAMES])


def _action_lines(incident: Incident) -> Iterator[str]:
    cases = Execution.objects.filter(incident=incident, dry_run=False).order_by("created_at").select_related("runbook")[:ACTIONS]
    lines = [f"- {one.number} {one.title}: {one.get_state_display().lower()}. {one.outcome}".rstrip() for one in cases]
    if lines:
        yield "\n## What was done\n"
        yield from lines


def _below(markdown: str) -> str:
    """Its headings one level lower: they stand below ours."""
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in markdown.splitlines())
