"""Nothing is lost: cases that nothing would look at again are taken up; what is too old goes."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from remediation.models import Execution, RuleDecision, Step
from remediation.providers import command_jobs

AHEAD = timedelta(seconds=5)  # what began so far in the future began before the clock was set back
FARTHEST = timedelta(minutes=5)  # nothing but waits and questions is due later
EXPIRED_AT_ONCE = 500
DRIVEN = (Execution.State.APPROVED, *Execution.ACTIVE)


def take_up() -> int:
    """Those the engine has to drive that have no due time, or one from before the clock was set back. Returns how many."""
    now = timezone.now()
    waits = Step.objects.filter(state=Step.State.RUNNING, kind__in=("wait", "approval"), deadline__gt=now).values("execution")
    waits |= Step.objects.filter(state=Step.State.RUNNING, kind="approval").values("execution")
    lost = Q(due_at=None) | Q(due_at__gt=now + FARTHEST) & ~Q(pk__in=waits) | Q(started_at__gt=now + AHEAD, due_at__gt=now + AHEAD)
    return Execution.objects.filter(lost, state__in=DRIVEN).update(due_at=now)


def expire() -> int:
    since = timezone.now() - timedelta(days=settings.REMEDIATION_RETENTION_DAYS)
    command_jobs.forget(since.timestamp())
    old = Execution.objects.filter(state__in=Execution.OVER, created_at__lt=since).filter(Q(finished_at=None) | Q(finished_at__lt=since))
    return _expire(old) + _expire(RuleDecision.objects.filter(time__lt=since))


def _expire(rows: object) -> int:
    gone = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:EXPIRED_AT_ONCE]):  # type: ignore[attr-defined]
        rows.model._default_manager.filter(pk__in=ids).delete()  # type: ignore[attr-defined]
        gone += len(ids)
    return gone
