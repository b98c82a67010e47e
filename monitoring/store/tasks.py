"""The store's jobs. Each may be delivered twice or run beside itself: the work is done in transactions that take one lock."""

import logging

from celery import shared_task

from monitoring.store import expire as expiry
from monitoring.store import merge
from monitoring.store import seal as sealing

log = logging.getLogger(__name__)


@shared_task
def seal() -> None:
    moved = sealing.seal()
    if moved:
        log.info("sealed %d samples", moved)


@shared_task
def merge_days() -> None:
    sealing.seal()
    log.info("merged %d series-days", merge.merge_days())


@shared_task
def expire() -> None:
    """What is not sealed and merged does not expire."""
    merge_days()
    log.info("expired %d chunks", expiry.expire())
