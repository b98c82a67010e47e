"""Executions whose process went away: what they did stays, and it says that it is half."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from genai.tracing.models import AgentRun, AgentStep

SILENT = timedelta(minutes=5)
WHY = "Nothing was heard of it any more: its process ended, or its model went away."


def silence() -> timedelta:
    """How long one may say nothing: longer than the longest call to a model."""
    return max(SILENT, timedelta(seconds=settings.LLM_TOTAL_SECONDS * 1.5))


def cut_off() -> int:
    """Those that have been silent too long. Returns how many."""
    now = timezone.now()
    silent = AgentRun.objects.filter(state=AgentRun.State.RUNNING, beat_at__lt=now - silence())
    ids = list(silent.values_list("pk", flat=True)[:1000])
    cut = AgentRun.objects.filter(pk__in=ids, state=AgentRun.State.RUNNING, beat_at__lt=now - silence()).update(
        state=AgentRun.State.CUT, reason=WHY, ended_at=F("beat_at")
    )
    AgentStep.objects.filter(run__in=ids, run__state=AgentRun.State.CUT, state=AgentStep.State.RUNNING).update(state=AgentStep.State.FAILED)
    return cut
