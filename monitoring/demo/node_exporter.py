"""The series of the demonstration's machines: node_exporter's metrics, labels and units, read from their levels."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from monitoring.demo import story
from monitoring.demo.curves import Matrix, column
from monitoring.demo.families import Family, each, nearest, steps
from monitoring.demo.fleet import KERNELS
from monitoring.demo.machines import GIB, MIB, PAGE, SOFTIRQ, SYSTEM, TICK, USER, Machines, Moments, mount_labels, origin

Read = Callable[[Moments], Any]
REQUEST = 65_536  # bytes of a usual one to a disk
BURST = 65_536  # bytes that are counted at once: exact enough at 15 s, and half the bytes in the store
READ_SPEED, WRITE_SPEED = 160e6, 110e6  # bytes per second of a busy disk
FRAME = 900.0  # bytes of a usual packet
NETWORK_SPEED = 1.25e9  # bytes per second
CRITICAL = 100.0  # °C


def families(machines: Machines) -> Iterator[Family]:
    yield from _cpu(machines)
    yield from _whole(machines)
    yield from _mounts(machines)
    yield from _disks(machines)
    yield from _network(machines)
    yield from _sensors(machines)


def _cpu(machines: Machines) -> Iterator[Family]:
    rows = np.array([at for at, _ in machines.cores], np.intp)
    weight = 1 + 0.03 * column([((at * 7 + core * 5) % 11 - 5) / 5 for at, core in machines.cores])
    owners = [machines.all[at].key for at, _ in machines.cores]

    def unrest(now: Moments) -> Matrix:
        boot = now.boot[rows]
        return machines.core_noise.integral(now.t) - machines.core_noise.integral(boot)

    def used(now: Moments, share: float) -> Matrix:
        return share * weight * now.cpu[rows]

    def idle(now: Moments) -> Matrix:
        return now.up[rows] - used(now, 1.0) - unrest(now) - now.wait[rows] - now.steal[rows]

    modes: dict[str, Read] = {
        "user": lambda now: used(now, USER) + unrest(now),
        "nice": lambda now: 0.0,
        "system": lambda now: used(now, SYSTEM),
        "idle": idle,
        "iowait": lambda now: now.wait[rows],
        "irq": lambda now: 0.0,
        "softirq": lambda now: used(now, SOFTIRQ),
        "steal": lambda now: now.steal[rows],
    }
    for mode, read in modes.items():
        labels = [{"cpu": str(core), "mode": mode, **origin(machines.all[at])} for at, core in machines.cores]
        yield Family("node_cpu_seconds_total", labels, owners, _ticks(read))


def _ticks(read: Read) -> Read:
    return lambda now: nearest(steps(np.asarray(read(now)), TICK), 2)


def _whole(machines: Machines) -> Iterator[Family]:
    """One series per machine."""
    owners = [one.key for one in machines.all]
    labels = [origin(one) for one in machines.all]
    for metric, read in (_levels() | _counters(machines) | _memory(machines)).items():
        yield Family(metric, labels, owners, read)
    about = [
        {"nodename": one.name, "release": KERNELS[one.model].partition(" ")[2], "sysname": "Linux", "machine": "x86_64"}
        for one in machines.all
    ]
    named = [{**what, "domainname": "(none)", "version": "#1 SMP", **of} for what, of in zip(about, labels, strict=True)]
    yield Family("node_uname_info", named, owners, lambda now: 1.0)


def _levels() -> dict[str, Read]:
    return {
        "node_load1": lambda now: now.load(60.0),
        "node_load5": lambda now: now.load(300.0),
        "node_load15": lambda now: now.load(900.0),
        "node_boot_time_seconds": lambda now: now.boot,
        "node_time_seconds": lambda now: now.t,
        "node_procs_running": lambda now: 1 + np.floor(now.load(60.0)),
        "node_procs_blocked": lambda now: np.floor(now.of.wait.value(now.t) * 30),
        "node_filefd_allocated": lambda now: steps(1500 + 24_000 * now.of.cpu.mean(now.t, 300.0), 32),
        "node_filefd_maximum": lambda now: 1_048_576.0,
        "node_sockstat_TCP_inuse": lambda now: np.floor(30 + 900 * now.of.cpu.mean(now.t, 60.0)),
        "node_netstat_Tcp_CurrEstab": lambda now: np.floor(22 + 640 * now.of.cpu.mean(now.t, 60.0)),
    }


def _counters(machines: Machines) -> dict[str, Read]:
    cores = column([one.cores for one in machines.all])
    leaking = machines.fleet.row(story.LEAKING)

    def killed(now: Moments) -> Matrix:
        ended = np.zeros((len(machines.all), now.t.shape[1]))
        start = np.broadcast_to(now.boot[leaking], now.t.shape)
        ended[leaking] = story.times_ended(story.LEAK, machines.since, now.t)[0] - story.times_ended(story.LEAK, machines.since, start)[0]
        return ended

    return {
        "node_context_switches_total": lambda now: steps(cores * (900 * now.up + 26_000 * now.cpu), 1000),
        "node_forks_total": lambda now: np.floor(1.2 * now.up + 9 * now.cpu),
        "node_vmstat_pgmajfault": lambda now: np.floor(0.02 * now.up + 2.2 * now.wait + 0.03 * now.swapped),
        "node_vmstat_pswpin": lambda now: np.floor(now.swapped),
        "node_vmstat_pswpout": lambda now: np.floor(1.3 * now.swapped),
        "node_vmstat_oom_kill": killed,
        "node_pressure_cpu_waiting_seconds_total": lambda now: nearest(0.06 * now.cpu + 0.7 * now.steal, 2),
        "node_pressure_io_waiting_seconds_total": lambda now: nearest(0.8 * now.wait, 2),
        "node_pressure_memory_waiting_seconds_total": lambda now: nearest(0.00016 * now.swapped, 2),
        "node_pressure_memory_stalled_seconds_total": lambda now: nearest(0.00009 * now.swapped, 2),
        "node_netstat_Tcp_RetransSegs": lambda now: np.floor(0.02 * now.up + 2 * now.cpu + 0.8 * now.broken),
    }


def _memory(machines: Machines) -> dict[str, Read]:
    total = each([one.memory for one in machines.all])
    swap = each([0.0 if one.kind == "node" else 4.0 * GIB for one in machines.all])  # a kubelet wants none
    leaking = machines.fleet.row(story.LEAKING)

    def swap_free(now: Moments) -> Matrix:
        free = np.repeat(swap * 0.98, now.t.shape[1], axis=1)
        free[leaking] -= 0.9 * swap[leaking] * np.clip((now.memory[leaking] - 0.8) / 0.2, 0, 1)
        return steps(free, MIB)

    return {
        "node_memory_MemTotal_bytes": lambda now: total,
        "node_memory_MemAvailable_bytes": lambda now: now.sizes(1 - now.memory),
        "node_memory_MemFree_bytes": lambda now: now.sizes((1 - now.memory) * 0.32),
        "node_memory_Cached_bytes": lambda now: now.sizes((1 - now.memory) * 0.62),
        "node_memory_Buffers_bytes": lambda now: now.sizes((1 - now.memory) * 0.03),
        "node_memory_SwapTotal_bytes": lambda now: swap,
        "node_memory_SwapFree_bytes": swap_free,
    }


def _mounts(machines: Machines) -> Iterator[Family]:
    labels = [mount_labels(machines.all[at], mount) for at, mount in machines.mounts]
    owners = [machines.all[at].key for at, _ in machines.mounts]
    size = each([mount.size for _, mount in machines.mounts])
    reserved = each([0.05 if mount.fstype == "ext4" else 0.0 for _, mount in machines.mounts])
    files = each([mount.size / 16_384 for _, mount in machines.mounts])

    def free(now: Moments) -> Matrix:
        return (1 - now.mounts * (1 - reserved)) * size  # what root keeps is free and cannot be had

    reads: dict[str, Read] = {
        "size_bytes": lambda now: size,
        "free_bytes": lambda now: steps(free(now), 16 * PAGE),
        "avail_bytes": lambda now: steps(free(now) - reserved * size, 16 * PAGE),
        "files": lambda now: files,
        "files_free": lambda now: np.floor(files * (1 - 0.3 * now.mounts) / 16) * 16,
        "readonly": lambda now: 0.0,
        "device_error": lambda now: 0.0,
    }
    for name, read in reads.items():
        yield Family(f"node_filesystem_{name}", labels, owners, read)


def _disks(machines: Machines) -> Iterator[Family]:
    labels = [{"device": disk, **origin(machines.all[at])} for at, disk in machines.disks]
    owners = [machines.all[at].key for at, _ in machines.disks]
    reading = column([0.65 if machines.all[at].role.name in ("AI", "web", "storage") else 0.4 for at, _ in machines.disks])
    reads: dict[str, Read] = {
        "read_bytes_total": lambda now: steps(now.disk * reading * READ_SPEED, BURST),
        "written_bytes_total": lambda now: steps(now.disk * (1 - reading) * WRITE_SPEED, BURST),
        "reads_completed_total": lambda now: steps(now.disk * reading * READ_SPEED / REQUEST, 4),
        "writes_completed_total": lambda now: steps(now.disk * (1 - reading) * WRITE_SPEED / REQUEST, 4),
        "read_time_seconds_total": lambda now: nearest(now.disk * reading * 0.9, 2),
        "write_time_seconds_total": lambda now: nearest(now.disk * (1 - reading) * 1.6, 2),
        "io_time_seconds_total": lambda now: nearest(now.disk, 2),
        "io_now": lambda now: np.floor(machines.disk.value(now.t) * 6),
    }
    for name, read in reads.items():
        yield Family(f"node_disk_{name}", labels, owners, read)


def _network(machines: Machines) -> Iterator[Family]:
    device = {"device": "eth0"}
    labels = [{**device, **origin(one)} for one in machines.all]
    owners = [one.key for one in machines.all]
    reads: dict[str, Read] = {
        "receive_bytes_total": lambda now: steps(now.received, BURST),
        "transmit_bytes_total": lambda now: steps(now.sent, BURST),
        "receive_packets_total": lambda now: steps(now.received / FRAME, 64),
        "transmit_packets_total": lambda now: steps(now.sent / FRAME, 64),
        "receive_errs_total": lambda now: np.floor(now.broken),
        "receive_drop_total": lambda now: np.floor(0.6 * now.broken),
        "transmit_errs_total": lambda now: 0.0,
        "transmit_drop_total": lambda now: 0.0,
        "up": lambda now: 1.0,
        "speed_bytes": lambda now: NETWORK_SPEED,
        "mtu_bytes": lambda now: 1500.0,
    }
    for name, read in reads.items():
        yield Family(f"node_network_{name}", labels, owners, read)


def _sensors(machines: Machines) -> Iterator[Family]:
    """Virtual machines have none."""
    metal = np.array([at for at, one in enumerate(machines.all) if one.role.metal], np.intp)
    owners = [machines.all[at].key for at in metal]
    chip = [{"chip": "pci0000:00_0000:00:18_3", "sensor": "temp1", **origin(machines.all[at])} for at in metal]
    shown: Sequence[tuple[str, dict[str, str], Read]] = (
        (
            "node_hwmon_temp_celsius",
            {},
            lambda now: np.round(2 * (37 + 34 * now.busy[metal] + 1.5 * machines.unrest.wander(now.t)[metal])) / 2,
        ),
        ("node_hwmon_temp_crit_celsius", {}, lambda now: CRITICAL),
        ("node_hwmon_sensor_label", {"label": "Tctl"}, lambda now: 1.0),
    )
    for metric, more, read in shown:
        yield Family(metric, [{**labels, **more} for labels in chip], owners, read)
    names = [{"chip": labels["chip"], "chip_name": "k10temp", **origin(machines.all[at])} for at, labels in zip(metal, chip, strict=True)]
    yield Family("node_hwmon_chip_names", names, owners, lambda now: 1.0)
