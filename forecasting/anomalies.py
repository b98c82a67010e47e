"""From scores to anomalies: opened by the detector's alarm, continued while the score stays up, ended when it has been calm for a while."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.models import Anomaly, Watch
from forecasting.stream import ALARM, REASONS, Judged

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
GOES_ON = 0.6  # of the bar: above it an anomaly is not over
CALM = 3  # rows below that end one
NOTHING = REASONS[0]
WRITTEN = ["peak_at", "seen_at", "ended_at", "score", "reason", "value", "low", "high", "channels"]


class Row(NamedTuple):
    """What the detector said of one track at one time."""

    track: int
    at: datetime
    score: float
    value: float
    low: float
    high: float
    reason: str
    channels: dict[str, float]


def bar(sensitivity: float) -> float:
    """The strength from which an alarm counts. Below the sensitivity 1 it rises towards 1, above it falls."""
    return 1 - (1 - ALARM) * sensitivity if sensitivity <= 1 else ALARM / sensitivity


def counts(watch: Watch, judged: Judged, x: Floats) -> Mask:
    """Which alarms are anomalies of this watch: loud enough for its sensitivity, on the side that is trouble. Arrays [series]."""
    with np.errstate(invalid="ignore"):
        found = judged.strength >= bar(watch.sensitivity)
        middle = (judged.low + judged.high) / 2  # a band that is not known takes no side
        if watch.direction == Watch.Direction.UP:
            found &= ~(x < middle) & ~_falls(judged)
        elif watch.direction == Watch.Direction.DOWN:
            found &= ~(x > middle) & (_falls(judged) | (judged.reason == 0))
    return np.asarray(found)


def _falls(judged: Judged) -> Mask:
    """Codes of reasons come in pairs: a rise, and its fall."""
    return np.asarray((judged.reason > 0) & (judged.reason % 2 == 0))


@dataclass
class Episodes:
    """Anomalies of a watch while rows are gone through in the order of time; `fresh` and `changed` are to be written."""

    watch: Watch
    open: dict[int, Anomaly]  # by track
    fresh: list[Anomaly] = field(default_factory=list)
    changed: dict[int, Anomaly] = field(default_factory=dict)  # by track and start: those that were there before

    @classmethod
    def of(cls, watch: Watch) -> "Episodes":
        rows = Anomaly.objects.filter(track__watch=watch, ended_at=None)
        return cls(watch, {row.track_id: row for row in rows})

    def loud(self, row: Row) -> None:
        """An alarm: it opens an anomaly, or the open one goes on."""
        known = self.open.get(row.track)
        if known is None:
            known = Anomaly(track_id=row.track, started_at=row.at, peak_at=row.at, seen_at=row.at, **_figures(row))
            self.open[row.track] = known
            self.fresh.append(known)
        else:
            self._goes_on(known, row)

    def heard(self, row: Row) -> None:
        """No alarm, of a track with an open anomaly."""
        known = self.open[row.track]
        if row.score >= GOES_ON * bar(self.watch.sensitivity):
            self._goes_on(known, row)
        elif row.at - known.seen_at >= timedelta(seconds=CALM * self.watch.step):
            known.ended_at = known.seen_at + timedelta(seconds=self.watch.step)
            self._note(known)
            del self.open[row.track]

    def _goes_on(self, known: Anomaly, row: Row) -> None:
        known.seen_at = max(known.seen_at, row.at)
        if row.score > known.score:
            known.peak_at = row.at
            before = {"reason": known.reason, "channels": known.channels} if row.reason == NOTHING else {}  # it fades, and is no reason
            for name, value in {**_figures(row), **before}.items():
                setattr(known, name, value)
        self._note(known)

    def _note(self, known: Anomaly) -> None:
        if known.pk:
            self.changed[known.pk] = known

    def save(self) -> list[Anomaly]:
        """In the caller's transaction. What was written before a crash and is computed again stays one row."""
        unique = ["track", "started_at"]
        Anomaly.objects.bulk_update(self.changed.values(), WRITTEN, batch_size=200)  # first: a track has one open anomaly at most
        Anomaly.objects.bulk_create(self.fresh, batch_size=500, update_conflicts=True, unique_fields=unique, update_fields=WRITTEN)
        return self.fresh


def _figures(row: Row) -> dict[str, object]:
    low, high = (edge if np.isfinite(edge) else None for edge in (row.low, row.high))
    return {"score": row.score, "value": row.value, "low": low, "high": high, "reason": row.reason, "channels": row.channels}


def moment(t: int) -> datetime:
    """Of ms."""
    return datetime.fromtimestamp(t / 1000, UTC)


def end_of(tracks: Iterable[int] | Sequence[int]) -> int:
    """Ends what is open of tracks that are silent: nobody knows how it went on."""
    ended = 0
    for anomaly in Anomaly.objects.filter(track__in=list(tracks), ended_at=None):
        ended += Anomaly.objects.filter(pk=anomaly.pk, ended_at=None).update(ended_at=anomaly.seen_at)
    return ended
