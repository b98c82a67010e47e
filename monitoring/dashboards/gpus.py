"""The fleet of GPUs: how busy, how full, how hot, how much power, by node."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aiops.timerange import TimeRange
from monitoring.dashboards import charts, kinds
from monitoring.dashboards.frames import Frames, Line, add
from monitoring.dashboards.panels import Lines, Panel, ranked
from monitoring.inventory.models import Resource
from monitoring.store import reader
from monitoring.store.reader import SeriesRef

FRESH_MS = 300_000  # a value older than this is not "now"
SPARK_POINTS = 60
USE, USED, TOTAL = "nvidia_smi_utilization_gpu_ratio", "nvidia_smi_memory_used_bytes", "nvidia_smi_memory_total_bytes"
HEAT, POWER, LIMIT = "nvidia_smi_temperature_gpu", "nvidia_smi_power_draw_watts", "nvidia_smi_enforced_power_limit_watts"
METRICS = (USE, USED, TOTAL, HEAT, POWER, LIMIT)
IDLE = 5.0  # per cent: below this in the whole range
HOT = 85.0  # °C


@dataclass
class Gpu:
    """Values of now, None where nothing is measured: use and memory in per cent, memory in bytes, °C, W."""

    resource: Resource
    use: float | None = None
    used: float | None = None
    total: float | None = None
    heat: float | None = None
    power: float | None = None
    limit: float | None = None
    history: list[float | None] = field(default_factory=list)  # of use, in the range

    @property
    def status(self) -> kinds.Status:
        return kinds.STATUSES[self.resource.status]

    @property
    def memory(self) -> float | None:
        return 100 * self.used / self.total if self.used is not None and self.total else None

    @property
    def model(self) -> str:
        return str(self.resource.facts.get("model") or "")

    @property
    def node(self) -> str:
        parent = self.resource.parent
        return parent.name if parent else str(self.resource.labels.get("Hostname") or self.resource.labels.get("instance") or "No node")

    @property
    def number(self) -> str:
        """What is left of its name behind its node's."""
        return self.resource.name.removeprefix(self.node).strip() or self.resource.name

    @property
    def idle(self) -> bool:
        known = [value for value in self.history if value is not None]
        return bool(known) and max(known) < IDLE


@dataclass
class Node:
    name: str
    gpus: list[Gpu]

    @property
    def resource(self) -> Resource | None:
        return self.gpus[0].resource.parent

    @property
    def models(self) -> str:
        return ", ".join(sorted({gpu.model for gpu in self.gpus if gpu.model}))

    @property
    def sums(self) -> "Sums":
        return Sums.of(self.gpus)


@dataclass(frozen=True)
class Sums:
    use: float | None
    used: float | None
    total: float | None
    hottest: Gpu | None
    power: float | None
    limit: float | None

    @classmethod
    def of(cls, gpus: Iterable[Gpu]) -> "Sums":
        found = list(gpus)
        use = _known(found, "use")
        warm = [gpu for gpu in found if gpu.heat is not None]
        hottest = max(warm, key=lambda gpu: gpu.heat or 0.0, default=None)
        added = [sum(values) if (values := _known(found, name)) else None for name in ("used", "total", "power", "limit")]
        return cls(sum(use) / len(use) if use else None, added[0], added[1], hottest, added[2], added[3])

    @property
    def memory(self) -> float | None:
        return 100 * self.used / self.total if self.used is not None and self.total else None


def _known(gpus: Iterable[Gpu], name: str) -> list[float]:
    return [value for gpu in gpus if (value := getattr(gpu, name)) is not None]


@dataclass
class Fleet:
    gpus: list[Gpu]
    nodes: list[Node]
    charts: charts.Charts

    @property
    def sums(self) -> Sums:
        return Sums.of(self.gpus)

    @property
    def idle(self) -> list[Gpu]:
        return [gpu for gpu in self.gpus if gpu.idle]

    @property
    def reporting(self) -> int:
        return sum(gpu.resource.state == Resource.State.REPORTING for gpu in self.gpus)

    @property
    def history(self) -> list[float | None]:
        rows = [gpu.history for gpu in self.gpus if gpu.history]
        return _mean(rows) if rows else []

    @property
    def busiest(self) -> list[Gpu]:
        return sorted((gpu for gpu in self.gpus if gpu.use is not None), key=lambda gpu: -(gpu.use or 0.0))[:8]


def _mean(rows: Sequence[Sequence[float | None]]) -> list[float | None]:
    table = np.array([[np.nan if value is None else value for value in row] for row in rows])
    known = np.isfinite(table)
    sums = np.where(known, table, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return [float(value) if any_known else None for value, any_known in zip(sums, known.any(axis=0), strict=True)]


def fleet(span: TimeRange, points: int = charts.POINTS) -> Fleet:
    """Four statements, however many GPUs there are. Raises StoreUnavailable."""
    rows = Resource.objects.filter(kind="gpu").select_related("parent").order_by("name")
    gpus = {row.pk: Gpu(row) for row in rows}
    refs = reader.select_many(METRICS, gpus)
    _measure(gpus, refs, span.end_ms)
    frames = charts.frames_of(refs, span, points, 15_000)
    _remember(gpus, refs, frames)
    nodes: dict[str, list[Gpu]] = defaultdict(list)
    for gpu in sorted(gpus.values(), key=lambda gpu: (gpu.node, len(gpu.number), gpu.number)):
        nodes[gpu.node].append(gpu)
    grouped = [Node(name, members) for name, members in nodes.items()]
    return Fleet([gpu for node in grouped for gpu in node.gpus], grouped, _charts(grouped, refs, frames))


def _measure(gpus: Mapping[int, Gpu], refs: Sequence[SeriesRef], at: int) -> None:
    """The newest value of each metric; a GPU that two exporters tell of has two series of it."""
    names = dict(zip(METRICS, ("use", "used", "total", "heat", "power", "limit"), strict=True))
    known = {ref.id: ref for ref in refs}
    sids, times, values = reader.latest(list(known), at - FRESH_MS) if known else ((), (), ())
    for sid, time, value in sorted(zip(sids, times, values, strict=True), key=lambda one: one[1]):
        ref = known[int(sid)]
        if time < at and np.isfinite(value) and (gpu := gpus.get(ref.resource_id or 0)):
            setattr(gpu, names[ref.metric], float(value) * (100 if ref.metric == USE else 1))


def _of_gpu(refs: Sequence[SeriesRef]) -> dict[int, dict[str, SeriesRef]]:
    found: dict[int, dict[str, SeriesRef]] = defaultdict(dict)
    for ref in refs:
        if ref.resource_id is not None:
            found[ref.resource_id].setdefault(ref.metric, ref)
    return found


def _lines(refs: Sequence[SeriesRef], frames: Frames) -> dict[int, dict[str, Line]]:
    """{resource id: {metric: line}}"""
    found: dict[int, dict[str, Line]] = {}
    for pk, metrics in _of_gpu(refs).items():
        lines = {metric: frames.of([ref]).one(metric) for metric, ref in metrics.items()}
        found[pk] = {metric: line for metric, line in lines.items() if line is not None and not line.empty}
    return found


def _remember(gpus: Mapping[int, Gpu], refs: Sequence[SeriesRef], frames: Frames) -> None:
    every = max(1, frames.grid.count // SPARK_POINTS)
    for pk, lines in _lines([ref for ref in refs if ref.metric == USE], frames).items():
        if pk in gpus and USE in lines:
            gpus[pk].history = [None if np.isnan(value) else float(100 * value) for value in lines[USE].mean[::every]]


# -- charts --------------------------------------------------------------------------------------------------------------
def _charts(nodes: Sequence[Node], refs: Sequence[SeriesRef], frames: Frames) -> charts.Charts:
    """Utilisation, memory, temperature and power by node."""
    lines = _lines(refs, frames)
    of_node = {node.name: [lines[gpu.resource.pk] for gpu in node.gpus if gpu.resource.pk in lines] for node in nodes}
    drawn = []
    for panel, of in PANELS:
        found = {name: line for name, parts in of_node.items() if (line := of(parts)) is not None and not line.empty}
        if found:
            drawn.append(charts.Drawn(panel, ranked(panel, found)))
    return charts.Charts(frames.grid, drawn, [], frames.interval)


Parts = Sequence[Mapping[str, Line]]


def _all(parts: Parts, metric: str) -> list[Line]:
    return [lines[metric] for lines in parts if metric in lines]


def _average_use(parts: Parts) -> Line | None:
    lines = _all(parts, USE)
    return _each(lines, np.nanmean).scaled(100) if lines else None


def _memory_share(parts: Parts) -> Line | None:
    both = [lines for lines in parts if USED in lines and TOTAL in lines]
    if not both:
        return None
    used, total = add(_all(both, USED)), add(_all(both, TOTAL))
    with np.errstate(divide="ignore", invalid="ignore"):
        return Line(100 * used.mean / total.mean, 100 * used.low / total.mean, 100 * used.high / total.mean)


def _hottest(parts: Parts) -> Line | None:
    lines = _all(parts, HEAT)
    return _each(lines, np.nanmax) if lines else None


def _power(parts: Parts) -> Line | None:
    lines = _all(parts, POWER)
    return add(lines) if lines else None


def _each(lines: Sequence[Line], how: Any) -> Line:
    """One line of many, bucket by bucket; a bucket that none of them has stays empty."""
    out = []
    for part in ("mean", "low", "high"):
        table = np.vstack([getattr(line, part) for line in lines])
        known = np.isfinite(table).any(axis=0)
        column = np.full(table.shape[1], np.nan)
        column[known] = how(table[:, known], axis=0)
        out.append(column)
    return Line(*out)


def _nothing(frames: Frames) -> Lines:
    return {}


PANELS = (
    (Panel("gpu-use", "Utilisation by node", "%", (USE,), _nothing, top=100), _average_use),
    (Panel("gpu-memory-share", "Memory by node", "%", (USED, TOTAL), _nothing, top=100), _memory_share),
    (Panel("gpu-heat", "Hottest GPU by node", "°C", (HEAT,), _nothing, floor=60), _hottest),
    (Panel("gpu-watts", "Power by node", "W", (POWER,), _nothing, rest="sum"), _power),
)
