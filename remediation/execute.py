"""The only writer of a case's state. Each change is a Transition, an entry of the audit trail and of the incident's timeline; those who
listen hear of it after commit.

What people ask for is here too; the engine (`advance`) does what follows of it.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from monitoring.alerts.transitions import Actor, Who
from monitoring.incidents import timeline
from monitoring.incidents.models import IncidentAlert
from monitoring.live import publish, topics
from monitoring.notifications.models import page
from remediation import schedule
from remediation.models import Execution, Transition
from remediation.signals import execution_changed

State = Execution.State
# state -> those it may be entered from
BEFORE: Mapping[str, tuple[str, ...]] = {
    State.APPROVED: (State.PROPOSED,),
    State.DENIED: (State.PROPOSED,),
    State.EXPIRED: (State.PROPOSED, State.APPROVED),
    State.CANCELLED: (State.PROPOSED, State.APPROVED, State.RUNNING, State.VERIFYING),
    State.RUNNING: (State.APPROVED,),
    State.VERIFYING: (State.RUNNING,),
    State.SUCCEEDED: (State.RUNNING, State.VERIFYING),
    State.FAILED: (State.RUNNING, State.VERIFYING),
    State.ROLLING_BACK: (State.FAILED, State.SUCCEEDED, State.ESCALATED, State.CANCELLED),
    State.ROLLED_BACK: (State.ROLLING_BACK,),
    State.ESCALATED: (State.FAILED, State.ROLLING_BACK),
}
STAMPS = {State.APPROVED: "approved_at", State.RUNNING: "started_at", State.VERIFYING: "verifying_at", State.ESCALATED: "escalated_at"}
UNDOABLE = (State.SUCCEEDED, State.ESCALATED, State.CANCELLED)  # by a person who asks for it
topics.register("executions", "monitoring:read")
topics.register(r"execution:[1-9][0-9]{0,18}", "monitoring:read")


class TargetLocked(Exception):
    """Another case is under way at the same target."""


def begun(execution: Execution, reason: str, actor: Who = None) -> None:
    """Its first Transition: for `propose`, in the transaction in which it wrote the row."""
    with transaction.atomic():
        _write(execution, "", State(execution.state), reason, actor)


def move(execution: Execution, after: str, reason: str, actor: Who = None, **columns: Any) -> bool:
    """False where it was in no state from which that is allowed. Raises TargetLocked where another case has the target."""
    now = timezone.now()
    with transaction.atomic():
        before = Execution.objects.filter(pk=execution.pk).values_list("state", flat=True).first()
        if before not in BEFORE[after]:
            return False
        columns = {**_stamped(after, now), **columns, "state": after}
        if not _update(execution, before, columns):
            return False
        for name, value in columns.items():
            setattr(execution, name, value)
        if before in Execution.ACTIVE and after not in Execution.ACTIVE:
            transaction.on_commit(partial(schedule.wake_waiting, execution.target_key))
        _write(execution, before, State(after), reason, actor)
    return True


def _stamped(after: str, now: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {STAMPS[State(after)]: now} if after in STAMPS else {}
    over = after in Execution.OVER
    return {**columns, "finished_at": now if over else None, "due_at": None if over else now}


def _update(execution: Execution, before: str, columns: Mapping[str, Any]) -> int:
    try:
        with transaction.atomic():
            return Execution.objects.filter(pk=execution.pk, state=before).update(**columns)
    except IntegrityError as fault:
        raise TargetLocked(f"another case is under way at {execution.target}") from fault


def _write(execution: Execution, before: str, after: State, reason: str, actor: Who) -> None:
    """The audit entry last: it holds the chain until the transaction ends."""
    who = Actor.of(actor)
    Transition.objects.create(execution=execution, before=before, after=after, reason=reason, actor=who.name, user_id=who.user_id)
    _tell_incident(execution, after, reason, actor)
    changed(execution, before=before)
    facts = {"state": after, "reason": reason, "target": execution.target, "case": str(execution.case)}
    audit.record(f"execution.{after}", target=execution, before={"state": before}, after=facts, actor=actor or "system")


def _tell_incident(execution: Execution, after: State, reason: str, actor: Who) -> None:
    incident = incident_of(execution)
    if incident is None:
        return
    text = f"{execution}: {after.label.lower()}" + (f" – {reason}" if reason else "")
    timeline.add(
        incident, "action", text, actor=actor, url=page("execution", execution.pk), data={"execution": execution.pk, "state": after}
    )


def incident_of(execution: Execution) -> int | None:
    """Of the case, else of its alert: the incident may have been opened after it was proposed."""
    if execution.incident_id is None and execution.alert_id is not None:
        found = IncidentAlert.objects.filter(alert=execution.alert_id).values_list("incident_id", flat=True).first()
        if found is not None:
            Execution.objects.filter(pk=execution.pk, incident=None).update(incident=found)
            execution.incident_id = found
    return execution.incident_id


def changed(execution: Execution, **told: Any) -> None:
    """After commit: to receivers, and to browsers that look at it."""
    transaction.on_commit(partial(execution_changed.send_robust, sender=Execution, execution_ids=[execution.pk]))
    show(execution, **told)


def show(execution: Execution, **told: Any) -> None:
    """After commit, to browsers only: how its steps come along."""
    payload = {"kind": "execution", "id": execution.pk, "number": execution.number, "state": execution.state, **told}
    publish.publish_on_commit("executions", payload)
    publish.publish_on_commit(f"execution:{execution.pk}", payload)


# -- what people ask for ---------------------------------------------------------------------------------------------------
def approve(execution: Execution, actor: Who, reason: str) -> bool:
    """It may run: due now. False where it does not wait for approval any more."""
    with transaction.atomic():
        done = move(execution, State.APPROVED, reason, actor)
        if done:
            schedule.enqueue(execution.pk)
    return done


def deny(execution: Execution, actor: Who, reason: str) -> bool:
    return move(execution, State.DENIED, reason, actor, outcome=reason)


def expire(execution: Execution, reason: str = "nobody answered in time") -> bool:
    return move(execution, State.EXPIRED, reason, outcome=reason)


def cancel(execution: Execution, actor: Who, reason: str) -> bool:
    """At once where nothing has begun; what runs is stopped by the engine, and not undone unless somebody asks for that. False where
    there is nothing to cancel, or it was asked for before."""
    if move_from(execution, (State.PROPOSED, State.APPROVED), State.CANCELLED, reason, actor, outcome=reason):
        return True
    running = Execution.objects.filter(pk=execution.pk, state__in=(State.RUNNING, State.VERIFYING), cancel_asked_at=None)
    return _asked(execution, running, "cancel", actor, reason)


def move_from(execution: Execution, states: tuple[str, ...], after: str, reason: str, actor: Who = None, **columns: Any) -> bool:
    """As `move`, from some of the states only. The row is locked meanwhile."""
    with transaction.atomic():
        row = Execution.objects.select_for_update().filter(pk=execution.pk, state__in=states)
        return row.exists() and move(execution, after, reason, actor, **columns)


def roll_back(execution: Execution, actor: Who, reason: str) -> bool:
    """A person wants undone what was done. False where it is not over, was denied, or it was asked for before."""
    rows = Execution.objects.filter(pk=execution.pk, state__in=UNDOABLE, dry_run=False, started_at__isnull=False)
    rows = rows.filter(Q(undo_asked_at=None) | Q(state=State.ESCALATED))  # a rollback that failed may be tried again
    return _asked(execution, rows, "undo", actor, reason)


def _asked(execution: Execution, rows: QuerySet[Execution], what: str, actor: Who, reason: str) -> bool:
    """Notes on its row who wants what, and has it looked at."""
    now = timezone.now()
    columns = {f"{what}_asked_at": now, f"{what}_asked_by": Actor.of(actor).name, "due_at": now}
    with transaction.atomic():
        if not rows.update(**columns):
            return False
        for name, value in columns.items():
            setattr(execution, name, value)
        schedule.enqueue(execution.pk)
        changed(execution, asked=what)
        audit.record(f"execution.{what}_asked", target=execution, after={"reason": reason}, actor=actor or "system")
    return True


def wake(execution_id: int) -> None:
    """Something a running case waits for has come: an approval step's votes, a released switch."""
    schedule.wake([execution_id])
