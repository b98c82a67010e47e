"""What goes wrong, when and where: so that whatever detects it can be checked against what was done. Pure: no database.

Every plot comes back after its period, placed by `since`, the moment the demonstration was made (seconds): the two weeks before
hold each of them at least once, and a demonstration that stays keeps happening.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monitoring.demo.curves import DAY, HOUR, MINUTE, Matrix, Periodic
from monitoring.demo.fleet import DOMAIN, NEIGHBOURS, Fleet

Key = tuple[str, str]  # kind and name of a resource


@dataclass(frozen=True)
class Plot:
    """A trouble and its return. `into`: seconds from the start of a period to `since`."""

    kind: str
    period: float
    into: float
    begins: float  # seconds in the period at which it shows
    ends: float

    def origin(self, since: float) -> float:
        return since - self.into

    def occurrences(self, since: float, start: float, end: float) -> Iterator[tuple[float, float]]:
        """(begins, ends) of those that touch [start, end)."""
        first = int(np.floor((start - self.origin(since) - self.ends) / self.period)) + 1
        at = self.origin(since) + first * self.period
        while at + self.begins < end:
            if at + self.ends > start:
                yield at + self.begins, at + self.ends
            at += self.period


class Kind(NamedTuple):
    title: str
    says: str
    metrics: tuple[str, ...]


FILL = Plot("disk_filling", 15 * DAY, 12.2 * DAY, 9 * DAY, 15 * DAY - 30 * MINUTE)
LEAK = Plot("memory_leak", 31 * HOUR, 27.5 * HOUR, 12 * HOUR, 31 * HOUR)
SWAPPING = Plot("swapping", LEAK.period, LEAK.into, 28.5 * HOUR, 31 * HOUR)  # a part of the leak
POD_LEAK = Plot("pod_memory_leak", 17 * HOUR, 11 * HOUR, 7 * HOUR, 17 * HOUR)
NOISY = Plot("noisy_neighbour", 27 * HOUR, 1.2 * HOUR, 0.5 * HOUR, 2.4 * HOUR)
OUTAGE = Plot("outage", 12 * DAY, 2.6 * DAY, 0.0, 3 * HOUR + 20 * MINUTE)
HOT_GPU = Plot("gpu_overheating", 3.7 * DAY, 1.1 * HOUR, 0.5 * HOUR, 3 * HOUR)
SURGE = Plot("traffic_surge", 6.3 * DAY, 1.4 * DAY, 0.0, 0.9 * HOUR)
ERRORS = Plot("network_errors", 5.1 * DAY, 0.7 * DAY, 0.0, 1.5 * HOUR)
PLOTS = (FILL, LEAK, POD_LEAK, NOISY, OUTAGE, HOT_GPU, SURGE, ERRORS)

KINDS = {
    "disk_filling": Kind(
        "A disk fills up",
        "Old write-ahead logs are kept: the file system gains four points a day until they are cleaned away",
        ("node_filesystem_avail_bytes", "node_filesystem_free_bytes"),
    ),
    "memory_leak": Kind(
        "A memory leak with restarts",
        "A service loses memory for a day, the machine swaps, and the kernel ends the service",
        ("node_memory_MemAvailable_bytes", "node_vmstat_pswpin", "node_vmstat_oom_kill"),
    ),
    "pod_memory_leak": Kind(
        "A pod leaks until it is restarted",
        "The working set reaches the container's limit, and the kubelet starts it anew",
        ("container_memory_working_set_bytes", "kube_pod_container_status_restarts_total"),
    ),
    "noisy_neighbour": Kind(
        "A noisy neighbour",
        "A batch job takes the hypervisor's CPU and disk; the other guests wait",
        ("node_cpu_seconds_total", "node_disk_io_time_seconds_total", "node_load5"),
    ),
    "outage": Kind("An outage", "A cluster node and its pods are silent for hours; then it starts anew", ("up", "node_boot_time_seconds")),
    "gpu_overheating": Kind(
        "A GPU overheats",
        "Its cooling fails: it gets hot and lowers its clock",
        ("nvidia_smi_temperature_gpu", "nvidia_smi_clocks_current_sm_clock_hz"),
    ),
    "traffic_surge": Kind(
        "A surge of traffic",
        "Three times the usual visitors for most of an hour",
        ("node_network_receive_bytes_total", "node_cpu_seconds_total"),
    ),
    "network_errors": Kind(
        "A bad cable", "Received frames are broken", ("node_network_receive_errs_total", "node_network_receive_drop_total")
    ),
}
FILLING, LEAKING, SILENT, BROKEN_CABLE = "db-03", "app-04", "k8s-node-03", "storage-02"
LEAKING_POD, HOT = "payments-api", ("gpu-01", 5)


@dataclass(frozen=True)
class Incident:
    kind: str
    title: str
    says: str
    resources: tuple[Key, ...]  # the cause first
    metrics: tuple[str, ...]
    start: float  # seconds
    end: float


def incidents(fleet: Fleet, since: float, start: float, end: float) -> list[Incident]:
    """Those that touch [start, end), by their start."""
    found = []
    for plot in PLOTS:
        kind, resources = KINDS[plot.kind], involved(fleet, plot)
        for begins, ends in plot.occurrences(since, start, end):
            found.append(Incident(plot.kind, kind.title, kind.says, resources, kind.metrics, begins, ends))
    return sorted(found, key=lambda one: (one.start, one.kind))


def involved(fleet: Fleet, plot: Plot) -> tuple[Key, ...]:
    if plot is OUTAGE:
        node = fleet.machine(SILENT)
        return node.key, *(pod.key for pod in fleet.pods if pod.node is node)
    if plot is NOISY:
        return tuple(fleet.machine(name).key for name in NEIGHBOURS)
    if plot is HOT_GPU:
        return (next(gpu.key for gpu in fleet.gpus if gpu.host.name == f"{HOT[0]}.{DOMAIN}" and gpu.index == HOT[1]),)
    if plot is POD_LEAK:
        return (leaking_pod(fleet),)
    if plot is SURGE:
        return tuple(host.key for host in fleet.hosts if host.role.name == "web")
    return (fleet.machine({FILL: FILLING, LEAK: LEAKING, ERRORS: BROKEN_CABLE}[plot]).key,)


def leaking_pod(fleet: Fleet) -> Key:
    return next(pod.key for pod in fleet.pods if pod.workload.name == LEAKING_POD)


def pulse(plot: Plot, since: float, heights: list[float], ramp: float = 5 * MINUTE) -> Periodic:
    """Up to the row's height while the plot shows, with a ramp at both ends; 0 else."""
    at = [0.0, plot.begins, plot.begins + ramp, plot.ends - ramp, plot.ends, plot.period]
    return Periodic(at, np.outer(heights, (0.0, 0.0, 1.0, 1.0, 0.0, 0.0)), plot.origin(since))


def growth(plot: Plot, since: float, low: float, high: float, fall: float) -> Periodic:
    """From low to high, and back within the last `fall` seconds of the period."""
    return Periodic([0.0, plot.period - fall, plot.period], [[low, high, low]], plot.origin(since))


def last_restart(plot: Plot, since: float, t: Matrix) -> Matrix:
    """When the plot ended last before t."""
    origin = plot.origin(since) + plot.ends
    return np.asarray(origin + np.floor((t - origin) / plot.period) * plot.period)


def times_ended(plot: Plot, since: float, t: Matrix) -> Matrix:
    """How often it has ended since a moment long ago."""
    return np.asarray(np.floor((t - plot.origin(since) - plot.ends) / plot.period))


def silent(since: float, t: Matrix) -> Matrix:
    """Whether the outage is on."""
    phase = np.mod(t - OUTAGE.origin(since), OUTAGE.period)
    return np.asarray((phase >= OUTAGE.begins) & (phase < OUTAGE.ends))
