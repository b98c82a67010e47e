"""Which runbook is worth trying, and how it went before. The order is computed; a model only says it in words."""

from django.http import QueryDict

from genai.summaries.alert import execution_cite
from genai.summaries.facts import Cite, Facts, Line, said
from monitoring.alerts.models import Alert
from monitoring.incidents.models import Incident
from remediation import case_manual
from remediation.case_manual import Choice, Subject
from remediation.models import Execution

MOST = 3
SCHEMA = {
    "type": "object",
    "properties": {"key": {"type": "string"}, "reason": {"type": "string"}},
    "required": ["key", "reason"],
    "additionalProperties": False,
}


def gather_alert(pk: int) -> Facts | None:
    return _gather("alert", pk) if Alert.objects.filter(pk=pk).exists() else None


def gather_incident(pk: int) -> Facts | None:
    return _gather("incident", pk) if Incident.objects.filter(pk=pk).exists() else None


def _gather(name: str, pk: int) -> Facts:
    about = case_manual.subject(QueryDict(f"{name}={pk}"))
    facts = Facts(f"runbook:{name}:{pk}", about.title)
    found = sorted(case_manual.choices(about, only_fitting=True), key=_promise)[:MOST]
    facts.data = {"of": name, "pk": pk, "runbooks": [_told(one) for one in found]}
    for one in found:
        facts.say(_line(one, about))
    return facts


def _promise(one: Choice) -> tuple[float, int, str]:
    """The best first: by the share that helped, drawn towards one half where there are few runs; then by what ran more often."""
    record = one.record
    share = (record.verified + 1) / (record.verified + record.failed + 2)
    return -share, -record.runs, one.runbook.name


def _told(one: Choice) -> dict[str, object]:
    record = one.record
    ran = {"verified": record.verified, "failed": record.failed, "unverified": record.unverified, "words": record.words, "of": record.of}
    return {"id": one.runbook.pk, "key": one.runbook.key, "name": one.runbook.name, "risk": one.spec.risk, **ran}


def _line(one: Choice, about: Subject) -> Line:
    record = one.record
    scope = {"here": " here", "for this alert": " for this alert", "everywhere": " on other targets"}.get(record.of, "")
    went = f"{record.words}{scope}" if record.runs else "it never ran"
    number = one.runbook.current.number if one.runbook.current else 0
    cites = [Cite("runbook", {"key": one.runbook.key, "version": number}, one.runbook.name, one.runbook.description[:500])]
    last = _last(one, about)
    if last is not None:
        cites.append(execution_cite(last))
    return Line(f"{said(one.runbook.name, 200)}: {went}; {one.spec.risk} risk.", tuple(cites))


def _last(one: Choice, about: Subject) -> Execution | None:
    """The latest run that its record speaks of."""
    rows = Execution.objects.filter(runbook=one.runbook, dry_run=False, finished_at__isnull=False).order_by("-created_at")
    return rows.filter(target_key=about.key).first() or rows.first()
