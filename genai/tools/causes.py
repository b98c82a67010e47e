"""Why something happened: the ranked hypotheses that the platform computes, each with what it rests on."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from genai.causes.analyse import analyse, latest
from genai.causes.models import Analysis
from genai.causes.shapes import Hypothesis
from genai.evidence.models import Evidence
from genai.tools import base, subjects, times, words
from genai.tools.base import Context, Json, Result, Tool, ToolError
from genai.tools.words import said
from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident

FRESH = timedelta(minutes=10)  # so young, the last analysis is told again
BEFORE, AFTER = timedelta(minutes=30), timedelta(minutes=30)  # around the beginning of an alert or incident
MOST, MOST_STATEMENTS = 5, 8
LOOKED = {
    "resources": ("resource", "resources"), "series": ("series", "series"), "changes": ("change", "changes"),
    "past": ("past incident", "past incidents"),
}  # fmt: skip


def causes(given: Json, context: Context) -> Result:
    subject, start, end = _meant(given, context)
    found = None if given.get("start") else latest(subject)
    if found is None or _stale(found, start, context):
        found = analyse(subject, start, end, user=context.person)
    if found.state != "done":
        raise ToolError(f"The causes could not be worked out{f': {said(found.error, 200)}' if found.error else ''}.")
    return _told(found, subject)


def _stale(found: Analysis, start: datetime, context: Context) -> bool:
    """Also one of another window of the same resource."""
    moved = found.subject.startswith("window:") and found.start != start
    return moved or found.state != "done" or context.now - found.created_at > FRESH


def _told(found: Analysis, subject: str) -> Result:
    listed = found.hypotheses[:MOST]
    ids = {pk for one in listed for statement in one["statements"] for pk in statement["evidence"]}
    evidence = list(Evidence.objects.filter(pk__in=ids).order_by("pk"))
    span = f"from {words.moment(found.start)} to {words.moment(found.end)}"
    if not listed:
        text = f"Nothing stands out as a cause for {subject} {span}; looked at {_looked(found)}."
    else:
        head = f"Likely causes for {subject} {span}, the likeliest first; looked at {_looked(found)}"
        text = words.lines(head, [_line(place, one) for place, one in enumerate(listed, 1)], len(found.hypotheses) - len(listed))
    data = {"analysis": found.pk, "subject": subject, "hypotheses": listed}
    return Result(text, data, evidence, [{"type": "causes", "analysis": found.pk}])


def _looked(found: Analysis) -> str:
    told = [words.many(count, one, several) for name, (one, several) in LOOKED.items()
            if isinstance(count := found.looked_at.get(name), int)]  # fmt: skip
    return ", ".join(told) or "what there is"


def _line(place: int, one: Hypothesis) -> str:
    head = f"{place}. {said(one['title'], 200)} (score {one['score']:.2f}): {said(one['why'], 240)}"
    return "\n".join([head, *_statements(one)])


def _statements(one: Hypothesis) -> Iterator[str]:
    """Facts with their evidence; guesses as such."""
    for statement in one["statements"][:MOST_STATEMENTS]:
        ids = "".join(f" [E{pk}]" for pk in statement["evidence"])
        mark = " [guess]" if statement["guess"] else ids
        yield f"  {'speaks against it: ' if statement['against'] else ''}{said(statement['text'], 240)}{mark}"


def _meant(given: Json, context: Context) -> tuple[str, datetime, datetime]:
    """Subject and window: of what is named, else of the page."""
    kind = context.subject.partition(":")[0] if not any(given.get(name) for name in ("alert", "incident", "resource")) else ""
    if given.get("alert") or kind == "alert":
        return _of_alert(subjects.alert(given.get("alert", ""), context), given, context)
    if given.get("incident") or kind == "incident":
        return _of_incident(subjects.incident(given.get("incident", ""), context), given, context)
    found = subjects.resource(given.get("resource", ""), context)
    firing = Alert.objects.filter(resource=found, state=Alert.State.FIRING).order_by("started_at").first()
    if firing is not None and not given.get("start"):
        return _of_alert(firing, given, context)
    start, end = times.window(given, context)
    return f"window:{found.pk}", start, end


def _of_alert(found: Alert, given: Json, context: Context) -> tuple[str, datetime, datetime]:
    return (f"alert:{found.pk}", *_around(found.started_at, found.resolved_at, given, context))


def _of_incident(found: Incident, given: Json, context: Context) -> tuple[str, datetime, datetime]:
    return (f"incident:{found.pk}", *_around(found.started_at, found.resolved_at, given, context))


def _around(began: datetime, ended: datetime | None, given: Json, context: Context) -> tuple[datetime, datetime]:
    if given.get("start"):
        return times.window(given, context)
    return began - BEFORE, min(ended or context.now, began + AFTER, context.now)


CAUSES = Tool(
    "causes",
    "Why: the likely causes of an alert, an incident, or of what a resource did: computed from topology, onset, changes and past.",
    base.takes(
        alert=base.text("of the alert of this number", 40),
        incident=base.text("of the incident of this number", 40),
        resource=base.text("of what the resource of this name did; with an open alert, of that", 255),
        start=base.START,
        end=base.END,
    ),
    "monitoring:read",
    causes,
)
