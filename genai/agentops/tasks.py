"""Periodic work of the assistant as a whole. Each finds in the database what is left to do, and may run twice at once."""

from celery import shared_task

from aiops.errors import when_it_answers
from genai import expiring
from genai.agentops import measure, tending


@shared_task
def measure_assistant() -> int:
    """Every minute: its own figures as samples."""
    return when_it_answers("measure_assistant", measure.measure)


@shared_task
def tend_runs() -> int:
    """Every minute: executions that went silent are marked as cut off."""
    return when_it_answers("tend_runs", tending.cut_off)


@shared_task
def expire_assistant() -> int:
    """Every night: what is older than AIOPS_ASSISTANT_RETENTION_DAYS."""
    return expiring.expire()
