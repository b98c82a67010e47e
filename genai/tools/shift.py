"""What happened in a shift: for who comes, and for who goes."""

from datetime import datetime, timedelta

from django.db.models import Count, Q

from forecasting.models import Anomaly, Forecast, Track
from genai.evidence.models import Evidence
from genai.tools import base, citing, times, words
from genai.tools.alerts import line as alert_line
from genai.tools.base import Context, Json, Result, Tool
from genai.tools.incidents import line as incident_line
from genai.tools.remediation import line as execution_line
from genai.tools.remediation import outcome
from genai.tools.words import said
from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.rows import BY_SEVERITY
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Resource, ResourceChange
from remediation.models import Execution

SHIFT = timedelta(hours=8)
MOST = 6  # of each kind
Listed = tuple[list[str], list[Evidence | None]]


def shift_report(given: Json, context: Context) -> Result:
    start, end = times.window(given, context, SHIFT)
    figures = _figures(start, end, context.now)
    sections = {
        "Incidents of this time": _incidents(start, end),
        "Alerts that fire now": _alerts(),
        "Remediation of this time": _executions(start, end),
    }
    head = f"From {words.moment(start)} to {words.moment(end)}: {', '.join(f'{count:,} {name}' for name, count in figures.items())}"
    parts = [head, *(words.lines(title, rows) for title, (rows, _) in sections.items() if rows)]
    cells = [[(name, ""), (f"{count:,}", "")] for name, count in figures.items()]
    evidence = [one for _, notes in sections.values() for one in notes if one]
    data = {"start": start.isoformat(), "end": end.isoformat(), "figures": figures}
    return Result("\n".join(parts), data, evidence, [words.table("Shift", ["What", "How many"], cells)])


def _figures(start: datetime, end: datetime, now: datetime) -> dict[str, int]:
    fired = Alert.objects.filter(fired_at__range=(start, end)).order_by().values_list("severity").annotate(Count("pk"))
    by_severity = {str(severity): count for severity, count in fired}
    incidents, runs = Incident.counted(), Execution.objects.filter(created_at__range=(start, end), dry_run=False)
    soon = Forecast.objects.filter(latest=True, track__state=Track.State.OK, track__watch__enabled=True)
    return {
        **{f"{severity} alerts fired": by_severity[severity] for severity in RANKS if severity in by_severity},
        "alerts fire now": Alert.objects.filter(state=Alert.State.FIRING, suppressed=False).count(),
        "incidents opened": incidents.filter(detected_at__range=(start, end)).count(),
        "incidents resolved": incidents.filter(resolved_at__range=(start, end)).count(),
        "incidents open": incidents.exclude(status=Incident.Status.RESOLVED).count(),
        "remediations": runs.count(),
        "of them seen to help": runs.filter(verification=Execution.Verification.HELD).count(),
        "approvals waiting": Execution.objects.filter(state=Execution.State.PROPOSED, approvals__state="waiting").distinct().count(),
        "changes": ResourceChange.objects.filter(time__range=(start, end)).count(),
        "resources stale": Resource.objects.filter(state=Resource.State.STALE).count(),
        "anomalies going on": Anomaly.objects.filter(ended_at=None, score__gte=0.6).count(),
        "limits reached within a day": soon.filter(eta__lte=now + timedelta(days=1)).count(),
    }


def _incidents(start: datetime, end: datetime) -> Listed:
    within = Q(detected_at__range=(start, end)) | Q(resolved_at__range=(start, end)) | ~Q(status=Incident.Status.RESOLVED)
    found = list(Incident.counted().filter(within, started_at__lte=end).defer("notes_md").order_by("-detected_at")[:MOST])
    notes = [citing.incident(one) for one in found]
    return [f"{words.cited(note)}{incident_line(one)}" for one, note in zip(found, notes, strict=True)], notes


def _alerts() -> Listed:
    rows = Alert.objects.filter(state=Alert.State.FIRING, suppressed=False).select_related("resource").defer("evidence", "fires")
    found = list(rows.order_by(BY_SEVERITY.desc(), "-fired_at")[:MOST])
    notes = [citing.alert(one) for one in found]
    return [f"{words.cited(note)}{alert_line(one)}" for one, note in zip(found, notes, strict=True)], notes


def _executions(start: datetime, end: datetime) -> Listed:
    rows = Execution.objects.filter(created_at__range=(start, end), dry_run=False).defer("plan", "preview", "evidence", "decision")
    found = list(rows.order_by("-created_at")[:MOST])
    notes = [citing.of("execution", one.pk, said(str(one)), said(outcome(one))) for one in found]
    return [f"{words.cited(note)}{execution_line(one)}" for one, note in zip(found, notes, strict=True)], notes


SHIFT_REPORT = Tool(
    "shift_report",
    "What happened in a shift (default: the last 8 hours): alerts, incidents, remediation, changes, what goes on and what comes next.",
    base.takes(start=base.START, end=base.END),
    "monitoring:read",
    shift_report,
)
