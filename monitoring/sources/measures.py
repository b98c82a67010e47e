"""From a resource's recent samples to the values that health's limits judge. Pure: no database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan

from monitoring.inventory.health import Measure

USUAL_CEILING = 100.0  # °C, for a sensor that states none
BELIEVABLE = (40.0, 130.0)  # °C; drivers report all sorts of ceilings


@dataclass(frozen=True, slots=True)
class Line:
    """The samples of one series in the window; at least one."""

    labels: Mapping[str, str]
    t: Sequence[int]  # ms
    v: Sequence[float]

    @property
    def last(self) -> float:
        return self.v[-1]

    @property
    def mean(self) -> float:
        return sum(self.v) / len(self.v)

    @property
    def rate(self) -> float:
        """Of a counter, per second; what it shows after a reset has come since. NaN with one sample only."""
        if len(self.t) < 2 or self.t[-1] <= self.t[0]:
            return nan
        grown = sum(new - old if new >= old else new for old, new in zip(self.v, self.v[1:], strict=False))
        return 1000 * grown / (self.t[-1] - self.t[0])


Lines = Mapping[str, Sequence[Line]]  # by metric


def measures(lines: Lines) -> list[Measure]:
    return [measure for rule in RULES for measure in rule(lines) if measure.value == measure.value]


def _first(lines: Lines, metric: str) -> Line | None:
    found = lines.get(metric)
    return found[0] if found else None


def _share(rule: str, part: float, whole: float, where: str = "") -> Iterator[Measure]:
    if whole > 0:
        yield Measure(rule, 100 * part / whole, where)


def _cpu(lines: Lines) -> Iterator[Measure]:
    idle = [rate for line in lines.get("node_cpu_seconds_total", ()) if (rate := line.rate) == rate]
    if idle:
        yield Measure("cpu", min(100.0, max(0.0, 100 * (1 - sum(idle) / len(idle)))))
    load = _first(lines, "node_load5")
    if load and idle:
        yield Measure("load", load.last / len(idle))


def _memory(lines: Lines) -> Iterator[Measure]:
    available, total = _first(lines, "node_memory_MemAvailable_bytes"), _first(lines, "node_memory_MemTotal_bytes")
    if available and total:
        yield from _share("memory", available.mean, total.last)
    stalled = _first(lines, "node_pressure_memory_stalled_seconds_total")
    if stalled:
        yield Measure("memory stall", 100 * stalled.rate)
    into, out = _first(lines, "node_vmstat_pswpin"), _first(lines, "node_vmstat_pswpout")
    if into and out:
        yield Measure("swap", into.rate if into.rate < out.rate else out.rate)


def _by(lines: Lines, metric: str, *labels: str) -> dict[tuple[str, ...], Line]:
    return {tuple(line.labels.get(label, "") for label in labels): line for line in lines.get(metric, ())}


def _filesystems(lines: Lines) -> Iterator[Measure]:
    part = {
        name: _by(lines, f"node_filesystem_{name}", "device", "mountpoint")
        for name in ("size_bytes", "free_bytes", "avail_bytes", "files", "files_free", "readonly", "device_error")
    }
    for (_device, mountpoint), line in part["device_error"].items():
        if line.last:
            yield Measure("filesystem error", line.last, mountpoint)
    judged: set[tuple[str, float]] = set()
    for (device, mountpoint), size in sorted(part["size_bytes"].items(), key=lambda item: len(item[0][1])):
        key = (device, mountpoint)
        readonly = part["readonly"].get(key)
        if (readonly and readonly.last) or (device, size.last) in judged:
            continue  # an image is always full; a bind mount is the same disk once more
        if device.startswith("/"):
            judged.add((device, size.last))
        free, avail = part["free_bytes"].get(key), part["avail_bytes"].get(key)
        if free and avail:
            used = size.last - free.last
            yield from _share("filesystem", used, used + avail.last, mountpoint)  # as df counts: without what root keeps
        files, left = part["files"].get(key), part["files_free"].get(key)
        if files and left:
            yield from _share("inodes", files.last - left.last, files.last, mountpoint)


def _disks(lines: Lines) -> Iterator[Measure]:
    for line in lines.get("node_disk_io_time_seconds_total", ()):
        if (rate := line.rate) == rate:
            yield Measure("disk", min(100.0, 100 * rate), line.labels.get("device", ""))


def _handles(lines: Lines) -> Iterator[Measure]:
    allocated, maximum = _first(lines, "node_filefd_allocated"), _first(lines, "node_filefd_maximum")
    if allocated and maximum:
        yield from _share("file handles", allocated.last, maximum.last)


def _temperatures(lines: Lines) -> Iterator[Measure]:
    crit = _by(lines, "node_hwmon_temp_crit_celsius", "chip", "sensor")
    names = _by(lines, "node_hwmon_sensor_label", "chip", "sensor")
    for key, line in _by(lines, "node_hwmon_temp_celsius", "chip", "sensor").items():
        ceiling = crit[key].last if key in crit else USUAL_CEILING
        ceiling = ceiling if BELIEVABLE[0] <= ceiling <= BELIEVABLE[1] else USUAL_CEILING
        where = names[key].labels.get("label", "") if key in names else " ".join(key)
        yield Measure("temperature", line.mean, where[:1].upper() + where[1:], ceiling)


def _gpus(lines: Lines) -> Iterator[Measure]:
    temperature = _first(lines, "nvidia_smi_temperature_gpu")
    if temperature:
        yield Measure("gpu temperature", temperature.mean)
    used, total = _first(lines, "nvidia_smi_memory_used_bytes"), _first(lines, "nvidia_smi_memory_total_bytes")
    if used and total:
        yield from _share("gpu memory", used.last, total.last)
    errors = _first(lines, "nvidia_smi_ecc_errors_uncorrected_volatile_total")
    if errors:
        yield Measure("gpu errors", errors.last)


def _containers(lines: Lines) -> Iterator[Measure]:
    limits = _by(lines, "container_spec_memory_limit_bytes", "container")  # 0 for one without a limit
    for key, line in _by(lines, "container_memory_working_set_bytes", "container").items():
        if key in limits:
            yield from _share("container memory", line.last, limits[key].last, key[0])


RULES = (_cpu, _memory, _filesystems, _disks, _handles, _temperatures, _gpus, _containers)
BOOT_TIME = "node_boot_time_seconds"
NEEDED = frozenset(
    [
        BOOT_TIME,
        "container_memory_working_set_bytes",
        "container_spec_memory_limit_bytes",
        "node_cpu_seconds_total",
        "node_load5",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "node_pressure_memory_stalled_seconds_total",
        "node_vmstat_pswpin",
        "node_vmstat_pswpout",
        "node_disk_io_time_seconds_total",
        "node_filefd_allocated",
        "node_filefd_maximum",
        "node_hwmon_temp_celsius",
        "node_hwmon_temp_crit_celsius",
        "node_hwmon_sensor_label",
        "nvidia_smi_temperature_gpu",
        "nvidia_smi_memory_used_bytes",
        "nvidia_smi_memory_total_bytes",
        "nvidia_smi_ecc_errors_uncorrected_volatile_total",
        *(
            f"node_filesystem_{name}"
            for name in ("size_bytes", "free_bytes", "avail_bytes", "files", "files_free", "readonly", "device_error")
        ),
    ]
)


def needed(metric: str, labels: Mapping[str, str]) -> bool:
    """Of the CPU's modes idle alone tells how busy it is."""
    return metric != "node_cpu_seconds_total" or labels.get("mode") == "idle"
