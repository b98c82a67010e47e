"""Where there is no /proc (macOS, BSD): what psutil can say, under the names that the Linux collectors use."""

import os
import time

import psutil

from monitoring.sources.pollers.host.reading import Readings, Roots

DISK = {
    "read_count": ("node_disk_reads_completed_total", 1.0),
    "write_count": ("node_disk_writes_completed_total", 1.0),
    "read_bytes": ("node_disk_read_bytes_total", 1.0),
    "write_bytes": ("node_disk_written_bytes_total", 1.0),
    "read_time": ("node_disk_read_time_seconds_total", 0.001),
    "write_time": ("node_disk_write_time_seconds_total", 0.001),
    "busy_time": ("node_disk_io_time_seconds_total", 0.001),
}
NETWORK = {
    "bytes_recv": "receive_bytes",
    "bytes_sent": "transmit_bytes",
    "packets_recv": "receive_packets",
    "packets_sent": "transmit_packets",
    "errin": "receive_errs",
    "errout": "transmit_errs",
    "dropin": "receive_drop",
    "dropout": "transmit_drop",
}


def cpu(roots: Roots) -> Readings:
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        for mode in ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"):
            if hasattr(times, mode):
                yield "node_cpu_seconds_total", {"cpu": str(number), "mode": mode}, getattr(times, mode)


def memory(roots: Roots) -> Readings:
    ram, swap = psutil.virtual_memory(), psutil.swap_memory()
    yield "node_memory_MemTotal_bytes", {}, float(ram.total)
    yield "node_memory_MemFree_bytes", {}, float(ram.free)
    yield "node_memory_MemAvailable_bytes", {}, float(ram.available)
    yield "node_memory_SwapTotal_bytes", {}, float(swap.total)
    yield "node_memory_SwapFree_bytes", {}, float(swap.free)


def loadavg(roots: Roots) -> Readings:
    for minutes, value in zip((1, 5, 15), os.getloadavg(), strict=True):
        yield f"node_load{minutes}", {}, value


def filesystem(roots: Roots) -> Readings:
    for part in psutil.disk_partitions():
        try:
            usage = psutil.disk_usage(part.mountpoint)
        except OSError:
            continue
        labels = {"device": part.device, "fstype": part.fstype, "mountpoint": part.mountpoint}
        yield "node_filesystem_size_bytes", labels, float(usage.total)
        yield "node_filesystem_free_bytes", labels, float(usage.total - usage.used)
        yield "node_filesystem_avail_bytes", labels, float(usage.free)
        yield "node_filesystem_readonly", labels, float("ro" in part.opts.split(","))


def disks(roots: Roots) -> Readings:
    for device, counters in (psutil.disk_io_counters(perdisk=True) or {}).items():
        for field, (metric, factor) in DISK.items():
            if hasattr(counters, field):
                yield metric, {"device": device}, getattr(counters, field) * factor


def network(roots: Roots) -> Readings:
    up = {device: state.isup for device, state in psutil.net_if_stats().items()}
    for device, counters in psutil.net_io_counters(pernic=True).items():
        for field, name in NETWORK.items():
            yield f"node_network_{name}_total", {"device": device}, float(getattr(counters, field))
        yield "node_network_up", {"device": device}, float(up.get(device, False))


def clock(roots: Roots) -> Readings:
    yield "node_time_seconds", {}, time.time()
    yield "node_boot_time_seconds", {}, psutil.boot_time()


def uname(roots: Roots) -> Readings:
    name = os.uname()
    yield "node_uname_info", {key: getattr(name, key) for key in ("machine", "nodename", "release", "sysname", "version")}, 1.0
