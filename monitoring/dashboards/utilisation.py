"""How busy resources are now: CPU, memory, fullest filesystem, network, for the whole fleet with a fixed number of statements."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from django.db.models import Count, Max
from django.db.models.fields.json import KT

from monitoring.dashboards.frames import Floats, Frames, Grid, interval_of
from monitoring.store import rates, reader
from monitoring.store.models import Series
from monitoring.store.samples import runs

WINDOW_MS = 150_000  # what "now" is: long enough for two samples of a slow source
CHECK_SECONDS, READ_SECONDS = 30.0, 600.0  # series appear and go seldom: look whether there are others, read them anyway
KEEP_SECONDS = 3.0  # polls are no closer than that
COLUMNS = ("cpu", "memory", "disk", "network")
GAUGES = ("node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_filesystem_size_bytes", "node_filesystem_avail_bytes")
COUNTERS = ("node_cpu_seconds_total", "node_network_receive_bytes_total", "node_network_transmit_bytes_total")
METRICS = (*GAUGES, *COUNTERS)
TOTAL, AVAILABLE, SIZE, FREE = GAUGES
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Use:
    """Per cent, network in bytes per second; None where it is not measured."""

    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None
    network: float | None = None


class _Series(NamedTuple):
    """What utilisation is computed from, a column each, by rising id."""

    id: Ids
    metric: Ids  # place in METRICS
    resource: Ids  # place in `resources`
    mount: Ids  # one number per resource and mount point
    resources: Ids  # their ids

    def where(self, keep: npt.NDArray[np.bool_]) -> "_Series":
        return self._replace(id=self.id[keep], metric=self.metric[keep], resource=self.resource[keep], mount=self.mount[keep])


@dataclass
class _Plan:
    series: _Series
    state: dict[str, int]  # of the table when they were read
    read: float
    checked: float


_plan: _Plan | None = None
_kept: tuple[float, dict[int, Use]] | None = None
_lock = threading.RLock()


def forget() -> None:
    global _plan, _kept
    _plan = _kept = None


def of_fleet(now_ms: int) -> dict[int, Use]:
    """{resource id: use} of everything that has samples; one measurement serves all readers of a moment."""
    global _kept
    with _lock:
        if _kept is None or time.monotonic() - _kept[0] > KEEP_SECONDS:
            _kept = (time.monotonic(), now_of(None, now_ms))
        return _kept[1]


def _series() -> _Series:
    """The series that utilisation is computed from, of every resource."""
    global _plan
    with _lock:
        now = time.monotonic()
        if _plan is None or now - _plan.checked > CHECK_SECONDS:
            state = Series.objects.aggregate(series=Count("id"), last=Max("id"))
            if _plan is None or state != _plan.state or now - _plan.read > READ_SECONDS:
                _plan = _Plan(_read_series(), state, now, now)
            _plan.checked = now
        return _plan.series


def _read_series() -> _Series:
    rows = Series.objects.filter(metric__in=METRICS, resource__isnull=False).annotate(
        mode=KT("labels__mode"), mount=KT("labels__mountpoint"), device=KT("labels__device")
    )
    found = rows.order_by("id").values_list("id", "metric", "resource_id", "mode", "mount", "device")
    wanted = [row for row in found if row[3] in (None, "idle") and not (row[5] == "lo" and row[1] in COUNTERS)]
    owners = sorted({row[2] for row in wanted})
    places = {pk: at for at, pk in enumerate(owners)}
    mounts: dict[tuple[int, str], int] = {}
    columns = [
        (sid, METRICS.index(metric), places[owner], mounts.setdefault((owner, mount or ""), len(mounts)))
        for sid, metric, owner, _, mount, _ in wanted
    ]
    sids, metrics, places_of, mounts_of = np.array(columns, np.int64).reshape(-1, 4).T
    return _Series(sids, metrics, places_of, mounts_of, np.array(owners, np.int64))


def now_of(resources: Iterable[int] | None, now_ms: int) -> dict[int, Use]:
    """{resource id: use} of those (None: all) that have samples; two statements at most."""
    plan = _series()
    if resources is not None:
        plan = plan.where(np.isin(plan.resources, list(resources))[plan.resource])
    if not len(plan.id):
        return {}
    sid, t, v = reader.flat(plan.id.tolist(), now_ms - WINDOW_MS, now_ms + 1000)
    return _Now(plan, sid, t, v).uses() if len(sid) else {}


class _Now:
    """All series at once: a loop over ten thousand of them costs more than everything else on the page."""

    def __init__(self, plan: _Series, sid: npt.NDArray[np.int32], t: Ids, v: Floats) -> None:
        first, end = runs(sid)
        self._count = len(plan.resources)
        self._pks = plan.resources
        self._of = plan.where(np.isin(plan.id, sid[first]))  # those with samples: by rising id, as the samples are
        self._last = v[end - 1]
        self._speed = _speeds(t, v, first, end)

    def uses(self) -> dict[int, Use]:
        columns = [self._cpu(), self._memory(), self._fullest(), self._network()]
        known = np.flatnonzero(~np.all(np.isnan(columns), axis=0))
        values = [[None if np.isnan(value) else value for value in column[known].tolist()] for column in columns]
        return dict(zip(self._pks[known].tolist(), map(Use, *values), strict=True))

    def _rates(self, metric: str) -> tuple[Any, Ids]:
        """Sum of the speeds of each resource's series of this name, and how many they are."""
        mine = (self._of.metric == METRICS.index(metric)) & ~np.isnan(self._speed)
        who = self._of.resource[mine]
        return np.bincount(who, self._speed[mine], self._count), np.bincount(who, None, self._count).astype(np.int64)

    def _cpu(self) -> Floats:
        idle, cores = self._rates(COUNTERS[0])
        with np.errstate(invalid="ignore", divide="ignore"):
            busy: Floats = np.clip(100 * (1 - idle / cores), 0, 100)
        return busy

    def _network(self) -> Floats:
        (received, some), (sent, more) = self._rates(COUNTERS[1]), self._rates(COUNTERS[2])
        return np.where(some + more > 0, received + sent, np.nan)

    def _used(self, whole: str, free: str) -> tuple[Ids, Floats]:
        """Resources, and per cent used of what both metrics tell of, for each mount point (or none)."""
        size, left = self._by_mount(whole), self._by_mount(free)
        owner = np.zeros(len(size), np.int64)
        owner[self._of.mount] = self._of.resource
        with np.errstate(invalid="ignore", divide="ignore"):
            used = 100 * (1 - left / size)
        known = np.flatnonzero((size > 0) & ~np.isnan(left))
        return owner[known], used[known]

    def _by_mount(self, metric: str) -> Floats:
        mine = self._of.metric == METRICS.index(metric)
        found = np.full(int(self._of.mount.max()) + 1, np.nan)
        found[self._of.mount[mine]] = self._last[mine]
        return found

    def _memory(self) -> Floats:
        who, used = self._used(TOTAL, AVAILABLE)
        found = np.full(self._count, np.nan)
        found[who] = used
        return found

    def _fullest(self) -> Floats:
        who, used = self._used(SIZE, FREE)
        found = np.full(self._count, np.nan)
        np.fmax.at(found, who, np.maximum(used, 0.0))
        return found


def _speeds(t: Ids, v: Floats, first: npt.NDArray[np.intp], end: npt.NDArray[np.intp]) -> Floats:
    """Per second, over the whole window, of each run of samples; a counter that started anew in it is counted on."""
    passed, grown = t[end - 1] - t[first], v[end - 1] - v[first]
    fell = ~(np.minimum.reduceat(v, first) >= v[first])
    for at in np.flatnonzero(fell & (passed > 0)).tolist():
        part = slice(first[at], end[at])
        grown[at] = np.nansum(rates.increase(t[part], v[part])[1:])
    found: Floats = np.full(len(first), np.nan)
    np.divide(grown * 1000, passed, out=found, where=passed > 0)
    return found


def cpu_history(resources: Sequence[int], start_ms: int, end_ms: int, points: int = 60) -> dict[int, list[float | None]]:
    """{resource id: CPU per cent over the range}; two statements."""
    plan = _series()
    plan = plan.where((plan.metric == METRICS.index(COUNTERS[0])) & np.isin(plan.resources, resources)[plan.resource])
    owners: dict[int, list[reader.SeriesRef]] = {}
    for sid, pk in zip(plan.id.tolist(), plan.resources[plan.resource].tolist(), strict=True):
        owners.setdefault(pk, []).append(reader.SeriesRef(sid, COUNTERS[0], {}, pk))
    samples = reader.raw_many([ref.id for refs in owners.values() for ref in refs], start_ms, end_ms) if owners else {}
    grid = Grid.over(start_ms, end_ms, points, interval_of(samples))
    found = {}
    for pk, refs in owners.items():
        idle = Frames(refs, samples, grid).counter(COUNTERS[0]).get("")
        if idle is not None and not idle.empty:
            busy = np.clip(100 * (1 - idle.mean / len(refs)), 0, 100)
            found[pk] = [None if np.isnan(value) else float(value) for value in busy]
    return found


@dataclass(frozen=True)
class Spread:
    median: float
    p95: float


def spread(values: Sequence[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    median, p95 = np.percentile(known, [50, 95])
    return Spread(float(median), float(p95))
