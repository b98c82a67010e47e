import logging

from celery import shared_task
from kombu.exceptions import OperationalError as BrokerError

from aiops.errors import when_it_answers
from monitoring.inventory import lifecycle
from monitoring.sources import judge, polling, push, schedule

log = logging.getLogger(__name__)


@shared_task
def poll_due() -> int:
    """Every second: claims what is due and hands each to a worker."""
    return when_it_answers("poll_due", _poll_due)


def _poll_due() -> int:
    lease, ids = schedule.claim_due()
    hand_over(ids, lease)
    return len(ids)


def hand_over(ids: list[int], lease: str) -> None:
    """One task per claimed source. A broker that is away gives the claims back; it raises kombu's OperationalError."""
    for place, source_id in enumerate(ids):
        try:
            poll_source.apply_async((source_id, lease), expires=schedule.QUEUE_PATIENCE)
        except BrokerError:
            schedule.release(ids[place:], lease)
            raise


@shared_task
def poll_source(source_id: int, lease: str | None = None) -> bool:
    """Without a lease it claims the source itself (poll now). May be delivered twice: the second finds the lease gone."""
    return bool(when_it_answers("poll_source", lambda: _poll(source_id, lease)))


def _poll(source_id: int, lease: str | None) -> bool:
    lease = lease or schedule.claim_now(source_id)
    return bool(lease) and polling.poll(source_id, lease or "")


@shared_task
def judge_resources() -> int:
    """Every 15 s: who fell silent, what senders sent, and how everything that reports is."""
    return when_it_answers("judge_resources", lambda: lifecycle.age() + push.follow() + judge.judge_resources())


@shared_task
def expire_changes() -> int:
    return lifecycle.expire_changes()
