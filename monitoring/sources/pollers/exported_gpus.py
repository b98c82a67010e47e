"""GPUs in the pages of DCGM exporter and nvidia_gpu_exporter. Pure.

The house knows GPUs by nvidia_gpu_exporter's names and units, which is also how the local host reports its own. DCGM exporter's samples
are kept as they are and given once more under those names, so that health, charts and queries need to know one set.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from monitoring.store.batch import SeriesKey

MIB, MHZ, PERCENT = 1024.0**2, 1e6, 0.01
# Name → house's name, factor. By name and never by the size of a value: newer exporters have other names where they have other units.
DCGM = {
    "DCGM_FI_DEV_GPU_UTIL": ("nvidia_smi_utilization_gpu_ratio", PERCENT),
    "DCGM_FI_DEV_GPU_UTIL_RATIO": ("nvidia_smi_utilization_gpu_ratio", 1.0),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("nvidia_smi_utilization_memory_ratio", PERCENT),
    "DCGM_FI_DEV_MEMORY_UTIL_RATIO": ("nvidia_smi_utilization_memory_ratio", 1.0),
    "DCGM_FI_DEV_FB_TOTAL": ("nvidia_smi_memory_total_bytes", MIB),
    "DCGM_FI_DEV_FB_CAPACITY_BYTES": ("nvidia_smi_memory_total_bytes", 1.0),
    "DCGM_FI_DEV_FB_USED": ("nvidia_smi_memory_used_bytes", MIB),
    "DCGM_FI_DEV_FB_USED_BYTES": ("nvidia_smi_memory_used_bytes", 1.0),
    "DCGM_FI_DEV_FB_FREE": ("nvidia_smi_memory_free_bytes", MIB),
    "DCGM_FI_DEV_FB_FREE_BYTES": ("nvidia_smi_memory_free_bytes", 1.0),
    "DCGM_FI_DEV_GPU_TEMP": ("nvidia_smi_temperature_gpu", 1.0),
    "DCGM_FI_DEV_GPU_TEMP_CELSIUS": ("nvidia_smi_temperature_gpu", 1.0),
    "DCGM_FI_DEV_MEMORY_TEMP": ("nvidia_smi_temperature_memory", 1.0),
    "DCGM_FI_DEV_MEMORY_TEMP_CELSIUS": ("nvidia_smi_temperature_memory", 1.0),
    "DCGM_FI_DEV_POWER_USAGE": ("nvidia_smi_power_draw_watts", 1.0),
    "DCGM_FI_DEV_BOARD_POWER_WATTS": ("nvidia_smi_power_draw_watts", 1.0),
    "DCGM_FI_DEV_ENFORCED_POWER_LIMIT": ("nvidia_smi_enforced_power_limit_watts", 1.0),
    "DCGM_FI_DEV_SM_CLOCK": ("nvidia_smi_clocks_current_sm_clock_hz", MHZ),
    "DCGM_FI_DEV_SM_CLOCK_HERTZ": ("nvidia_smi_clocks_current_sm_clock_hz", 1.0),
    "DCGM_FI_DEV_MEM_CLOCK": ("nvidia_smi_clocks_current_memory_clock_hz", MHZ),
    "DCGM_FI_DEV_MEMORY_CLOCK_HERTZ": ("nvidia_smi_clocks_current_memory_clock_hz", 1.0),
    "DCGM_FI_DEV_FAN_SPEED": ("nvidia_smi_fan_speed_ratio", PERCENT),
    "DCGM_FI_DEV_FAN_SPEED_RATIO": ("nvidia_smi_fan_speed_ratio", 1.0),
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": ("nvidia_smi_ecc_errors_uncorrected_volatile_total", 1.0),
    "DCGM_FI_DEV_PSTATE": ("nvidia_smi_pstate", 1.0),
}
TOTAL = "nvidia_smi_memory_total_bytes"
PARTS_OF_TOTAL = ("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_RESERVED")  # where nothing states the whole
KEPT = ("instance", "job", "gpu")  # labels of a DCGM series that its house's name keeps


class Series(NamedTuple):
    place: int  # in the page
    metric: str
    labels: dict[str, str]

    @property
    def uuid(self) -> str:
        """Of the GPU it is about, as nvidia_gpu_exporter writes it; empty where it is about none."""
        name = "UUID" if self.metric.startswith("DCGM_FI_") else "uuid" if self.metric.startswith("nvidia_smi_") else ""
        return self.labels.get(name, "").removeprefix("GPU-").lower()

    @property
    def part(self) -> bool:
        """Of a slice of a GPU (MIG): not what the whole one does."""
        return "GPU_I_ID" in self.labels


class Alias(NamedTuple):
    """A series under another name: the sum of the values at `places`, times `factor`."""

    key: SeriesKey
    places: tuple[int, ...]
    factor: float


class Gpu(NamedTuple):
    uuid: str
    number: str  # on its host
    hostname: str  # empty where the exporter does not tell
    facts: dict[str, Any]
    places: list[int]  # of its series
    memory: tuple[tuple[int, ...], float] | None  # places and factor of its size in bytes
    aliases: list[Alias]


def find(series: Sequence[Series], values: Sequence[float]) -> list[Gpu]:
    """By number."""
    of: dict[str, list[Series]] = {}
    for one in series:
        if uuid := one.uuid:
            of.setdefault(uuid, []).append(one)
    found = [_gpu(uuid, rows, values, str(order)) for order, (uuid, rows) in enumerate(sorted(of.items()))]
    return sorted(found, key=lambda gpu: (len(gpu.number), gpu.number))


def _gpu(uuid: str, rows: Sequence[Series], values: Sequence[float], order: str) -> Gpu:
    said: dict[str, str] = {}
    for row in rows:
        if row.metric.startswith("DCGM_FI_") or row.metric == "nvidia_smi_gpu_info":
            said.update(row.labels)
    whole = {row.metric: row for row in rows if not row.part}
    aliases = list(_aliases(uuid, whole))
    own = next(((row.place,) for row in whole.values() if row.metric == TOTAL), None)
    memory = (own, 1.0) if own else next(((alias.places, alias.factor) for alias in aliases if alias.key.metric == TOTAL), None)
    number, places = _number(said, whole, values, order), [row.place for row in rows]
    return Gpu(uuid, number, said.get("Hostname") or said.get("hostname", ""), _facts(said), places, memory, aliases)


def _number(said: Mapping[str, str], whole: Mapping[str, Series], values: Sequence[float], order: str) -> str:
    if "gpu" in said:
        return said["gpu"]
    own = whole.get("nvidia_smi_index")
    return f"{values[own.place]:g}" if own else order


def _facts(said: Mapping[str, str]) -> dict[str, Any]:
    """As the local host tells its own (host/gpu.py)."""
    found = {
        "model": said.get("modelName") or said.get("name"),
        "driver": said.get("DCGM_FI_DRIVER_VERSION") or said.get("driver_version"),
        "bus": said.get("pci_bus_id"),
    }
    return {name: value for name, value in found.items() if value}


def _aliases(uuid: str, whole: Mapping[str, Series]) -> Iterator[Alias]:
    """One per house's name, although a page may have both of an exporter's names."""
    found = {house: (metric, factor) for metric, (house, factor) in reversed(DCGM.items()) if metric in whole}
    for house, (metric, factor) in found.items():
        yield Alias(_key(house, uuid, whole[metric]), (whole[metric].place,), factor)
    for suffix, factor in (("", MIB), ("_BYTES", 1.0)):
        parts = [whole[f"{metric}{suffix}"] for metric in PARTS_OF_TOTAL if f"{metric}{suffix}" in whole]
        if TOTAL not in found and len(parts) > 1:
            yield Alias(_key(TOTAL, uuid, parts[0]), tuple(part.place for part in parts), factor)
            return


def _key(metric: str, uuid: str, of: Series) -> SeriesKey:
    return SeriesKey.of(metric, {"uuid": uuid} | {name: of.labels[name] for name in KEPT if name in of.labels})
