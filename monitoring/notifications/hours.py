"""Hours of the day and days of the week by one place's clock: when a route takes alerts, a layer has somebody, a channel is quiet."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

FURTHEST = 8  # days to look ahead: every weekday comes within


class Hours(NamedTuple):
    """From `start` to `end` on `days` (0 = Monday; none = every day), past midnight where it ends before it starts; the day is the one
    on which it starts. Without start and end it holds all day."""

    start: time | None
    end: time | None
    days: Sequence[int]
    zone: str

    @classmethod
    def of(cls, row: Any, prefix: str, zone: str) -> "Hours":
        return cls(getattr(row, f"{prefix}_from"), getattr(row, f"{prefix}_to"), getattr(row, f"{prefix}_days", None) or [], zone)

    @property
    def always(self) -> bool:
        return self.start is None and not self.days

    def spans(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The times within [start, end) at which it holds, in order, in UTC."""
        if self.always:
            return [(start.astimezone(UTC), end.astimezone(UTC))] if start < end else []
        zone = ZoneInfo(self.zone)
        day = start.astimezone(zone).date() - timedelta(days=1)
        last = end.astimezone(zone).date()
        found: list[tuple[datetime, datetime]] = []
        while day <= last:
            if not self.days or day.weekday() in self.days:
                begin, over = self._on(day, zone)
                begin, over = max(begin, start), min(over, end)
                if begin < over:
                    if found and found[-1][1] >= begin:
                        found[-1] = (found[-1][0], over)
                    else:
                        found.append((begin.astimezone(UTC), over.astimezone(UTC)))
            day += timedelta(days=1)
        return found

    def _on(self, day: Any, zone: ZoneInfo) -> tuple[datetime, datetime]:
        start, end = self.start or time(0), self.end or time(0)
        until = day if end > start else day + timedelta(days=1)
        return datetime.combine(day, start, zone).astimezone(UTC), datetime.combine(until, end, zone).astimezone(UTC)

    def holds(self, at: datetime) -> bool:
        return self.always or self.until(at) is not None

    def until(self, at: datetime) -> datetime | None:
        """When the span that holds at this moment ends; None where none does, and where it holds for ever."""
        if self.always:
            return None
        for start, end in self.spans(at - timedelta(days=1), at + timedelta(days=FURTHEST)):
            if start <= at < end:
                return end
        return None


def quiet_until(row: Any, zone: str, at: datetime) -> datetime | None:
    """When the quiet hours end that hold now: of a channel or of a person's preferences. Quiet hours need a beginning and an end."""
    if row.quiet_from is None or row.quiet_to is None:
        return None
    return Hours.of(row, "quiet", zone).until(at)
