"""Periodic work of the copilot."""

from celery import shared_task

from aiops.errors import when_it_answers
from genai.copilot import tending


@shared_task
def tend_answers() -> int:
    """Every 15 s: answers whose process ended."""
    return when_it_answers("tend_answers", tending.cut_off_silent)
