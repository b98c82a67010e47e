"""Whether models answer, of those that are switched on."""

from datetime import timedelta

from django.db.models import Count, Max, Q
from django.utils import timezone

from aiops.health import Health
from genai import chain
from genai.models import Completion, ModelProvider

RECENT = timedelta(minutes=30)
FEW, MANY = 5, 0.5  # calls, and the share of them that failed, from which on it is said
Outcome = Completion.Outcome


def check() -> Health:
    enabled = list(ModelProvider.objects.filter(enabled=True))
    if not enabled:
        return Health("ok", "no language model is set up; everything works without one")
    now = timezone.now()
    recent = Completion.objects.filter(started_at__gte=now - RECENT).aggregate(
        asked=Count("pk", filter=~Q(outcome__in=(Outcome.CACHED, Outcome.BUDGET))), failed=Count("pk", filter=Q(outcome=Outcome.FAILED)),
        newest=Max("started_at"),
    )  # fmt: skip
    age = (now - recent["newest"]).total_seconds() if recent["newest"] else None
    failing = [one.name for one in enabled if one.check_error] + [name for name in chain.health() if name in {one.name for one in enabled}]
    if failing:
        return Health("degraded", f"models that fail: {', '.join(sorted(set(failing))[:3])}", age)
    if recent["asked"] >= FEW and recent["failed"] / recent["asked"] >= MANY:
        return Health("degraded", f"{recent['failed']} of {recent['asked']} calls to models failed in {RECENT.seconds // 60} min", age)
    return Health("ok", f"{len(enabled)} models, {recent['asked']} calls in {RECENT.seconds // 60} min", age)
