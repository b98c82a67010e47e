"""Old facts go when an operator says so."""

from typing import NamedTuple

from accounts import audit
from monitoring.measurements import catalogue
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
    sids = list(catalogue.rows(*wanted).values_list("series_id", flat=True))
    deleted = remove.remove(sids, -ALL_TIME, before)
    named = {name: value for name, value in wanted._asdict().items() if value is not None}
    audit.record("facts.cleaned_up", target="facts", after={"days": days, "before": moment(before), "deleted": deleted, **named})
    return Cleaned(deleted, before)
