"""How busy resources are now: CPU, memory, fullest filesystem, network, for the whole fleet with a fixed number of statements."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db.models import Count, Max
from django.db.models.fields.json import KT

from monitoring.dashboards.frames import Floats, Frames, Grid, interval_of
from monitoring.store import rates, reader
from monitoring.store.models import Series

WINDOW_MS = 150_000  # what "now" is: long enough for two samples of a slow source
CHECK_SECONDS, READ_SECONDS = 30.0, 600.0  # series appear and go seldom: look whether there are others, read them anyway
KEEP_SECONDS = 3.0  # polls are no closer than that
COLUMNS = ("cpu", "memory", "disk", "network")
GAUGES = ("node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_filesystem_size_bytes", "node_filesystem_avail_bytes")
COUNTERS = ("node_cpu_seconds_total", "node_network_receive_bytes_total", "node_network_transmit_bytes_total")
TOTAL, AVAILABLE, SIZE, FREE = GAUGES
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Use:
    """Per cent, network in bytes per second; None where it is not measured."""

    cpu: float | None = None
    memory: float | None = None
    disk: float | None = None
    network: float | None = None


@dataclass(frozen=True)
class _Series:
    id: int
    metric: str
    resource: int
    mount: str


@dataclass
class _Plan:
    series: list[_Series]
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


def _series() -> list[_Series]:
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


def _read_series() -> list[_Series]:
    rows = Series.objects.filter(metric__in=[*GAUGES, *COUNTERS], resource__isnull=False).annotate(
        mode=KT("labels__mode"), mount=KT("labels__mountpoint"), device=KT("labels__device")
    )
    found = rows.values_list("id", "metric", "resource_id", "mode", "mount", "device")
    wanted = (row for row in found if row[3] in (None, "idle") and not (row[5] == "lo" and row[1] in COUNTERS))
    return [_Series(sid, metric, resource or 0, mount or "") for sid, metric, resource, _, mount, _ in wanted]


def now_of(resources: Iterable[int] | None, now_ms: int) -> dict[int, Use]:
    """{resource id: use} of those (None: all) that have samples; two statements at most."""
    plan = _series()
    if resources is not None:
        wanted = set(resources)
        plan = [one for one in plan if one.resource in wanted]
    samples = reader.raw_many([one.id for one in plan], now_ms - WINDOW_MS, now_ms + 1000) if plan else {}
    last: dict[str, dict[tuple[int, str], float]] = {metric: {} for metric in GAUGES}
    speed: dict[str, dict[int, list[float]]] = {metric: {} for metric in COUNTERS}
    for one in plan:
        t, v = samples.get(one.id, (None, None))
        if t is None or v is None or not len(t):
            continue
        if one.metric in last:
            last[one.metric][one.resource, one.mount] = v[-1]
        elif (per_second := _speed(t, v)) is not None:
            speed[one.metric].setdefault(one.resource, []).append(per_second)
    columns = (_cpu(speed), _memory(last), _fullest(last), _network(speed))
    return {pk: Use(*(column.get(pk) for column in columns)) for pk in set().union(*columns)}


def _speed(t: Ids, v: Floats) -> float | None:
    """Over the whole window; a counter that started anew in it is counted on."""
    passed = t[-1] - t[0]
    if passed <= 0:
        return None
    grown = v[-1] - v[0] if v.min() >= v[0] else np.nansum(rates.increase(t, v)[1:])
    return float(grown / passed * 1000)


def _cpu(speed: dict[str, dict[int, list[float]]]) -> dict[int, float]:
    idle = speed[COUNTERS[0]]
    return {pk: float(np.clip(100 * (1 - sum(parts) / len(parts)), 0, 100)) for pk, parts in idle.items()}


def _memory(last: dict[str, dict[tuple[int, str], float]]) -> dict[int, float]:
    free = last[AVAILABLE]
    return {key[0]: float(100 * (1 - free[key] / whole)) for key, whole in last[TOTAL].items() if whole > 0 and key in free}


def _fullest(last: dict[str, dict[tuple[int, str], float]]) -> dict[int, float]:
    worst: dict[int, float] = {}
    free = last[FREE]
    for key, size in last[SIZE].items():
        if size > 0 and key in free:
            worst[key[0]] = max(worst.get(key[0], 0.0), float(100 * (1 - free[key] / size)))
    return worst


def _network(speed: dict[str, dict[int, list[float]]]) -> dict[int, float]:
    received, sent = speed[COUNTERS[1]], speed[COUNTERS[2]]
    return {pk: sum(received.get(pk, ())) + sum(sent.get(pk, ())) for pk in received.keys() | sent.keys()}


def cpu_history(resources: Sequence[int], start_ms: int, end_ms: int, points: int = 60) -> dict[int, list[float | None]]:
    """{resource id: CPU per cent over the range}; two statements."""
    wanted = set(resources)
    owners: dict[int, list[reader.SeriesRef]] = {}
    for one in _series():
        if one.metric == COUNTERS[0] and one.resource in wanted:
            owners.setdefault(one.resource, []).append(reader.SeriesRef(one.id, one.metric, {}, one.resource))
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
