"""Periodic and enqueued work. Each finds in the database what is left to do, and may run twice at once."""

from celery import shared_task

from aiops.errors import when_it_answers
from remediation import schedule
from remediation.crew import crew


@shared_task
def advance(execution_id: int) -> int:
    """A case that has something to do now: in a thread of the crew, so that a slow provider keeps no task waiting."""
    return crew.submit([execution_id])


@shared_task
def drive_due() -> int:
    """Every second: cases whose time has come, also those whose enqueued task was lost."""
    return when_it_answers("drive_due", lambda: crew.submit(schedule.due()))
