"""People are told that a case went wrong: an alert of our own, so that routes, escalation policies and incidents do their part."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from monitoring.alerts import lifecycle
from monitoring.alerts.models import Alert
from monitoring.alerts.observations import Observation, fingerprint
from monitoring.notifications.models import page
from remediation import execute
from remediation.course import AGAIN
from remediation.models import Execution

SOURCE, FAILED = "remediation", "RemediationFailed"
State = Execution.State


def escalate(execution: Execution, why: str) -> datetime:
    """A person has to look. The alert first: whoever changes alerts takes their lock before the audit trail's."""
    with transaction.atomic():
        _raise(execution, f"{execution}: {why}. A person has to look.")
        execute.move(execution, State.ESCALATED, why, outcome=f"{_sentence(why)} A person has to look.")
    return AGAIN


def rolled_back(execution: Execution, why: str) -> datetime:
    """What was done is undone, but what was wrong still is."""
    with transaction.atomic():
        _raise(execution, f"{execution}: {why}. What was done was rolled back.")
        said = f"rolled back after it failed: {why}"
        told = f"{_sentence(why)} What was done was rolled back."
        execute.move(execution, State.ROLLED_BACK, said, outcome=told, escalated_at=timezone.now())
    return AGAIN


def _sentence(why: str) -> str:
    return f"{why[:1].upper()}{why[1:]}."


def _raise(execution: Execution, summary: str) -> None:
    """One alert per case, however often it goes wrong."""
    alert = execution.alert
    severity = alert.severity if alert else "high"
    labels = {
        **{name: value for name, value in (alert.labels if alert else {}).items() if name != "runbook"},
        "alertname": FAILED, "severity": severity, "run": execution.number, "target": execution.target,
        **({"cause": execution.cause} if execution.cause else {}),
    }  # fmt: skip
    annotations = {"summary": summary[:1000], "description": summary, "case": page("execution", execution.pk)}
    seen = Observation(
        mark(execution), "firing", FAILED, labels=labels, annotations=annotations, severity=severity, source=SOURCE,
        resource=execution.resource_id or (alert.resource_id if alert else None), reason=f"{execution.number} went wrong",
    )  # fmt: skip
    lifecycle.observe([seen])


def mark(execution: Execution) -> str:
    return fingerprint(SOURCE, {"case": str(execution.case)})


def end_needless() -> int:
    """Alerts of ours about cases whose trouble is over: their alert has ended, or the target was mended since. Returns how many."""
    rows = {row.fingerprint: row for row in Alert.objects.exclude(state=Alert.State.RESOLVED).filter(source=SOURCE)}
    if not rows:
        return 0
    told = Execution.objects.filter(escalated_at__isnull=False, pk__in=_numbers(rows.values())).select_related("alert")
    over = [mark(one) for one in told if mark(one) in rows and _is_over(one)]
    lifecycle.observe([Observation(one, "resolved", reason="what it was about is over") for one in over])
    return len(over)


def _numbers(alerts: object) -> list[int]:
    runs = (str(alert.labels.get("run", "")) for alert in alerts)  # type: ignore[attr-defined]
    return [int(run.removeprefix("RUN-")) for run in runs if run.removeprefix("RUN-").isdigit()]


def _is_over(execution: Execution) -> bool:
    if execution.alert is not None:
        return execution.alert.state == Alert.State.RESOLVED
    since = Execution.objects.filter(target_key=execution.target_key, cause=execution.cause, finished_at__gt=execution.escalated_at)
    return since.filter(verification=Execution.Verification.HELD).exists()
