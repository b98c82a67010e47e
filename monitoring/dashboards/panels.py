"""The charts of a resource, declared: which metrics, which lines. Names are node_exporter's and nvidia_gpu_exporter's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitoring.dashboards.frames import Frames, Line, add

Lines = dict[str, Line]
MOST = 8  # lines in one chart; above that the seven highest and the others


@dataclass(frozen=True)
class Panel:
    key: str
    title: str
    unit: str
    metrics: tuple[str, ...]
    lines: Callable[[Frames], Lines]
    stacked: bool = False
    top: float | None = None  # upper end of the scale
    rest: str = "highest"  # what "others" are: highest or sum
    colours: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8)
    fill: bool = False  # the first line is filled
    whole: bool = False  # counts things: whole numbers on the scale
    floor: float = 0.0  # the scale reaches at least this far, so that noise does not look like load


def _share(part: Line, whole: Line) -> Line:
    with np.errstate(divide="ignore", invalid="ignore"):
        return Line(*(np.where(whole.mean > 0, 100 * getattr(part, name) / whole.mean, np.nan) for name in ("mean", "low", "high")))


def _rest_of(whole: Line, free: Line) -> Line:
    return Line(whole.mean - free.mean, whole.mean - free.high, whole.mean - free.low)


MODES = {"User": ("user", "nice"), "System": ("system", "irq", "softirq"), "I/O wait": ("iowait",), "Steal": ("steal",)}


def cpu_by_mode(frames: Frames) -> Lines:
    modes = frames.counter("node_cpu_seconds_total", "mode")
    if not modes:
        return {}
    whole = add(list(modes.values()))
    found = {name: [modes[mode] for mode in members if mode in modes] for name, members in MODES.items()}
    lines = {name: _share(add(parts), whole) for name, parts in found.items() if parts}
    return {name: line for name, line in lines.items() if name != "Steal" or np.nan_to_num(line.high).any()}


def memory(frames: Frames) -> Lines:
    whole, available = frames.one("node_memory_MemTotal_bytes"), frames.one("node_memory_MemAvailable_bytes")
    if whole is None or available is None:
        return {}
    lines = {"Used": _share(_rest_of(whole, available), whole)}
    cached = [line for name in ("Cached", "Buffers") if (line := frames.one(f"node_memory_{name}_bytes"))]
    if cached:
        lines["Cached"] = _share(add(cached), whole)
    swap, free = frames.one("node_memory_SwapTotal_bytes"), frames.one("node_memory_SwapFree_bytes")
    if swap is not None and free is not None and np.nanmax(swap.mean, initial=0) > 0:
        lines["Swap used"] = _share(_rest_of(swap, free), swap)
    return lines


def load(frames: Frames) -> Lines:
    names = {"node_load1": "1 min", "node_load5": "5 min", "node_load15": "15 min"}
    return {label: line for metric, label in names.items() if (line := frames.one(metric))}


def filesystems(frames: Frames) -> Lines:
    size, free = frames.gauge("node_filesystem_size_bytes", "mountpoint"), frames.gauge("node_filesystem_avail_bytes", "mountpoint")
    return {mount: _share(_rest_of(size[mount], free[mount]), size[mount]) for mount in size if mount in free}


def disk_throughput(frames: Frames) -> Lines:
    return _pair(frames, "Read", "node_disk_read_bytes_total", "Write", "node_disk_written_bytes_total")


def disk_busy(frames: Frames) -> Lines:
    return {device: line.scaled(100) for device, line in frames.counter("node_disk_io_time_seconds_total", "device").items()}


def network(frames: Frames) -> Lines:
    received, sent = (_without_loopback(frames, f"node_network_{way}_bytes_total") for way in ("receive", "transmit"))
    return {name: add(list(lines.values())) for name, lines in (("In", received), ("Out", sent)) if lines}


def network_by_interface(frames: Frames) -> Lines:
    received, sent = (_without_loopback(frames, f"node_network_{way}_bytes_total") for way in ("receive", "transmit"))
    devices = received.keys() & sent.keys()
    return {device: add([received[device], sent[device]]) for device in sorted(devices)} if len(devices) > 1 else {}


def network_trouble(frames: Frames) -> Lines:
    names = {
        "node_network_receive_errs_total": "Errors in", "node_network_transmit_errs_total": "Errors out",
        "node_network_receive_drop_total": "Dropped in", "node_network_transmit_drop_total": "Dropped out",
    }  # fmt: skip
    lines = {label: line for metric, label in names.items() if (line := frames.counter(metric).get(""))}
    return {label: line for label, line in lines.items() if np.nan_to_num(line.high).any()}


def temperature(frames: Frames) -> Lines:
    sensors = frames.gauge("node_hwmon_temp_celsius", "chip", "sensor") | frames.gauge("node_thermal_zone_temp", "type", "zone")
    return sensors | {f"GPU {name}".strip(): line for name, line in frames.gauge("nvidia_smi_temperature_gpu", "gpu").items()}


def pressure(frames: Frames) -> Lines:
    names = {"cpu": "CPU", "memory": "Memory", "io": "I/O"}
    found = {label: frames.counter(f"node_pressure_{what}_waiting_seconds_total").get("") for what, label in names.items()}
    return {label: line.scaled(100) for label, line in found.items() if line}


def processes(frames: Frames) -> Lines:
    return {
        label: line
        for metric, label in (("node_procs_running", "Running"), ("node_procs_blocked", "Blocked"))
        if (line := frames.one(metric))
    }


def gpu_use(frames: Frames) -> Lines:
    return {f"GPU {name}".strip(): line.scaled(100) for name, line in frames.gauge("nvidia_smi_utilization_gpu_ratio", "gpu").items()}


def gpu_memory(frames: Frames) -> Lines:
    whole, used = frames.gauge("nvidia_smi_memory_total_bytes", "gpu"), frames.gauge("nvidia_smi_memory_used_bytes", "gpu")
    return {f"GPU {name}".strip(): _share(used[name], whole[name]) for name in used if name in whole}


def gpu_power(frames: Frames) -> Lines:
    return {f"GPU {name}".strip(): line for name, line in frames.gauge("nvidia_smi_power_draw_watts", "gpu").items()}


def container_cpu(frames: Frames) -> Lines:
    return {name: line.scaled(100) for name, line in frames.counter("container_cpu_usage_seconds_total", "container").items()}


def container_memory(frames: Frames) -> Lines:
    limit, used = (frames.gauge(f"container_{name}_bytes", "container") for name in ("spec_memory_limit", "memory_working_set"))
    return {name: _share(used[name], limit[name]) for name in used if name in limit}


def container_network(frames: Frames) -> Lines:
    return _pair(frames, "In", "container_network_receive_bytes_total", "Out", "container_network_transmit_bytes_total")


def container_restarts(frames: Frames) -> Lines:
    return frames.gauge("kube_pod_container_status_restarts_total", "container")


def _pair(frames: Frames, first: str, metric: str, second: str, other: str) -> Lines:
    found = {first: frames.counter(metric).get(""), second: frames.counter(other).get("")}
    return {name: line for name, line in found.items() if line}


def _without_loopback(frames: Frames, metric: str) -> Lines:
    return {device: line for device, line in frames.counter(metric, "device").items() if device != "lo"}


NETWORK = ("node_network_receive_bytes_total", "node_network_transmit_bytes_total")
PANELS = (
    Panel("cpu", "CPU", "%", ("node_cpu_seconds_total",), cpu_by_mode, stacked=True, top=100),
    Panel(
        "memory",
        "Memory",
        "%",
        tuple(f"node_memory_{name}_bytes" for name in ("MemTotal", "MemAvailable", "Cached", "Buffers", "SwapTotal", "SwapFree")),
        memory,
        top=100,
        fill=True,
        colours=(1, 6, 4),
    ),
    Panel("load", "Load", "", ("node_load1", "node_load5", "node_load15"), load, floor=1),
    Panel("filesystem", "Filesystems", "%", ("node_filesystem_size_bytes", "node_filesystem_avail_bytes"), filesystems, top=100),
    Panel(
        "throughput",
        "Disk throughput",
        "B/s",
        ("node_disk_read_bytes_total", "node_disk_written_bytes_total"),
        disk_throughput,
        colours=(2, 3),
        floor=10_000,
    ),
    Panel("busy", "Disk busy", "%", ("node_disk_io_time_seconds_total",), disk_busy, top=100),
    Panel("network", "Network", "B/s", NETWORK, network, colours=(1, 4), floor=10_000),
    Panel("interfaces", "Network by interface", "B/s", NETWORK, network_by_interface, rest="sum", floor=10_000),
    Panel(
        "trouble",
        "Network errors and drops",
        "/s",
        tuple(f"node_network_{way}_{what}_total" for way in ("receive", "transmit") for what in ("errs", "drop")),
        network_trouble,
        colours=(5, 8, 3, 7),
    ),
    Panel(
        "temperature",
        "Temperature",
        "°C",
        ("node_hwmon_temp_celsius", "node_thermal_zone_temp", "nvidia_smi_temperature_gpu"),
        temperature,
        colours=(5, 6, 3, 4, 1, 2, 7, 8),
        floor=60,
    ),
    Panel(
        "pressure",
        "Pressure",
        "%",
        tuple(f"node_pressure_{what}_waiting_seconds_total" for what in ("cpu", "memory", "io")),
        pressure,
        colours=(1, 4, 3),
        floor=5,
    ),
    Panel("processes", "Processes", "", ("node_procs_running", "node_procs_blocked"), processes, colours=(1, 5), whole=True, floor=4),
    Panel("gpu", "GPU", "%", ("nvidia_smi_utilization_gpu_ratio",), gpu_use, top=100),
    Panel("gpu-memory", "GPU memory", "%", ("nvidia_smi_memory_total_bytes", "nvidia_smi_memory_used_bytes"), gpu_memory, top=100),
    Panel("container-cpu", "CPU, of one core", "%", ("container_cpu_usage_seconds_total",), container_cpu, floor=10),
    Panel(
        "container-memory",
        "Memory, of the limit",
        "%",
        ("container_memory_working_set_bytes", "container_spec_memory_limit_bytes"),
        container_memory,
        top=100,
        fill=True,
    ),
    Panel(
        "container-network",
        "Network of the pod",
        "B/s",
        ("container_network_receive_bytes_total", "container_network_transmit_bytes_total"),
        container_network,
        colours=(1, 4),
        floor=10_000,
    ),
    Panel("restarts", "Restarts", "", ("kube_pod_container_status_restarts_total",), container_restarts, whole=True, floor=4, colours=(5,)),
    Panel("gpu-power", "GPU power", "W", ("nvidia_smi_power_draw_watts",), gpu_power, rest="sum"),
)
METRICS = tuple(dict.fromkeys(metric for panel in PANELS for metric in panel.metrics))


def _levels(key: str, title: str, unit: str, lines: dict[str, str], **more: Any) -> Panel:
    """Lines that are drawn as they are stored."""
    return Panel(
        key,
        title,
        unit,
        tuple(lines),
        lambda frames: {label: line for metric, label in lines.items() if (line := frames.one(metric))},
        **more,
    )


PLATFORM_PANELS = (
    _levels(
        "samples",
        "Samples",
        "/s",
        {"aiops_samples_per_second": "Written", "aiops_samples_refused_per_second": "Refused"},
        colours=(1, 5),
        fill=True,
        floor=10,
    ),
    _levels("store", "Store size", "B", {"aiops_store_bytes": "On disk"}, fill=True),
    _levels("lag", "Seal lag", "s", {"aiops_seal_lag_seconds": "Behind"}, fill=True, floor=60),
    _levels(
        "traffic",
        "Requests and tasks",
        "/s",
        {"aiops_requests_per_second": "Requests", "aiops_tasks_per_second": "Tasks", "aiops_errors_per_second": "Errors"},
        colours=(1, 2, 5),
        floor=1,
    ),
    _levels(
        "queue",
        "Waiting tasks and websockets",
        "",
        {"aiops_queue_tasks": "Tasks waiting", "aiops_sockets": "Websockets"},
        whole=True,
        floor=4,
        colours=(3, 1),
    ),
    Panel(
        "platform-cpu",
        "CPU of all processes",
        "%",
        ("aiops_cpu_ratio",),
        lambda frames: {"Of one core": line.scaled(100)} if (line := frames.one("aiops_cpu_ratio")) else {},
        fill=True,
        floor=10,
    ),
    _levels("series", "Series", "", {"aiops_store_series": "Known"}, fill=True, whole=True, floor=10, colours=(6,)),
    _levels("resident", "Memory of all processes", "B", {"aiops_resident_bytes": "Resident"}, fill=True, colours=(4,)),
)
PLATFORM_METRICS = tuple(dict.fromkeys(metric for panel in PLATFORM_PANELS for metric in panel.metrics))
BY_KEY = {panel.key: panel for panel in (*PANELS, *PLATFORM_PANELS)}


def panel_of(metric: str) -> Panel | None:
    """Where a metric is drawn: the evidence of a reason."""
    same_family = metric.replace("MemAvailable", "MemTotal")
    return next((panel for panel in PANELS if metric in panel.metrics or same_family in panel.metrics), None)


def ranked(panel: Panel, lines: Lines) -> Lines:
    """At most eight: the seven highest and what the others are together."""
    if len(lines) <= MOST:
        return lines
    height = {name: float(np.nanmax(line.high, initial=-np.inf)) for name, line in lines.items()}
    order = sorted(lines, key=lambda name: (-height[name], name))
    first, rest = order[: MOST - 1], [lines[name] for name in order[MOST - 1 :]]
    others = add(rest) if panel.rest == "sum" else _highest(rest)
    return {name: lines[name] for name in first} | {f"{len(rest)} others{', highest' if panel.rest != 'sum' else ''}": others}


def _highest(lines: list[Line]) -> Line:
    return Line(*(np.fmax.reduce([getattr(line, part) for line in lines]) for part in ("mean", "low", "high")))
