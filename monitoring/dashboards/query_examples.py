"""Queries to start from, of those whose metrics the store holds."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True)
class Example:
    title: str
    text: str
    metrics: tuple[str, ...]

    @property
    def query(self) -> str:
        return urlencode({"q": self.text})


EXAMPLES = (
    Example(
        "CPU busy by host, per cent",
        '100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m])))',
        ("node_cpu_seconds_total",),
    ),
    Example(
        "Memory used by host",
        "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        ("node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes"),
    ),
    Example(
        "Filesystems full within four hours, at this pace",
        "predict_linear(node_filesystem_avail_bytes[1h], 4 * 3600) < 0",
        ("node_filesystem_avail_bytes",),
    ),
    Example(
        "Network received by host",
        'sum by (instance) (rate(node_network_receive_bytes_total{device!="lo"}[5m]))',
        ("node_network_receive_bytes_total",),
    ),
    Example("GPU utilisation", "nvidia_smi_utilization_gpu_ratio", ("nvidia_smi_utilization_gpu_ratio",)),
    Example("Targets that do not answer", "up == 0", ("up",)),
    Example("Samples the platform writes", "aiops_samples_per_second", ("aiops_samples_per_second",)),
)
MOST = 6


def fitting(known: Collection[str]) -> list[Example]:
    """Where none of the usual ones fits, the first metrics there are."""
    found = [example for example in EXAMPLES if all(metric in known for metric in example.metrics)]
    return found[:MOST] or [Example(metric, metric, (metric,)) for metric in list(known)[:MOST]]
