"""Old facts go when an operator says so."""

from typing import NamedTuple

from accounts import audit
from monitoring.measurements.read import Wanted, moment
from monitoring.store import remove
from monitoring.store.fetch import ALL_TIME
from monitoring.store.windows import DAY, now_ms

USUAL_DAYS, MOST_DAYS = 90, 365


class Cleaned(NamedTuple):
    deleted: int
    before: int  # ms


def clean_up(days: int, wanted: Wanted) -> Cleaned:
    """Deletes facts older than so many days, of one VM or metric where they are named. Raises CannotRemove."""
    before = now_ms() - days * DAY
    deleted = remove.remove(wanted.series, -ALL_TIME, before)
    named = {name: value for name, value in (("vm", wanted.vm), ("metric", wanted.metric)) if value is not None}
    audit.record("facts.cleaned_up", target="facts", after={"days": days, "before": moment(before), "deleted": deleted, **named})
    return Cleaned(deleted, before)
