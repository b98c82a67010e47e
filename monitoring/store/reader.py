"""The way out: which series there are, and their samples. Ranges are half open [a, b), int64 ms UTC."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from django.db.models import QuerySet

from monitoring import store
from monitoring.store.batch import Ids, Times, Values
from monitoring.store.models import Series
from monitoring.store.outlines import Outlines as Outlines
from monitoring.store.samples import NO_BUCKETS
from monitoring.store.samples import Buckets as Buckets

_NOTHING = (np.empty(0, np.int64), np.empty(0, np.float64))


class SeriesRef(NamedTuple):
    id: int
    metric: str
    labels: dict[str, str]
    resource_id: int | None


def select(metric: str | None = None, labels: Mapping[str, str] | None = None, resource: int | None = None) -> list[SeriesRef]:
    """Series with this name, these labels (others may be there too) and of this resource, in the order of their ids."""
    found = Series.objects.order_by("id")
    if metric is not None:
        found = found.filter(metric=metric)
    if resource is not None:
        found = found.filter(resource=resource)
    wanted = dict(labels or {}).items()
    return [ref for ref in _refs(found) if wanted <= ref.labels.items()]


def select_many(metrics: Iterable[str], resources: Iterable[int]) -> list[SeriesRef]:
    """Series of these names and resources, for pages that show many resources: one query."""
    return _refs(Series.objects.filter(metric__in=set(metrics), resource__in=set(resources)).order_by("id"))


def _refs(found: QuerySet[Series, Any]) -> list[SeriesRef]:
    return [SeriesRef(*row) for row in found.values_list("id", "metric", "labels", "resource_id")]


def raw(sid: int, a: int, b: int) -> tuple[Times, Values]:
    return store.current().raw_many([sid], a, b).get(sid, _NOTHING)


def raw_many(sids: Collection[int], a: int, b: int, *, stale: bool = False) -> dict[int, tuple[Times, Values]]:
    """Series without samples in the range are missing. With `stale`, markers that a series ended are kept: see batch.is_stale."""
    return store.current().raw_many(sids, a, b, stale=stale)


def flat(sids: Collection[int], a: int, b: int) -> tuple[Ids, Times, Values]:
    """The samples of raw_many in three columns (sid, t, v), by series, then time: for thousands of short series at once."""
    return store.current().flat(sids, a, b)


def buckets(sid: int, a: int, b: int, step: int) -> Buckets:
    """(t, low, high, mean, last, count) of buckets that start at a + k * step; empty ones are missing."""
    return store.current().buckets_many([sid], a, b, step).get(sid, NO_BUCKETS)


def buckets_many(sids: Collection[int], a: int, b: int, step: int) -> dict[int, Buckets]:
    """The same for many series; those without samples in the range are missing."""
    return store.current().buckets_many(sids, a, b, step)


def outlines(sids: Collection[int], a: int, b: int, step: int) -> Outlines:
    """Means and last values in buckets, flat, for comparing thousands of series: see store.outlines."""
    return store.current().outlines(sids, a, b, step)


def latest(sids: Collection[int] | None, since: int) -> tuple[Ids, Times, Values]:
    """Arrays (sid, t, v): the last sample of every series that has one at or after `since` and has not ended; None = all series."""
    return store.current().latest(sids, since)


def reduce(sids: Sequence[int], a: int, b: int) -> Values:
    """The mean of every series, in the order asked; NaN where there is no sample."""
    return store.current().reduce(sids, a, b)
