"""What a metric store does. Two do it: ChunkStore in the application's own database, PromStore over HTTP."""

from collections.abc import Collection, Sequence
from typing import Protocol

from monitoring.store.batch import Ids, Times, Values
from monitoring.store.outlines import Outlines
from monitoring.store.samples import Buckets

Series = tuple[Times, Values]


class MetricStore(Protocol):
    """Times are int64 ms; ranges are half open. Stale markers end a series and are left out unless asked for."""

    def write(self, sid: Ids, t: Times, v: Values) -> int:
        """Returns when the samples are kept, with the number of those the engine did not want. Raises StoreUnavailable, or
        Forgotten for a series that is gone."""

    def foretell(self, sids: Ids, sid: Ids, t: Times, v: Values, now: int) -> int:
        """Samples after `now` take the place of all that the series `sids` had there. Returns and raises like `write`."""

    def raw_many(self, sids: Collection[int], a: int, b: int, *, stale: bool = False) -> dict[int, Series]:
        """Series without samples in [a, b) are missing."""

    def flat(self, sids: Collection[int], a: int, b: int) -> tuple[Ids, Times, Values]:
        """The same samples in three columns (sid, t, v), by series, then time: for thousands of short series at once."""

    def buckets_many(self, sids: Collection[int], a: int, b: int, step: int) -> dict[int, Buckets]:
        """Buckets that start at a + k * step; empty ones and series without any are missing."""

    def outlines(self, sids: Collection[int], a: int, b: int, step: int) -> Outlines:
        """Means and last values of the same buckets, for many series at once; `a` and `step` are multiples of 5 minutes."""

    def latest(self, sids: Collection[int] | None, since: int) -> tuple[Ids, Times, Values]:
        """The last sample of every series that has one at or after `since` and has not ended."""

    def reduce(self, sids: Sequence[int], a: int, b: int) -> Values:
        """The mean of every series, in the order asked; NaN without samples."""
