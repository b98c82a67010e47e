"""Beat's scheduler: the database schedule, kept going through database faults."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django_celery_beat.schedulers import DatabaseScheduler

from aiops import metrics

RETRY = 2.0  # seconds after a fault
NEARLY_DUE = 0.01  # seconds; Celery's beat would spin through the last hundredth before each task
LOOK_AGAIN = 5.0  # seconds until a schedule that was edited counts; the parent asks the database at every tick
log = logging.getLogger(__name__)


class Scheduler(DatabaseScheduler):
    """A fault during a tick is logged and counted; the next tick tries again with a fresh connection."""

    _looked_at = float("-inf")
    _laid_out: Mapping[str, Any] | None = None  # the schedule that the heap of due times was made of

    def update_from_dict(self, mapping: Mapping[str, dict[str, Any]]) -> None:
        """Unlike the parent's, lets a database fault out: a beat that starts with half its schedule would look healthy."""
        entries = {name: self.Entry.from_entry(name, app=self.app, **fields) for name, fields in mapping.items()}
        self.schedule.update({name: entry for name, entry in entries.items() if entry.model.enabled})

    def schedule_changed(self) -> bool:
        if time.monotonic() - self._looked_at < LOOK_AGAIN:
            return False
        self._looked_at = time.monotonic()
        return bool(super().schedule_changed())

    def schedules_equal(self, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> bool:
        """The parent compares every field of every entry at each tick; an edited schedule is another mapping."""
        known, self._laid_out = self._laid_out, new
        return old is not None and known is new

    def tick(self, *args: Any, **kwargs: Any) -> float:
        try:
            wait = super().tick(*args, **kwargs)
        except (DatabaseError, InterfaceError, OSError) as fault:
            metrics.ERRORS.labels("beat").inc()
            log.warning("beat could not look at its schedule, next try in %s s: %s", RETRY, fault)
            connection.close()
            return RETRY
        metrics.LAST_TICK.set(time.time())
        return NEARLY_DUE if wait < 0 else wait
