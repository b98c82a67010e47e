"""Whether cases go on in time, and whether anything keeps them from it."""

from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from aiops.health import Health
from remediation.models import Execution, KillSwitch, Provider, Transition

LATE = timedelta(seconds=60)  # beyond when a case was due


def check() -> Health:
    now = timezone.now()
    newest = Transition.objects.aggregate(newest=Max("time"))["newest"]
    age = (now - newest).total_seconds() if newest else None
    stopped = list(KillSwitch.objects.filter(on=True).order_by("scope"))
    if late := Execution.objects.filter(due_at__lt=now - LATE).count():
        return Health("degraded", f"{late} cases wait to go on for more than {LATE.seconds} s; is a worker running?", age)
    if stopped:
        first = stopped[0]
        return Health("degraded", f"stopped by {first.actor}: {first.reason or first.scope}"[:200], age)
    if failing := list(Provider.objects.filter(enabled=True).exclude(check_error="").values_list("name", flat=True)[:3]):
        return Health("degraded", f"providers that fail: {', '.join(failing)}", age)
    return Health("ok", f"{Execution.objects.filter(state__in=Execution.ACTIVE).count()} cases are under way", age)
