import time
from collections.abc import Iterator

import pytest

from monitoring.demo import gpus, grid, history, install, node_exporter, pods
from monitoring.demo.world import world
from monitoring.inventory.models import Resource
from monitoring.sources.models import Source
from monitoring.store.models import Series
from monitoring.store.windows import WINDOW

KEPT = {
    "node_load1",
    "node_load5",
    "node_filesystem_size_bytes",
    "node_filesystem_free_bytes",
    "node_filesystem_avail_bytes",
    "node_disk_io_time_seconds_total",
    "nvidia_smi_temperature_gpu",
    "container_memory_working_set_bytes",
    "container_spec_memory_limit_bytes",
    "kube_namespace_status_phase",
}


@pytest.fixture
def few(monkeypatch) -> Iterator[None]:
    """A world with every resource and a tenth of the series."""
    for place, name in ((node_exporter, "families"), (gpus.Gpus, "families"), (pods.Pods, "families")):
        every = getattr(place, name)
        monkeypatch.setattr(place, name, lambda of, every=every: [one for one in every(of) if one.metric in KEPT])
    # Within a test's transaction the writer learns no series' id, and looks all of them up with every slice.
    monkeypatch.setattr(history, "SLICE", WINDOW)
    world.cache_clear()
    yield
    world.cache_clear()


@pytest.fixture
def short(few, monkeypatch) -> None:
    """Two days, few samples, a short past of alerts: what is tested does not depend on how many."""
    monkeypatch.setattr("monitoring.kpis.demo_past.DAYS", 10)
    monkeypatch.setattr(grid, "DAYS", 2)
    monkeypatch.setattr(grid, "STEPS", ((1800, 3.0), (600, 0.5), (300, 0.0)))


def quiet(what: str, share: float) -> None:
    pass


@pytest.fixture
def demo(db, short):
    """What was made."""
    return install.make(quiet)


@pytest.fixture
def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Counted:
    """Everything there is, as numbers and as samples."""

    def __init__(self) -> None:
        self.resources = Resource.objects.count()
        self.series = Series.objects.count()
        self.sources = Source.objects.count()

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other)

    def __repr__(self) -> str:
        return repr(vars(self))


@pytest.fixture
def the_world(demo):
    source = Source.objects.get(kind="demo")
    return world(source.config["seed"], source.config["since"])
