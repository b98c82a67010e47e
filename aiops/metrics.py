"""Self-metrics: prometheus_client objects of this process, and what all processes together have counted.

Rooms define their counters where they count, as module-level objects named aiops_*. Each process leaves a snapshot in
its Process row, so that one scrape, and the System page, see web, worker and beat.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

disable_created_metrics()
log = logging.getLogger(__name__)

SAMPLES_WRITTEN = Counter("aiops_samples_written", "Samples accepted by the metric store")
SAMPLES_REFUSED = Counter("aiops_samples_refused", "Samples the metric store refused", ["reason"])
SOCKETS = Gauge("aiops_websocket_clients", "Open websockets")
ERRORS = Counter("aiops_errors", "Faults of our own, by kind", ["kind"])
REQUESTS = Counter("aiops_http_requests", "Answered requests", ["view", "method", "status"])
LATENCY = Histogram("aiops_http_request_seconds", "Time to answer", ["view", "method"], buckets=(0.02, 0.1, 0.5, 2, 10))
LAST_TASK = Gauge("aiops_last_task_timestamp_seconds", "When the worker last finished a task")
LAST_TICK = Gauge("aiops_beat_last_tick_timestamp_seconds", "When beat last looked at its schedule")
TASKS = Counter("aiops_tasks", "Finished tasks", ["task", "state"])

# One family as it is stored: [name, type, help, [[sample name, {label: value}, number], …]]
Family = list[Any]


def snapshot() -> list[Family]:
    """This process's aiops_* and process_* metrics, as JSON can hold them."""
    return [
        [metric.name, metric.type, metric.documentation, [[s.name, s.labels, s.value] for s in metric.samples if isfinite(s.value)]]
        for metric in REGISTRY.collect()
        if metric.name.startswith(("aiops_", "process_"))
    ]


@dataclass(frozen=True)
class _GaugeSource:
    name: str
    help: str
    read: Callable[[], float | Mapping[str, float] | None]
    label: str | None


_gauge_sources: dict[str, _GaugeSource] = {}


def gauge_source(name: str, help: str, read: Callable[[], float | Mapping[str, float] | None], label: str | None = None) -> None:
    """A gauge that is read when somebody asks, from the database for example. With `label`, `read` returns {label value: number}."""
    _gauge_sources[name] = _GaugeSource(name, help, read, label)


def _read(source: _GaugeSource) -> Metric | None:
    try:
        value = source.read()
    except Exception:
        log.exception("the gauge %s could not be read", source.name)
        ERRORS.labels("gauge").inc()
        return None
    metric = Metric(source.name, source.help, "gauge")
    if isinstance(value, Mapping):
        for label, number in value.items():
            metric.add_sample(source.name, {source.label or "name": label}, number)
    elif value is not None:
        metric.add_sample(source.name, {}, value)
    return metric


def _every_process() -> Iterator[tuple[str, list[Family]]]:
    from aiops import processes  # needs the models, which are not loaded when rooms import their counters

    yield processes.name(), snapshot()
    yield from processes.others()


class _Everything(Collector):
    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        for process, families in _every_process():
            for name, kind, help, samples in families:
                metric = merged.setdefault(name, Metric(name, help, kind))
                for sample, labels, value in samples:
                    metric.add_sample(sample, {**labels, "process": process}, value)
        yield from merged.values()
        yield from filter(None, map(_read, list(_gauge_sources.values())))


def exposition() -> bytes:
    """All processes' metrics and the database's gauges in Prometheus' text form."""
    return generate_latest(_Everything())


def total(sample: str, **labels: str) -> float:
    """The sum over all processes of a sample, e.g. total("aiops_samples_refused_total", reason="future")."""
    return sum(
        value
        for _process, families in _every_process()
        for _name, _kind, _help, samples in families
        for name, has, value in samples
        if name == sample and labels.items() <= has.items()
    )


def by_label(sample: str, label: str) -> dict[str, float]:
    """The sums over all processes of a sample, by one of its labels."""
    sums: dict[str, float] = {}
    for _process, families in _every_process():
        for _name, _kind, _help, samples in families:
            for name, has, value in samples:
                if name == sample and label in has:
                    sums[has[label]] = sums.get(has[label], 0.0) + value
    return sums
