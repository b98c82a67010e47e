"""Whether it helped: the success criteria, looked at until each has held for as long as it must, or had its time.

Only what was measured after the last action counts. Without data it cannot be told, which is an answer of its own: not verifiable.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from monitoring.alerts import lifecycle
from remediation import conditions, execute, figures
from remediation.conditions import NotAnswered, Reading
from remediation.course import AGAIN, Course, later
from remediation.models import Execution
from remediation.plan import Check

State, Verification = Execution.State, Execution.Verification
FIRST, SLOWEST = 2.0, 15.0  # seconds between two looks: a tenth of the time it took so far
Kept = dict[str, Any]


def measured_before(course: Course) -> list[Kept]:
    """The criteria with what they say before anything is done."""
    now, found = timezone.now(), []
    for check in course.plan.success:
        try:
            reading = conditions.look(check, now)
        except NotAnswered as fault:
            reading = Reading(None, str(fault))
        found.append(_kept(check, {"before": reading.value}, replace(reading, value=None, holds=None)))
    return found


def _kept(check: Check, known: Kept, reading: Reading) -> Kept:
    return {
        "query": check.query, "name": check.name or check.query, "for": check.hold, "within": check.within, "before": known.get("before"),
        "now": reading.value, "must": reading.must or known.get("must", ""), "holds": reading.holds, "since": known.get("since", ""),
        "held": known.get("held", False), "words": reading.words, "seen": known.get("seen", False),
    }  # fmt: skip


def look(course: Course) -> datetime | None:
    """One look at all criteria of a case that is `verifying`."""
    execution, now = course.execution, timezone.now()
    if execution.cancel_asked_at:
        done = "what was done stays done; it was not verified"
        execute.move(execution, State.CANCELLED, done, execution.cancel_asked_by, outcome=f"Cancelled: {done}.")
        return AGAIN
    if not course.plan.success:
        return _end(execution, Verification.NOT_VERIFIABLE, "the runbook has no success criteria", [])
    begun = execution.verifying_at or now
    try:
        checks = [_looked(check, known, now, begun) for check, known in _pairs(course)]
    except NotAnswered:
        return later(SLOWEST)
    return _judge(course, checks, now, begun)


def _pairs(course: Course) -> list[tuple[Check, Kept]]:
    kept = course.execution.checks
    return [(check, kept[place] if place < len(kept) else {}) for place, check in enumerate(course.plan.success)]


def _looked(check: Check, known: Kept, now: datetime, begun: datetime) -> Kept:
    if known.get("held"):
        return known
    reading = conditions.look(check, now, begun)
    since = conditions.since(known.get("since"), reading, now)
    found = _kept(check, known, reading)
    found["since"] = since.isoformat() if since else ""
    found["seen"] = found["seen"] or reading.holds is not None
    found["held"] = since is not None and (now - since).total_seconds() >= check.hold
    return found


def _judge(course: Course, checks: list[Kept], now: datetime, begun: datetime) -> datetime | None:
    execution, passed = course.execution, (now - begun).total_seconds()
    failed = [one for one in checks if not one["held"] and _is_late(one, passed)]
    if bad := next((one for one in failed if one["seen"]), None):
        return _end(execution, Verification.NOT_HELD, f"not within {bad['within']:g} s: {bad['words']}", checks)
    if all(one["held"] or one in failed for one in checks):
        if failed:
            return _end(execution, Verification.NOT_VERIFIABLE, failed[0]["words"], checks)
        return _end(execution, Verification.HELD, "; ".join(one["words"] for one in checks), checks)
    if checks != execution.checks:
        Execution.objects.filter(pk=execution.pk, state=State.VERIFYING).update(checks=checks)
        execution.checks = checks
        execute.show(execution, checks=True)
    return now + timedelta(seconds=min(max(passed / 10, FIRST), SLOWEST))


def _is_late(one: Kept, passed: float) -> bool:
    """One that holds when its time is over may hold on for as long as it must."""
    return passed >= one["within"] + (one["for"] if one["since"] else 0)


def _end(execution: Execution, result: str, words: str, checks: list[Kept]) -> datetime:
    figures.VERIFIED.labels(result).inc()
    columns: Kept = {"verification": result, "checks": checks or execution.checks}
    if result == Verification.NOT_HELD:
        execute.move(execution, State.FAILED, f"it did not help: {words}", outcome=f"It did not help: {words}.", **columns)
        return AGAIN
    if result == Verification.NOT_VERIFIABLE:
        said = f"done; whether it helped cannot be told: {words}"
        execute.move(execution, State.SUCCEEDED, said, outcome=f"Done. Whether it helped cannot be told: {words}.", **columns)
        return AGAIN
    with transaction.atomic():  # the alert first: whoever changes alerts takes their lock before the audit trail's
        note = f"{execution.number} {execution.title}: verified, {words}"
        if execution.alert_id:
            lifecycle.resolve([execution.alert_id], None, "recovered", note)
        execute.move(execution, State.SUCCEEDED, f"verified: {words}", outcome=f"Verified: {words}.", **columns)
    return AGAIN
