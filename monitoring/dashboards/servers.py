"""Cards of servers: status, CPU, memory, disk and network with their last hours, grouped by a label such as the role."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from aiops import timerange
from monitoring.dashboards import charts, panels
from monitoring.dashboards.frames import Floats, Frames, Line
from monitoring.dashboards.listing import Row
from monitoring.dashboards.members import Member
from monitoring.dashboards.utilisation import COUNTERS, GAUGES
from monitoring.store import reader
from monitoring.store.reader import SeriesRef

ROLE = "role"
HOURS, POINTS = 3, 36
BUCKET_MS, PACE_MS = HOURS * 3_600_000 // POINTS, 15_000
History = list[float | None]


@dataclass
class Card:
    row: Row
    cpu: History = field(default_factory=list)
    memory: History = field(default_factory=list)
    disk: History = field(default_factory=list)
    network: History = field(default_factory=list)

    @property
    def place(self) -> str:
        labels = self.row.resource.labels
        return " · ".join(str(labels[name]) for name in ("site", "rack", "env") if labels.get(name))


@dataclass
class Group:
    label: str
    cards: list[Card]

    @property
    def troubled(self) -> int:
        return sum(card.row.resource.status != "healthy" for card in self.cards)


def groupings(found: Iterable[Member], chosen: str) -> list[str]:
    """Labels that servers can be grouped by: on several of them, with fewer values than servers."""
    values: dict[str, dict[str, int]] = {}
    members = list(found)
    for one in members:
        for name, value in one.labels.items():
            values.setdefault(name, {}).setdefault(str(value), 0)
            values[name][str(value)] += 1
    telling = [name for name, counts in values.items() if 1 < len(counts) <= max(2, len(members) // 2)]
    return list(dict.fromkeys([*([ROLE] if ROLE in values else []), *sorted(telling)[:6], chosen]))


def grouped(rows: Sequence[Row], by: str) -> list[Group]:
    """The rows of a page as cards; groups by their names, those without the label last."""
    histories = _histories([row.resource.pk for row in rows])
    groups: dict[str, list[Card]] = {}
    for row in rows:
        groups.setdefault(str(row.resource.labels.get(by, "")), []).append(Card(row, **histories.get(row.resource.pk, {})))
    order = sorted(groups, key=lambda name: (name == "", name.lower()))
    return [Group(name or f"No {by}", groups[name]) for name in order]


def _histories(pks: Sequence[int]) -> dict[int, dict[str, History]]:
    """Two statements for all of them. Raises StoreUnavailable."""
    refs = [ref for ref in reader.select_many([*GAUGES, *COUNTERS], pks) if ref.labels.get("mode", "idle") == "idle"]
    if not refs:
        return {}
    end = timerange.now_ms() // BUCKET_MS * BUCKET_MS  # a bucket that still fills would look like a fall
    span = timerange.absolute(end - HOURS * 3_600_000, end)
    frames = charts.frames_of(refs, span, POINTS, PACE_MS)
    of: dict[int, list[SeriesRef]] = {}
    for ref in refs:
        of.setdefault(ref.resource_id or 0, []).append(ref)
    return {pk: _history(frames.of(own)) for pk, own in of.items()}


def _history(frames: Frames) -> dict[str, History]:
    found = {"cpu": _cpu(frames), "memory": panels.memory(frames).get("Used"), "disk": _fullest(frames), "network": _network(frames)}
    return {name: _list(line.mean) for name, line in found.items() if line is not None and not line.empty}


def _cpu(frames: Frames) -> Line | None:
    cores = len(frames.by_metric.get(COUNTERS[0], ()))
    idle = frames.counter(COUNTERS[0]).get("")
    if idle is None:
        return None
    busy = np.clip(100 * (1 - idle.mean / cores), 0, 100)
    return Line(busy, busy, busy)


def _fullest(frames: Frames) -> Line | None:
    """The filesystem that is fullest now."""
    lines = [line for line in panels.filesystems(frames).values() if line.last is not None]
    return max(lines, key=lambda line: line.last or 0.0, default=None)


def _network(frames: Frames) -> Line | None:
    both = list(panels.network(frames).values())
    if not both:
        return None
    total = np.sum([line.mean for line in both], axis=0)
    return Line(total, total, total)


def _list(values: Floats) -> History:
    return [None if np.isnan(value) else float(value) for value in values]
