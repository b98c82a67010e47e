"""NVIDIA GPUs by nvidia-smi, named as nvidia_gpu_exporter names them."""

import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any

from monitoring.sources.pollers.host.reading import Reading

PATIENCE = 3.0  # seconds for nvidia-smi to answer; a wedged driver lets it hang
LOOK_AGAIN = 600.0  # seconds: a machine without nvidia-smi rarely gets one
RETRY = 60.0  # seconds after it failed
MIB, MHZ, PERCENT = 1024.0**2, 1e6, 0.01
METRICS = {  # field → metric, factor
    "utilization.gpu": ("nvidia_smi_utilization_gpu_ratio", PERCENT),
    "utilization.memory": ("nvidia_smi_utilization_memory_ratio", PERCENT),
    "memory.total": ("nvidia_smi_memory_total_bytes", MIB),
    "memory.used": ("nvidia_smi_memory_used_bytes", MIB),
    "memory.free": ("nvidia_smi_memory_free_bytes", MIB),
    "temperature.gpu": ("nvidia_smi_temperature_gpu", 1.0),
    "power.draw": ("nvidia_smi_power_draw_watts", 1.0),
    "enforced.power.limit": ("nvidia_smi_enforced_power_limit_watts", 1.0),
    "clocks.current.graphics": ("nvidia_smi_clocks_current_graphics_clock_hz", MHZ),
    "clocks.current.sm": ("nvidia_smi_clocks_current_sm_clock_hz", MHZ),
    "clocks.current.memory": ("nvidia_smi_clocks_current_memory_clock_hz", MHZ),
    "fan.speed": ("nvidia_smi_fan_speed_ratio", PERCENT),
    "ecc.errors.uncorrected.volatile.total": ("nvidia_smi_ecc_errors_uncorrected_volatile_total", 1.0),
    "pstate": ("nvidia_smi_pstate", 1.0),
}
ABOUT = ("uuid", "name", "driver_version", "vbios_version", "pci.bus_id", "index")
COMMAND = ["--query-gpu=" + ",".join([*ABOUT, *METRICS]), "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Gpu:
    uuid: str
    name: str
    index: str
    facts: dict[str, Any]
    readings: list[Reading] = field(default_factory=list)


class Gpus:
    """Remembers for a while that there are none, so that a machine without GPUs pays nothing."""

    def __init__(self, program: str = "nvidia-smi") -> None:
        self.program, self.not_before = program, 0.0

    def read(self) -> list[Gpu]:
        """Empty where there is no NVIDIA GPU or its driver does not answer."""
        if time.monotonic() < self.not_before:
            return []
        path = shutil.which(self.program)
        if path is None:
            self.not_before = time.monotonic() + LOOK_AGAIN
            return []
        try:
            answer = subprocess.run([path, *COMMAND], capture_output=True, text=True, timeout=PATIENCE, check=True)  # noqa: S603 fixed arguments
        except (OSError, subprocess.SubprocessError):
            self.not_before = time.monotonic() + RETRY
            return []
        return parse(answer.stdout)


def parse(answer: str) -> list[Gpu]:
    """One GPU a line; a field the card does not have reads [N/A] or [Not Supported] and is left out."""
    rows = [[cell.strip() for cell in row.split(",")] for row in answer.splitlines()]
    return [_gpu(row) for row in rows if len(row) == len(ABOUT) + len(METRICS)]


def _gpu(row: list[str]) -> Gpu:
    about = dict(zip(ABOUT, row, strict=False))
    uuid = about["uuid"].removeprefix("GPU-").lower()
    of = {"uuid": uuid}
    readings: list[Reading] = [
        (metric, of, number * factor)
        for (metric, factor), cell in zip(METRICS.values(), row[len(ABOUT) :], strict=True)
        if (number := _number(cell)) is not None
    ]
    info = {key: about[key] for key in ("name", "driver_version", "vbios_version")}
    memory = next((int(value) for metric, _of, value in readings if metric == "nvidia_smi_memory_total_bytes"), None)
    facts = {"model": about["name"], "driver": about["driver_version"], "memory_bytes": memory, "bus": about["pci.bus_id"]}
    return Gpu(uuid, about["name"], about["index"], facts, [("nvidia_smi_gpu_info", {**of, **info}, 1.0), *readings])


def _number(cell: str) -> float | None:
    try:
        return float(cell.removeprefix("P"))  # pstate reads P8
    except ValueError:
        return None
