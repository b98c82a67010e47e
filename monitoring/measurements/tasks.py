import datetime
import logging

from celery import shared_task
from django.utils import timezone

from aiops import resume
from monitoring.measurements import importing
from monitoring.measurements.models import ImportJob
from monitoring.store.seal import seal

log = logging.getLogger(__name__)
RESTED = datetime.timedelta(minutes=2)  # a job that has not moved so long has lost its worker
FORGOTTEN = datetime.timedelta(days=7)  # an upload nobody has started
State = ImportJob.State


@shared_task
def run_import(job_id: int) -> None:
    """May be delivered twice: of two workers on one job the slower stops."""
    job = importing.run(job_id)
    seal()  # history is past its windows at once: it need not look as if the sealing were late
    log.info("import of %s: %s at row %d", job.name, job.state, job.position)


@shared_task
def tend_imports() -> int:
    """Every minute: takes up what rests and drops uploads nobody has started. Returns how many were taken up."""
    for job in ImportJob.objects.filter(state=State.WAITING, added__lt=timezone.now() - FORGOTTEN):
        importing.discard(job)
    return _take_up(timezone.now() - RESTED)


@resume.register
def take_up_imports() -> int:
    return _take_up(timezone.now())


def _take_up(moved_before: datetime.datetime) -> int:
    """Uploads only: a file named to the command lies on whatever machine that ran on."""
    found = ImportJob.objects.filter(state=State.RUNNING, moved__lt=moved_before).exclude(path__startswith="/")
    ids = list(found.values_list("pk", flat=True))
    ImportJob.objects.filter(pk__in=ids).update(moved=timezone.now())
    for job_id in ids:
        run_import.delay(job_id)
    return len(ids)
