"""Our own figures as samples: what the System page draws, kept like everybody else's."""

import time
from collections.abc import Mapping
from typing import Any

from django.core.cache import cache

from aiops import metrics, probes, processes
from aiops.models import Process
from monitoring.store import stats, writer
from monitoring.store.batch import Batch

LAST = "self-metrics:last"  # the counters of every process at the previous measurement
COUNTERS = {
    "aiops_samples_per_second": "aiops_samples_written_total",
    "aiops_samples_refused_per_second": "aiops_samples_refused_total",
    "aiops_requests_per_second": "aiops_http_requests_total",
    "aiops_tasks_per_second": "aiops_tasks_total",
    "aiops_errors_per_second": "aiops_errors_total",
    "aiops_cpu_ratio": "process_cpu_seconds_total",
}
LONGEST_PAUSE = 300.0  # seconds; over a longer one a mean says nothing
Sums = dict[str, dict[str, float]]  # process -> metric -> value


def measure() -> int:
    """Writes one sample of each figure; returns how many."""
    now = time.time()
    sums = _sums()
    figures = _rates(sums, now) | _levels(sums)
    samples = [(name, {"job": "aiops"}, int(now * 1000), float(value)) for name, value in figures.items() if value is not None]
    writer.write(Batch.of(samples))
    return len(samples)


def _sums() -> Sums:
    """The counters of every process that reported lately, labels added up."""
    found = {processes.name(): _totals(metrics.snapshot())}
    return found | {name: _totals(families) for name, families in processes.others()}


def _totals(families: list[metrics.Family]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for _name, _kind, _help, samples in families:
        for name, _labels, value in samples:
            totals[name] = totals.get(name, 0.0) + value
    return totals


def _rates(sums: Sums, now: float) -> dict[str, float]:
    """Per second since the previous measurement. A process that came or started anew counts from nothing; one that ended, not at all."""
    before: tuple[float, Sums] | None = cache.get(LAST)
    cache.set(LAST, (now, sums), LONGEST_PAUSE)
    if before is None or not 1 <= now - before[0] <= LONGEST_PAUSE:
        return {}
    passed, was = now - before[0], before[1]
    return {
        name: sum(_grown(has, was.get(process, {}), counter) for process, has in sums.items()) / passed
        for name, counter in COUNTERS.items()
    }


def _grown(has: Mapping[str, float], was: Mapping[str, float], counter: str) -> float:
    value, earlier = has.get(counter, 0.0), was.get(counter, 0.0)
    return value - earlier if value >= earlier else value


def _levels(sums: Sums) -> dict[str, Any]:
    store, queues = stats(), probes.queue_depth()
    worker = processes.freshest(Process.Role.WORKER, Process.Role.EMBEDDED)
    return {
        "aiops_store_bytes": store.get("bytes"),
        "aiops_store_series": store.get("series"),
        "aiops_seal_lag_seconds": store.get("seal_lag_seconds"),
        "aiops_queue_tasks": sum(queues.values()),
        "aiops_sockets": sum(has.get("aiops_websocket_clients", 0.0) for has in sums.values()),
        "aiops_resident_bytes": sum(has.get("process_resident_memory_bytes", 0.0) for has in sums.values()),
        "aiops_worker_silent_seconds": worker.age_seconds if worker else None,
    }
