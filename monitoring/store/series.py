"""Registration of series: key -> id, the same in every process."""

import datetime
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Count, Max
from django.utils import timezone

from monitoring.inventory.models import Resource
from monitoring.store.batch import Bundle, Bundled, Ids, SeriesKey
from monitoring.store.database import SERIES_LOCK, exclusive
from monitoring.store.keys import digest
from monitoring.store.models import ForgottenSeries, Series
from monitoring.store.samples import BLOCK, BLOCK_BITS

UNKNOWN = -1  # the id of a key that cannot be kept
SHARED = 1 << 16  # ids below are of metrics with few series, so that one small host's flush is a few rows instead of hundreds
FEW = 8
AT_ONCE = 500  # keys per statement
GENERATION = 6 * 3600.0  # seconds
FRESH = datetime.timedelta(hours=12)


class _Cache:
    """Two generations, so that keys nobody writes any more leave: a process that still knew a deleted series would write to nowhere."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.learned = 0  # times this process registered series or found them registered
        self.forget()

    def forget(self) -> None:
        with self._lock:
            self._young: dict[SeriesKey, int] = {}
            self._old: dict[SeriesKey, int] = {}
            self.resources: dict[int, int | None] = {}
            self._since = time.monotonic()
            self.epoch = object()

    def current(self) -> object:
        """As long as it is the same object, ids that were found are right and lie with the resources they were found with."""
        if time.monotonic() - self._since > GENERATION:
            self._age()
        return self.epoch

    def look_up(self, keys: Sequence[SeriesKey]) -> list[int | None]:
        self.current()
        found = list(map(self._young.get, keys))
        if self._old and (promoted := self._promote(keys, found)):
            _touch_rows(promoted)
        return found

    def learn(self, ids: Mapping[SeriesKey, int], resources: Mapping[int, int | None]) -> None:
        with self._lock:
            self._young.update(ids)
            self.resources.update(resources)
            self.learned += 1

    def _age(self) -> None:
        with self._lock:
            rested = time.monotonic() - self._since > 2 * GENERATION
            self._old, self._young, self._since = {} if rested else self._young, {}, time.monotonic()
            kept = set(self._old.values())
            self.resources = {sid: resource for sid, resource in self.resources.items() if sid in kept}
            self.epoch = object()

    def _promote(self, keys: Sequence[SeriesKey], found: list[int | None]) -> list[int]:
        promoted = []
        for place, sid in enumerate(found):
            if sid is None and (known := self._old.get(keys[place])) is not None:
                found[place] = self._young[keys[place]] = known
                promoted.append(known)
        return promoted

    def move(self, owners: Mapping[int, int | None]) -> None:
        self.learn({}, owners)
        self.epoch = object()


_cache = _Cache()
epoch = _cache.current


def forget(keys: Sequence[SeriesKey] = ()) -> None:
    """Every id this process knows, and those that these keys hold."""
    _cache.forget()
    if isinstance(keys, Bundled):
        for bundle in keys.bundles:
            bundle.ids = None


def registered() -> int:
    """Rises when this process has registered series, so that it finds them at once."""
    return _cache.learned


def ids(keys: Sequence[SeriesKey], resources: Sequence[int | None] | None = None) -> Ids:
    """The id of every key, registering those that are new; UNKNOWN for a key that cannot be kept. Raises django.db.Error."""
    found = _cache.look_up(keys)
    missing = [place for place, sid in enumerate(found) if sid is None]
    if missing:
        _register(keys, resources, missing, found)
    if resources is not None:
        _attach(found, resources)
    return np.array(found, np.int32)


def ids_of(keys: Bundled) -> Ids:
    """The same for bundles. Whoever keeps bundles must drop their ids when `epoch()` has changed."""
    held: list[Any] = [bundle.ids for bundle in keys.bundles]
    try:
        joined = b"".join(held)  # a tenth of the time that thousands of small arrays take
    except TypeError:  # None is no bytes
        found = _of_bundles([bundle for bundle, ids in zip(keys.bundles, held, strict=True) if ids is None])
        joined = b"".join([found[bundle] if ids is None else ids for bundle, ids in zip(keys.bundles, held, strict=True)])
    return np.frombuffer(joined, np.int32)


def _of_bundles(bundles: Collection[Bundle]) -> dict[Bundle, bytes]:
    began = _cache.current()
    unknown = Bundled(list(dict.fromkeys(bundles)))
    flat = ids(unknown.flat, unknown.resources)
    ends = np.cumsum([len(bundle.keys) for bundle in unknown.bundles])
    found = {bundle: part.tobytes() for bundle, part in zip(unknown.bundles, np.split(flat, ends[:-1]), strict=True)}
    if _cache.epoch is began and not connection.in_atomic_block:  # what a transaction registers, it may take back
        for bundle, own in found.items():
            bundle.ids = own
    return found


def existing(keys: Iterable[SeriesKey]) -> set[SeriesKey]:
    """Those of them that are registered. Raises django.db.Error."""
    marks = {mark: key for key in keys if (mark := digest(key)) is not None}
    wanted = iter(marks)
    found: set[SeriesKey] = set()
    while part := list(islice(wanted, AT_ONCE)):
        found.update(marks[bytes(mark)] for mark in Series.objects.filter(key__in=part).values_list("key", flat=True))
    return found


def _attach(found: Sequence[int | None], resources: Sequence[int | None]) -> None:
    """A series follows the resource that reports it."""
    known = _cache.resources
    if [known.get(sid or 0) for sid in found] == resources:  # nearly always; a closer look at each costs twice as much
        return
    moved: defaultdict[int, list[int]] = defaultdict(list)
    for sid, resource in zip(found, resources, strict=True):
        if resource is not None and sid is not None and known.get(sid, resource) != resource:
            moved[resource].append(sid)
    for resource in _existing(moved):
        owners = dict.fromkeys(moved[resource], resource)
        Series.objects.filter(pk__in=owners).update(resource=resource)
        transaction.on_commit(partial(_cache.move, owners))


@dataclass(frozen=True)
class _New:
    key: SeriesKey
    resource: int | None


def _register(keys: Sequence[SeriesKey], resources: Sequence[int | None] | None, missing: list[int], found: list[int | None]) -> None:
    wanted: dict[bytes, _New] = {}
    marks: dict[int, bytes | None] = {}
    for place in missing:
        mark = marks[place] = digest(keys[place])
        if mark is not None:
            wanted[mark] = _New(keys[place], resources[place] if resources else None)
    known: dict[bytes, int] = {}
    for part in _portions(wanted):
        known |= _find_or_create(part)
    for place, mark in marks.items():
        found[place] = UNKNOWN if mark is None else known[mark]


def _portions(wanted: dict[bytes, _New]) -> Iterator[dict[bytes, _New]]:
    rest = iter(wanted.items())
    while part := dict(islice(rest, AT_ONCE)):
        yield part


def _find_or_create(wanted: dict[bytes, _New]) -> dict[bytes, int]:
    rows = _find(wanted)
    if len(rows) < len(wanted) or any(row.seen < timezone.now() - FRESH for row in rows.values()):
        # Under the lock nobody else can add these series, and retention cannot delete them.
        with exclusive(SERIES_LOCK):
            rows = _find(wanted)
            _touch(rows.values())
            rows |= _create({mark: new for mark, new in wanted.items() if mark not in rows})
    _adopt(rows, wanted)
    learned = {wanted[mark].key: row.pk for mark, row in rows.items()}
    owners = {row.pk: row.resource_id for row in rows.values()}
    transaction.on_commit(partial(_cache.learn, learned, owners))
    return {mark: row.pk for mark, row in rows.items()}


def _find(marks: Any) -> dict[bytes, Series]:
    rows = Series.objects.filter(key__in=list(marks)).defer("labels")
    return {bytes(row.key): row for row in rows}


def _touch(rows: Any) -> None:
    tired = timezone.now() - FRESH
    _touch_rows([row.pk for row in rows if row.seen < tired])


def _touch_rows(sids: list[int]) -> None:
    now = timezone.now()
    for place in range(0, len(sids), AT_ONCE):
        Series.objects.filter(pk__in=sids[place : place + AT_ONCE], seen__lt=now - FRESH).update(seen=now)


def _adopt(rows: dict[bytes, Series], wanted: dict[bytes, _New]) -> None:
    """Gives series their resource, or another one when they have moved."""
    moved = defaultdict(list)
    for mark, row in rows.items():
        resource = wanted[mark].resource
        if resource is not None and resource != row.resource_id:
            moved[resource].append(row)
    for resource in _existing(moved):
        for row in moved[resource]:
            row.resource_id = resource
        Series.objects.filter(pk__in=[row.pk for row in moved[resource]]).update(resource=resource)


def _existing(resources: Any) -> set[int]:
    """A resource may have been deleted while its samples were on their way."""
    return set(Resource.objects.filter(pk__in=list(resources)).values_list("pk", flat=True)) if resources else set()


def _create(wanted: dict[bytes, _New]) -> dict[bytes, Series]:
    if not wanted:
        return {}
    allocator = _Allocator({new.key.metric for new in wanted.values()})
    existing = _existing({new.resource for new in wanted.values()} - {None})
    rows = {}
    for mark, new in wanted.items():
        sid = allocator.next(new.key.metric)
        resource = new.resource if new.resource in existing else None
        labels = dict(new.key.labels)
        rows[mark] = Series(id=sid, metric=new.key.metric, labels=labels, key=mark, block=sid >> BLOCK_BITS, resource_id=resource)
    Series.objects.bulk_create(rows.values())
    return rows


class _Allocator:
    """Ids grouped by metric: "this metric of all hosts" then touches few blocks. The first FEW series of a metric share blocks with
    other small metrics, the others get blocks of the metric's own."""

    def __init__(self, metrics: set[str]) -> None:
        used = Series.objects.filter(metric__in=metrics).values_list("metric").annotate(Max("id"), Count("id"))
        self._top = {metric: top for metric, top, _ in used}
        self._count = {metric: count for metric, _, count in used}
        self._forgotten = set(ForgottenSeries.objects.values_list("sid", flat=True))
        shared = Series.objects.filter(id__lt=SHARED).aggregate(Max("id"))["id__max"] or 0
        self._shared = max([shared, *(sid for sid in self._forgotten if sid < SHARED)]) + 1
        highest = max([Series.objects.aggregate(Max("id"))["id__max"] or 0, *self._forgotten])
        self._block = max(SHARED, (highest // BLOCK + 1) * BLOCK)

    def next(self, metric: str) -> int:
        while (sid := self._next(metric)) in self._forgotten:
            pass
        return sid

    def _next(self, metric: str) -> int:
        count = self._count[metric] = self._count.get(metric, 0) + 1
        if count <= FEW and self._shared < SHARED:
            self._shared += 1
            return self._shared - 1
        top = self._top.get(metric, 0)
        if top < SHARED or (top + 1) % BLOCK == 0:
            top, self._block = self._block - 1, self._block + BLOCK
        self._top[metric] = top + 1
        return top + 1


def keys_of(sids: Collection[int]) -> dict[int, SeriesKey]:
    """What the ids stand for; unknown ids are missing."""
    rows: dict[int, SeriesKey] = {}
    wanted = list(sids)
    for place in range(0, len(wanted), AT_ONCE):
        found = Series.objects.filter(pk__in=wanted[place : place + AT_ONCE]).values_list("id", "metric", "labels")
        rows |= {sid: SeriesKey.of(metric, labels) for sid, metric, labels in found}
    return rows


def known() -> dict[SeriesKey, int]:
    """Every series there is."""
    rows = Series.objects.values_list("id", "metric", "labels").iterator(chunk_size=10_000)
    return {SeriesKey.of(metric, labels): sid for sid, metric, labels in rows}
