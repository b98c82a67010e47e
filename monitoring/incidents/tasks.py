import logging
import threading
from collections.abc import Sequence

from celery import shared_task

from aiops.errors import when_it_answers
from monitoring.incidents import correlate, tend

log = logging.getLogger(__name__)


class Arrived:
    """Alerts that no call has looked at yet: incidents change one call at a time, so in one process whoever is at it does them all. Those
    that are lost with their process, the next `tend_incidents` finds."""

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.guard, self.at_it = threading.Lock(), threading.Lock()

    def add(self, ids: Sequence[int]) -> None:
        with self.guard:
            self.ids.update(ids)

    def take(self) -> list[int]:
        with self.guard:
            ids, self.ids = self.ids, set()
        return sorted(ids)


_arrived = Arrived()


@shared_task
def correlate_alerts(alert_ids: Sequence[int] = ()) -> int:
    """After alerts fired, some of them again; those of a storm, that come while others are correlated, together. What it misses, the next
    `tend_incidents` does."""
    _arrived.add(alert_ids)
    done = 0
    while _arrived.ids and _arrived.at_it.acquire(blocking=False):
        try:
            ids = _arrived.take()
            done += when_it_answers("correlate_alerts", lambda ids=ids: correlate.correlate(ids) + tend.tend())  # type: ignore[misc]
        finally:
            _arrived.at_it.release()
    return done


@shared_task
def tend_incidents() -> int:
    """Every 15 s: alerts that nobody correlated, incidents whose alerts are over or came back."""
    return when_it_answers("tend_incidents", lambda: correlate.correlate() + correlate.join_latest() + tend.tend())


@shared_task
def follow_alerts() -> int:
    """After alerts ended or were acknowledged."""
    return when_it_answers("follow_alerts", tend.tend)
