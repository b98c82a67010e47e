"""Whether what is watched is judged in time, and could be."""

from datetime import timedelta

from django.db.models import Max
from django.utils import timezone

from aiops.health import Health
from forecasting.models import Watch

LATE = timedelta(minutes=15)  # beyond when a watch was due


def check() -> Health:
    watches = Watch.objects.filter(enabled=True)
    newest = watches.aggregate(newest=Max("last_evaluated"))["newest"]
    if newest is None:
        return Health("ok", "nothing has been judged yet")
    age = (timezone.now() - newest).total_seconds()
    if late := watches.filter(due_at__lt=timezone.now() - LATE).count():
        return Health("degraded", f"{late} watches wait to be judged for more than {LATE.seconds // 60} min; is a worker running?", age)
    if broken := list(watches.exclude(last_error="").values_list("name", flat=True)[:3]):
        return Health("degraded", f"cannot be evaluated: {', '.join(broken)}", age)
    return Health("ok", f"{watches.count()} watches are judged", age)
