"""Which rule groups are evaluated when, and by whom: leases, and a grid of times that all groups of one interval share."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import models
from django.utils import timezone

from aiops import resume
from aiops.prepared import Prepared
from monitoring.alerts.models import RuleGroup

PATIENCE = 120  # seconds a lease holds at least: then its worker is taken to be dead


def _due(now: datetime) -> models.Q:
    free = models.Q(leased_until=None) | models.Q(leased_until__lt=now)
    return models.Q(due_at__lte=now) & free


_found = Prepared(lambda now: RuleGroup.objects.filter(_due(now)).values_list("id", "interval"), now=datetime)


def claim_due(now: datetime | None = None) -> tuple[str, list[RuleGroup]]:
    """Claims every group that is due: at most three statements, one when there is none."""
    now = now or timezone.now()
    found = _found(now=now)
    if not found:
        return "", []
    lease = uuid.uuid4().hex
    until = now + timedelta(seconds=max(PATIENCE, 4 * max(interval for _, interval in found)))
    RuleGroup.objects.filter(_due(now), id__in=[pk for pk, _ in found]).update(lease=lease, leased_until=until)
    return lease, list(RuleGroup.objects.filter(lease=lease).order_by("id"))


def slot(interval: int, now: datetime) -> datetime:
    """The latest time on the interval's grid. Expressions are evaluated at it, whenever their turn comes."""
    step = max(interval, 1)
    return datetime.fromtimestamp(int(now.timestamp()) // step * step, UTC)


def next_slot(interval: int, now: datetime) -> datetime:
    return slot(interval, now) + timedelta(seconds=max(interval, 1))


def done(groups: Sequence[RuleGroup], lease: str, at: datetime, took_ms: float) -> None:
    """Gives groups of one interval back. Slots that passed meanwhile are left out and counted."""
    now = timezone.now()
    interval = groups[0].interval
    due = next_slot(interval, max(at, now))
    missed = max(0, round((due - at).total_seconds() / max(interval, 1)) - 1)
    RuleGroup.objects.filter(lease=lease, id__in=[group.pk for group in groups]).update(
        lease="",
        leased_until=None,
        due_at=due,
        last_evaluated=at,
        last_duration_ms=took_ms,
        last_lag_ms=(now - max(at, groups[0].due_at)).total_seconds() * 1000,
        missed=models.F("missed") + missed,
    )


def release(lease: str) -> None:
    """Unused claims: the next evaluate_due takes them again."""
    RuleGroup.objects.filter(lease=lease).update(lease="", leased_until=None)


@resume.register
def free_leases() -> int:
    """In embedded mode nobody else evaluates: leases of the process that ended are nobody's."""
    return RuleGroup.objects.exclude(lease="").update(lease="", leased_until=None)
