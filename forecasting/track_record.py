"""What came of predictive alerts: rates by metric and by model, over a time. A rate without judged cases is None, never a number.

Hit rate: came true of came true and false. Averted ones count neither way: nobody knows what would have been.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from forecasting.models import Foresight

DAYS = 90
Outcome = Foresight.Outcome


@dataclass
class Record:
    """Of one metric, one model, or all."""

    key: str = ""
    label: str = ""
    open: int = 0
    averted: int = 0
    came_true: int = 0
    false: int = 0
    leads: list[timedelta] = field(default_factory=list)

    @property
    def decided(self) -> int:
        return self.came_true + self.false

    @property
    def judged(self) -> int:
        return self.decided + self.averted

    @property
    def hit_rate(self) -> float | None:
        """Per cent."""
        return 100 * self.came_true / self.decided if self.decided else None

    @property
    def false_rate(self) -> float | None:
        """Per cent of all that are judged."""
        return 100 * self.false / self.judged if self.judged else None

    @property
    def lead(self) -> timedelta | None:
        """The median: how long before it came true it was said."""
        return timedelta(seconds=median(one.total_seconds() for one in self.leads)) if self.leads else None

    def count(self, outcome: str, lead: timedelta | None = None) -> None:
        setattr(self, outcome, getattr(self, outcome) + 1)
        if lead is not None:
            self.leads.append(lead)


def since(days: int = DAYS) -> QuerySet[Foresight]:
    """Opened or judged within the time, and those that are open."""
    edge = timezone.now() - timedelta(days=days)
    return Foresight.objects.filter(Q(opened_at__gte=edge) | Q(closed_at__gte=edge) | Q(outcome=Outcome.OPEN))


def waiting() -> int:
    """Predictive alerts that want somebody."""
    return Foresight.objects.filter(outcome=Outcome.OPEN).count()


def overall(days: int = DAYS) -> Record:
    counts = dict(since(days).order_by().values_list("outcome").annotate(Count("pk")))
    return Record(**{str(outcome): counts.get(outcome, 0) for outcome in Outcome.values})


def by(what: str, days: int = DAYS) -> list[Record]:
    """what: metric or model. Those with most cases first."""
    found: dict[str, Record] = {}
    rows = since(days).values_list("track__metric", "track__watch__name", "kind", "outcome", "opened_at", "reached_at")
    for metric, name, kind, outcome, opened, reached in rows:
        key, label = (metric, name) if what == "metric" else (kind, kind)
        found.setdefault(key, Record(key, label)).count(outcome, _lead(opened, reached))
    return sorted(found.values(), key=lambda one: (-one.judged, one.label))


def _lead(opened: datetime, reached: datetime | None) -> timedelta | None:
    return reached - opened if reached else None


def of_tracks(tracks: Iterable[int]) -> dict[int, Record]:
    """Of all time that is kept."""
    found: defaultdict[int, Record] = defaultdict(Record)
    for track, outcome, opened, reached in Foresight.objects.filter(track__in=list(tracks)).values_list(
        "track", "outcome", "opened_at", "reached_at"
    ):
        found[track].count(outcome, _lead(opened, reached))
    return dict(found)
