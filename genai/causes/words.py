"""What series, spans and values are called in sentences."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from aiops.templatetags.ui import NBSP, duration, significant
from genai.causes.departing import Departure
from genai.causes.lines import Line
from genai.evidence.drawing import shown
from monitoring.dashboards import query_units, vocabulary

TITLES: Mapping[str, str] = {
    "node_cpu_seconds_total": "CPU time", "node_load1": "load over 1 min", "node_load5": "load over 5 min",
    "node_load15": "load over 15 min",
    "node_memory_MemAvailable_bytes": "available memory", "node_memory_MemFree_bytes": "free memory",
    "node_memory_SwapFree_bytes": "free swap", "node_memory_Cached_bytes": "page cache", "node_memory_Dirty_bytes": "memory to be written",
    "node_filesystem_avail_bytes": "free space", "node_filesystem_free_bytes": "free space", "node_filesystem_files_free": "free inodes",
    "node_disk_io_time_seconds_total": "time the disk is busy", "node_disk_read_bytes_total": "disk reads",
    "node_disk_written_bytes_total": "disk writes", "node_disk_reads_completed_total": "read operations",
    "node_disk_writes_completed_total": "write operations", "node_network_receive_bytes_total": "network traffic in",
    "node_network_transmit_bytes_total": "network traffic out", "node_network_receive_errs_total": "network errors in",
    "node_network_transmit_errs_total": "network errors out", "node_network_receive_drop_total": "packets dropped in",
    "node_network_transmit_drop_total": "packets dropped out", "node_context_switches_total": "context switches",
    "node_intr_total": "interrupts", "node_forks_total": "processes started", "node_procs_running": "runnable processes",
    "node_procs_blocked": "blocked processes", "node_vmstat_pgmajfault": "major page faults", "node_hwmon_temp_celsius": "temperature",
    "node_netstat_Tcp_CurrEstab": "TCP connections", "node_netstat_Tcp_RetransSegs": "TCP retransmissions", "up": "reachability",
    "node_pressure_cpu_waiting_seconds_total": "CPU pressure", "node_pressure_memory_waiting_seconds_total": "memory pressure",
    "node_pressure_io_waiting_seconds_total": "I/O pressure", "node_filefd_allocated": "open files",
    "nvidia_smi_utilization_gpu_ratio": "GPU utilisation", "nvidia_smi_temperature_gpu": "GPU temperature",
}  # fmt: skip
# What several series of a resource say together: the first whose words are in the metric's name.
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Memory", ("memory", "swap", "vmstat", "heap", "rss", "mem_", "oom")),
    ("Disk", ("disk", "filesystem", "io_", "inode", "filefd")),
    ("Network", ("network", "netstat", "sockstat", "tcp", "udp", "conntrack", "dropped", "retrans")),
    ("Errors", ("error", "errs", "fail", "5xx", "timeout", "exception")),
    ("Latency", ("latency", "duration", "response_time", "_seconds")),
    ("Traffic", ("request", "throughput", "rps", "qps", "queue", "queries", "connections")),
    ("Temperature", ("temp", "hwmon", "thermal", "power")),
    ("GPU", ("gpu", "nvidia")),
)
CPU = ("cpu", "load", "procs", "context_switches", "intr", "forks", "schedstat", "softirq", "pressure_cpu")


def family(metric: str) -> str:
    low = metric.lower()
    if any(word in low for word in CPU):
        return "CPU"
    return next((name for name, words in FAMILIES if any(word in low for word in words)), "Other figures")


def telling(metric: str) -> float:
    """Exporters of machines tell hundreds of figures of the kernel that move with everything; those that people know count in full."""
    return 1.0 if metric in TITLES or not metric.startswith("node_") else 0.3


def thing(metric: str, labels: Mapping[str, str]) -> str:
    """What a series measures, with the labels that tell it from its like."""
    told = [value for name, value in labels.items() if value][:3]
    words = TITLES.get(metric, metric)
    return f"{words} ({', '.join(told)})"[:160] if told else words[:160]


def unit(metric: str, pace: bool) -> str:
    if metric == "node_cpu_seconds_total":
        return "cores"
    found = query_units.of_metric(metric, vocabulary.describe([metric])[metric].unit)
    return query_units.per_second(found) if pace else found


def value(number: float, unit: str) -> str:
    return f"{significant(round(number, 3))}{NBSP}cores" if unit == "cores" else shown(number, unit)


def apart(one: datetime, other: datetime, what: str) -> str:
    """“4 min before the alert began”."""
    span = (other - one).total_seconds()
    if abs(span) < 60:
        return f"as {what} began"
    return f"{duration(abs(span), 1)} {'before' if span > 0 else 'after'} {what} began"


def listed(parts: list[str], most: int = 3) -> str:
    """“a, b and 2 more”."""
    if len(parts) > most:
        return f"{', '.join(parts[: most - 1])} and {len(parts) - most + 1} more"
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def first_up(text: str) -> str:
    """A sentence's beginning; names of metrics stay as they are."""
    return text if "_" in text.split(" ")[0] else text[:1].upper() + text[1:]


class Moved(NamedTuple):
    """A departure in words."""

    what: str
    verb: str
    before: str
    now: str
    at: datetime

    @property
    def values(self) -> str:
        return f"{self.before} → {self.now}"


def moved(line: Line, left: Departure) -> Moved:
    kind = unit(line.metric, line.pace)
    verb = "rose" if left.rose else "fell"
    return Moved(
        thing(line.metric, line.labels),
        verb,
        value(left.before, kind),
        value(left.now, kind),
        datetime.fromtimestamp(left.onset / 1000, UTC),
    )
