"""Whose turn it is: cases that are due, each claimed by a lease that ends when its worker died. All of it stands on the case's row."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from aiops import resume
from aiops.prepared import Prepared
from remediation.models import Execution

LEASE = timedelta(seconds=120)  # no call of a provider takes so long; then its worker is taken to be dead
AT_ONCE = 500
State = Execution.State


def free(now: datetime, latest: datetime | None = None) -> Q:
    """A lease that ends later than any lease given now (`latest`) was given before the clock was set back."""
    return Q(leased_until=None) | Q(leased_until__lt=now) | Q(leased_until__gt=latest or now + LEASE)


_due = Prepared(
    lambda now, latest: Execution.objects.filter(free(now, latest), due_at__lte=now).order_by("due_at", "pk").values_list("pk")[:AT_ONCE],
    now=datetime,
    latest=datetime,
)


def due(now: datetime | None = None, most: int = AT_ONCE) -> list[int]:
    """Those that have waited longest first."""
    now = now or timezone.now()
    return [pk for (pk,) in _due(now=now, latest=now + LEASE)[:most]]


def claim(execution_id: int, now: datetime) -> str:
    """Its lease; empty where it is not due or somebody else has it."""
    lease = uuid.uuid4().hex
    rows = Execution.objects.filter(free(now), pk=execution_id, due_at__lte=now)
    return lease if rows.update(lease=lease, leased_until=now + LEASE) else ""


def hold(execution: Execution, now: datetime) -> bool:
    """The lease anew, before something that takes long; False where somebody else has it by now."""
    return bool(Execution.objects.filter(pk=execution.pk, lease=execution.lease).update(leased_until=now + LEASE))


def release(execution_id: int, lease: str, looked_at: datetime | None, due_at: datetime | None) -> None:
    """What was asked meanwhile (`wake`) moved its due time, and counts."""
    rows = Execution.objects.filter(pk=execution_id, lease=lease)
    rows.filter(due_at=looked_at).update(due_at=due_at)
    rows.update(lease="", leased_until=None)


def wake(execution_ids: Collection[int]) -> int:
    """They are looked at now: somebody asked for something, or what they wait for is there."""
    ids = list(execution_ids)
    woken = Execution.objects.filter(pk__in=ids).update(due_at=timezone.now()) if ids else 0
    for pk in ids:
        enqueue(pk)
    return woken


def wake_waiting(target_key: str) -> None:
    """Approved cases that wait for the target."""
    wake(list(Execution.objects.filter(target_key=target_key, state=State.APPROVED).values_list("pk", flat=True)))


def enqueue(execution_id: int) -> None:
    """After commit. Without a broker drive_due finds it."""
    transaction.on_commit(partial(_enqueue, execution_id))


def _enqueue(execution_id: int) -> None:
    from remediation import tasks  # which needs the engine, which needs this

    try:
        tasks.advance.delay(execution_id)
    except BrokerError:
        return


@resume.register
def free_leases() -> int:
    """In embedded mode nobody else works: leases of the process that ended are nobody's."""
    return Execution.objects.exclude(lease="").update(lease="", leased_until=None)
