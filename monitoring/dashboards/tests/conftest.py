"""Resources with samples, as sources and writers bring them in."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from monitoring.dashboards import utilisation
from monitoring.inventory.facts import ResourceReport, report
from monitoring.inventory.models import Resource
from monitoring.store import writer
from monitoring.store.batch import Batch

STEP = 15_000  # ms
Series = Sequence[tuple[str, Mapping[str, str], Sequence[float | None]]]


@pytest.fixture(autouse=True)
def _forget_utilisation() -> None:
    utilisation.forget()


@pytest.fixture
def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def watch(db: None) -> Callable[..., Resource]:
    """watch("web-1", labels={…}, health=100): one resource, reported just now."""

    def one(name: str = "web-1", kind: str = "host", health: int | None = 100, **more: Any) -> Resource:
        fields = {field: more.pop(field) for field in ("labels", "facts", "report_interval") if field in more}
        [row] = report([ResourceReport(kind, name, **fields)], more.pop("source", None))
        for field, value in {"health": health, **more}.items():
            setattr(row, field, value)
        row.save()
        return row

    return one


@pytest.fixture
def sample(db: None, now_ms: int) -> Callable[[Resource, Series], None]:
    """Values end now, one each 15 s; None leaves one out."""

    def write(resource: Resource, series: Series, until: int = 0) -> None:
        rows = []
        for metric, labels, values in series:
            first = now_ms - until - STEP * (len(values) - 1)
            named = {"instance": resource.name, **labels}
            rows += [(metric, named, first + STEP * at, float(value)) for at, value in enumerate(values) if value is not None]
        writer.write(Batch.of(sorted(rows, key=lambda row: row[2]), resource.pk))
        utilisation.forget()

    return write


def cpu(busy: float, count: int = 9, cores: int = 2) -> Series:
    """Counters of cores that are `busy` per cent in user mode."""
    ticks = [15.0 * at for at in range(count)]
    shares = {"idle": 1 - busy / 100, "user": busy / 100}
    return [
        ("node_cpu_seconds_total", {"cpu": str(core), "mode": mode}, [1000 + tick * share for tick in ticks])
        for core in range(cores)
        for mode, share in shares.items()
    ]


def memory(used: float, count: int = 9) -> Series:
    return [("node_memory_MemTotal_bytes", {}, [1e9] * count), ("node_memory_MemAvailable_bytes", {}, [1e9 * (1 - used / 100)] * count)]


def filesystem(mount: str, used: float, count: int = 9) -> Series:
    where = {"mountpoint": mount, "device": f"/dev{mount}"}
    return [
        ("node_filesystem_size_bytes", where, [1e12] * count),
        ("node_filesystem_avail_bytes", where, [1e12 * (1 - used / 100)] * count),
    ]
