"""Frames of long ranges, computed from the store's buckets: a month of a host is read as 500 buckets a series, not as raw samples."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from monitoring.dashboards.frames import SILENCE, USUAL_MS, Floats, Frames, Grid, Line, add, held
from monitoring.store import rates
from monitoring.store.reader import Buckets, SeriesRef

FROM_MS = 300_000  # buckets at least as long as the store's rollups


class RolledFrames(Frames):
    """`pace`: ms between two samples as the resource's source promises; a bucket that is not full yet cannot tell."""

    def __init__(self, refs: Sequence[SeriesRef], found: Mapping[int, Buckets], grid: Grid, pace: int | None = None) -> None:
        self.found = found
        super().__init__(refs, {sid: (one.t, one.mean) for sid, one in found.items()}, grid, _interval(found.values(), grid.step))
        self.pace = pace or self.interval

    def _grouped(self, metric: str, by: tuple[str, ...], only: dict[str, str], counter: bool) -> dict[str, Line]:
        groups: dict[str, list[Line]] = {}
        for name, ref in self.named(metric, by, only):
            one = self.found[ref.id]
            groups.setdefault(name, []).append(self._laid(self._rates(one) if counter else one))
        return {name: add(lines) for name, lines in groups.items()}

    def _laid(self, one: Buckets) -> Line:
        keep = (one.t >= self.grid.start) & (one.t < self.grid.start + self.grid.step * self.grid.count)
        where = (one.t[keep] - self.grid.start) // self.grid.step
        if not len(where):
            nothing = np.full(self.grid.count, np.nan)
            return Line(nothing, nothing, nothing)
        source = held(where, self.grid.count, self.hold)
        return Line(*(np.where(source >= 0, part[keep][source], np.nan) for part in (one.mean, one.low, one.high)))

    def _rates(self, one: Buckets) -> Buckets:
        """Per-second rates between the last values of neighbouring buckets; a reset counts what the counter shows after it.

        A bucket with no neighbour before it has the rate of its own samples, where it has two. The newest is still filling, and the
        last before a gap is not full: as much time has passed as its samples cover, by the pace of the full bucket before it.
        """
        grown, passed = rates.increase(one.t, one.last), np.diff(one.t, prepend=np.iinfo(np.int64).min // 2).astype(np.float64)
        alone = passed > max(self.grid.step, self.interval * SILENCE)
        grown[alone] = (one.last - one.low)[alone]
        passed[alone] = ((one.count - 1) * self._pace_after(one))[alone]
        last = (passed == self.grid.step) & np.append(np.diff(one.t) > self.grid.step, True)
        passed[last] = np.minimum(passed, one.count * self.grid.step / np.append(1, one.count[:-1]))[last]
        known = passed > 0
        value = grown[known] / (passed[known] / 1000)
        return Buckets(one.t[known], value, value, value, value, one.count[known])

    def _pace_after(self, one: Buckets) -> Floats:
        """ms between two samples of each bucket: those of the next one tell, which is full, unless it is the newest."""
        full = np.append(np.diff(one.t) == self.grid.step, False)
        full[-2:] = False
        following = np.append(one.count[1:], 1)
        pace: Floats = np.where(full, self.grid.step / following, float(self.pace))
        return pace


def _interval(found: Iterable[Buckets], step: int) -> int:
    """The usual time between two samples of the densest series, ms."""
    densest = max((float(np.median(one.count)) for one in found if len(one.count)), default=step / USUAL_MS)
    return max(1000, round(step / max(densest, 1)))
