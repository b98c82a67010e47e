"""What the sources tell about the platform's own health."""

from collections import Counter

from django.db.models import Max
from django.utils import timezone

from aiops.health import Health
from monitoring.sources.models import Source

TROUBLE = ("broken", "failing", "stale")


def check() -> Health:
    sources = list(Source.objects.filter(enabled=True))
    newest = Source.objects.filter(enabled=True).aggregate(newest=Max("last_success"))["newest"]
    age = (timezone.now() - newest).total_seconds() if newest else None
    if not sources:
        return Health("ok", "no source is enabled")
    bad = [source.name for source in sources if source.status in TROUBLE]
    if not bad:
        waiting = Counter(source.status for source in sources)["waiting"]
        return Health("ok", f"{len(sources)} polled" if not waiting else f"{waiting} of {len(sources)} not polled yet", age)
    names = ", ".join(bad[:3]) + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")
    return Health("failed" if len(bad) == len(sources) else "degraded", f"{len(bad)} of {len(sources)} without data: {names}", age)
