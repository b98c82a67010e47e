"""Kill switches: while one is on, no action begins in its scope. What runs is followed to its end; what was done may still be taken back,
because a half-done change is worse than a stopped one."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from monitoring.alerts.transitions import Actor, Who
from monitoring.live import publish
from remediation import schedule
from remediation.models import Execution, KillSwitch

ALL = "all"


def of_provider(provider_id: int) -> str:
    return f"provider:{provider_id}"


def stopped(provider_id: int | None = None) -> KillSwitch | None:
    """The switch that keeps actions of this provider (None: of any) from beginning."""
    scopes = [ALL] if provider_id is None else [ALL, of_provider(provider_id)]
    return KillSwitch.objects.filter(scope__in=scopes, on=True).order_by("scope").first()


def stop(scope: str, actor: Who, reason: str) -> bool:
    """False where it was stopped already."""
    return _turn(scope, True, actor, reason)


def release(scope: str, actor: Who, reason: str = "") -> bool:
    """What waited goes on. False where it was not stopped."""
    return _turn(scope, False, actor, reason)


def _turn(scope: str, on: bool, actor: Who, reason: str) -> bool:
    told: dict[str, Any] = {"on": on, "reason": reason[:300], "actor": Actor.of(actor).name, "changed_at": timezone.now()}
    with transaction.atomic():
        KillSwitch.objects.get_or_create(scope=scope)
        if not KillSwitch.objects.filter(scope=scope, on=not on).update(**told):
            return False
        if not on:
            open_ = Execution.objects.filter(state__in=(Execution.State.APPROVED, Execution.State.RUNNING), due_at__isnull=False)
            schedule.wake(open_.values_list("pk", flat=True))
        publish.publish_on_commit("executions", {"kind": "switch", "scope": scope, "on": on})
        verb = "remediation.stopped" if on else "remediation.released"
        audit.record(verb, target=f"remediation: {scope}", after={"scope": scope, "reason": reason}, actor=actor or "system")
    return True
