"""Who is on the GPUs: the pods and processes that series of GPUs name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import numpy as np

from monitoring.dashboards.gpus import FRESH_MS, USE, USED, Gpu
from monitoring.store import reader
from monitoring.store.reader import SeriesRef

OWNERS = (("pod", "exported_pod"), ("process_name", "process"), ("container", "exported_container"))
SPACES = ("namespace", "exported_namespace")
BUSY = {"DCGM_FI_DEV_GPU_UTIL": 1.0, "DCGM_FI_PROF_GR_ENGINE_ACTIVE": 100.0, "nvidia_smi_process_utilization_ratio": 100.0, USE: 100.0}
FULL = {"DCGM_FI_DEV_FB_USED": 1024.0**2, "nvidia_smi_process_memory_used_bytes": 1.0, USED: 1.0}
CONSUMERS = 10


@dataclass
class Consumer:
    name: str
    space: str
    kind: str
    gpus: set[int] = field(default_factory=set)
    use: dict[int, float] = field(default_factory=dict)
    used: dict[int, float] = field(default_factory=dict)

    @property
    def mean_use(self) -> float | None:
        return sum(self.use.values()) / len(self.use) if self.use else None

    @property
    def memory(self) -> float | None:
        return sum(self.used.values()) if self.used else None

    @property
    def query(self) -> str:
        label = {"Pod": "pod", "Process": "process_name", "Container": "container"}[self.kind]
        return urlencode({"q": f'{{{label}="{self.name}", __name__=~"DCGM_FI_DEV_GPU_UTIL|nvidia_smi_process_.*"}}'})


def consumers(gpus: Sequence[Gpu], at: int) -> list[Consumer]:
    """Pods and processes that series of these GPUs name, those that hold most first."""
    refs = [ref for ref in reader.select_many([*BUSY, *FULL], [gpu.resource.pk for gpu in gpus]) if _owner(ref.labels)]
    known = {ref.id: ref for ref in refs}
    if not known:
        return []
    found: dict[tuple[str, str, str], Consumer] = {}
    for sid, _, value in zip(*reader.latest(list(known), at - FRESH_MS), strict=True):
        _count(found, known[int(sid)], float(value))
    return sorted(found.values(), key=lambda one: (-(one.memory or 0.0), -(one.mean_use or 0.0), one.name))[:CONSUMERS]


def _owner(labels: Mapping[str, str]) -> tuple[str, str, str] | None:
    space = next((labels[name] for name in SPACES if labels.get(name)), "")
    for kind, names in zip(("Pod", "Process", "Container"), OWNERS, strict=True):
        if name := next((labels[name] for name in names if labels.get(name)), ""):
            return name, space, kind
    return None


def _count(found: dict[tuple[str, str, str], Consumer], ref: SeriesRef, value: float) -> None:
    owner = _owner(ref.labels)
    if owner is None or ref.resource_id is None or not np.isfinite(value):
        return
    one = found.setdefault(owner, Consumer(*owner))
    one.gpus.add(ref.resource_id)
    into, factor = (one.use, BUSY[ref.metric]) if ref.metric in BUSY else (one.used, FULL[ref.metric])
    into[ref.resource_id] = max(into.get(ref.resource_id, 0.0), value * factor)
