"""The platform about itself: what its checks say, what its processes count, what its store holds."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from aiops import health, metrics, processes
from aiops.context import PLATFORM_LINE
from aiops.models import Process
from aiops.timerange import TimeRange
from monitoring.dashboards import charts
from monitoring.dashboards.frames import Frames, Grid, interval_of
from monitoring.dashboards.panels import PLATFORM_METRICS, PLATFORM_PANELS
from monitoring.store import reader
from monitoring.store.models import Series

SIGNS = {"ok": ("h-ok", "ok"), "degraded": ("h-degraded", "degraded"), "failed": ("h-down", "down")}
LINE_SECONDS = 20.0


@dataclass
class Check:
    name: str
    health: health.Health

    @property
    def tone(self) -> str:
        return SIGNS[self.health.status][0]

    @property
    def icon(self) -> str:
        return SIGNS[self.health.status][1]

    @property
    def since(self) -> datetime | None:
        age = self.health.age_seconds
        return None if age is None else timezone.now() - timedelta(seconds=age)


def checks() -> list[Check]:
    """Every check, those that need somebody first."""
    order = {"failed": 0, "degraded": 1, "ok": 2}
    found = [Check(name, result) for name, result in health.run().items()]
    return sorted(found, key=lambda check: order[check.health.status])


def platform_line() -> dict[str, Any]:
    """The sentence at the foot of the rail; kept for a moment, for every page asks for it."""
    known: dict[str, Any] | None = cache.get(PLATFORM_LINE)
    if known and time.time() - known["at"] < LINE_SECONDS:
        return known
    found = health.run()
    worst = health.worst(found.values())
    tone, icon = SIGNS[worst]
    troubled = [name for name, result in found.items() if result.status != "ok"]
    text = "Platform healthy" if not troubled else f"{troubled[0].capitalize()} {found[troubled[0]].status}"
    detail = "; ".join(f"{name}: {found[name].detail}" for name in troubled) or "Every check answers"
    line = {"tone": tone, "icon": icon, "text": text, "detail": detail, "at": time.time()}
    cache.set(PLATFORM_LINE, line, 600)
    return line


# -- processes -----------------------------------------------------------------------------------------------------------
@dataclass
class ProcessRow:
    process: Process
    cpu_seconds: float | None
    resident: float | None
    requests: float
    tasks: float
    sockets: float

    @property
    def silent(self) -> bool:
        return self.process.age_seconds > processes.SILENT_AFTER


def process_rows() -> list[ProcessRow]:
    return [_process_row(process) for process in Process.objects.order_by("role", "name")]


def _process_row(process: Process) -> ProcessRow:
    sums: dict[str, float] = {}
    for _name, _kind, _help, samples in process.counters:
        for name, _labels, value in samples:
            sums[name] = sums.get(name, 0.0) + value
    counted = [sums.get(f"aiops_{name}", 0.0) for name in ("http_requests_total", "tasks_total", "websocket_clients")]
    return ProcessRow(process, sums.get("process_cpu_seconds_total"), sums.get("process_resident_memory_bytes"), *counted)


def faults() -> list[tuple[str, float]]:
    """Faults of our own since the processes started, by kind, most frequent first."""
    return sorted(metrics.by_label("aiops_errors_total", "kind").items(), key=lambda item: -item[1])


def refusals() -> list[tuple[str, float]]:
    return sorted(metrics.by_label("aiops_samples_refused_total", "reason").items(), key=lambda item: -item[1])


# -- history -------------------------------------------------------------------------------------------------------------
def history(span: TimeRange) -> charts.Charts:
    """Charts of what self_metrics has written. Two statements."""
    rows = Series.objects.filter(metric__in=PLATFORM_METRICS, resource=None).order_by("id")
    refs = [reader.SeriesRef(*row) for row in rows.values_list("id", "metric", "labels", "resource_id")]
    samples = reader.raw_many([ref.id for ref in refs], span.start_ms, span.end_ms) if refs else {}
    interval = interval_of(samples)
    frames = Frames(refs, samples, Grid.over(span.start_ms, span.end_ms, charts.POINTS, interval), interval)
    drawn = [one for panel in PLATFORM_PANELS if (one := charts.drawn(panel, frames))]
    return charts.Charts(frames.grid, drawn, [], interval)


def latest_rates() -> dict[str, float]:
    """The newest self-metrics by name."""
    rows = dict(Series.objects.filter(metric__in=PLATFORM_METRICS, resource=None).values_list("id", "metric"))
    if not rows:
        return {}
    ids, _, values = reader.latest(list(rows), int(time.time() * 1000) - 120_000)
    return {rows[int(sid)]: float(value) for sid, value in zip(ids, values, strict=True)}
