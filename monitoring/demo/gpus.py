"""GPUs over time, under nvidia_gpu_exporter's names, as the poller of the local host reads them from nvidia-smi."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from monitoring.demo import story
from monitoring.demo.curves import HOUR, MINUTE, Level, Matrix, Noise, drawn, noises, seeds_of, weekly
from monitoring.demo.families import Family, nearest
from monitoring.demo.fleet import MARK, Fleet, Gpu
from monitoring.demo.profiles import PROFILES
from monitoring.demo.story import HOT_GPU, pulse

MIB, MHZ = 1024.0**2, 1e6
MEMORY, LIMIT, IDLE_POWER = 81_559.0, 700.0, 71.0  # MiB, W, W
MODEL, DRIVER, VBIOS = "NVIDIA H100 80GB HBM3", "550.127.05", "96.00.A5.00.01"


class Gpus:
    """The first host trains on all of its GPUs at once; on the second each serves models of its own."""

    def __init__(self, fleet: Fleet, seed: int, since: float) -> None:
        self.all, self.since = fleet.gpus, since
        rows = len(self.all)
        seeds, shift = seeds_of(seed, "gpu", rows), np.where([self._trains(one) for one in self.all], 0.0, HOUR)
        own = drawn(seeds)
        trains = np.array([self._trains(one) for one in self.all])
        profile = np.array([PROFILES["jobs" if each else ("office", "evening")[at % 2]] for at, each in enumerate(trains)])
        low, high = np.where(trains, 0.06, 0.16 + 0.06 * own), np.where(trains, 0.93 + 0.02 * own, 0.66 + 0.14 * own)
        self.use = Level(rows, [weekly(profile, low, high, shift), *noises(seeds, 0.05)])
        low, high = np.where(trains, 0.02, 0.71 + 0.1 * own), np.where(trains, 0.88 + 0.03 * own, 0.78 + 0.1 * own)
        self.memory = weekly(profile, low, high, shift)
        self.unrest = Noise(seeds_of(seed, "gputemp", rows), 400.0, 1.0)
        hot = [at for at, one in enumerate(self.all) if one.key in story.involved(fleet, HOT_GPU)]
        self.fault = Level(rows, [], [(np.array(hot, np.intp), pulse(HOT_GPU, since, [1.0], 20 * MINUTE))])

    @staticmethod
    def _trains(gpu: Gpu) -> bool:
        return gpu.host.name.startswith("gpu-01")

    def at(self, t: Matrix) -> "Moments":
        return Moments(self, t)

    def families(self) -> Iterator[Family]:
        of = [{"uuid": one.uuid, "instance": one.host.name, "job": "node", **MARK} for one in self.all]
        owners = [one.key for one in self.all]
        info = [{**labels, "name": MODEL, "driver_version": DRIVER, "vbios_version": VBIOS} for labels in of]
        yield Family("nvidia_smi_gpu_info", info, owners, lambda now: 1.0)
        for name, read in READS.items():
            yield Family(f"nvidia_smi_{name}", of, owners, read)


class Moments:
    def __init__(self, gpus: Gpus, t: Matrix) -> None:
        self.of, self.t = gpus, t

    @cached_property
    def use(self) -> Matrix:
        return np.clip(self.of.use.value(self.t), 0, 1)

    @cached_property
    def warm(self) -> Matrix:
        """The use of the minutes before: heat is slow."""
        return np.clip(self.of.use.mean(self.t, 2 * MINUTE), 0, 1)

    @cached_property
    def fault(self) -> Matrix:
        return self.of.fault.value(self.t)

    @cached_property
    def memory(self) -> Matrix:
        """MiB in use."""
        return np.floor(MEMORY * np.clip(self.of.memory.value(self.t) + 0.01 * self.of.unrest.wander(self.t), 0, 0.97))

    @cached_property
    def temperature(self) -> Matrix:
        healthy = 31 + 38 * self.warm + 1.5 * self.of.unrest.wander(self.t)
        return np.round(healthy + self.fault * (92 - healthy))

    @cached_property
    def power(self) -> Matrix:
        return nearest((IDLE_POWER + 590 * self.warm) * (1 - 0.25 * self.fault), 1)

    @cached_property
    def clock(self) -> Matrix:
        return np.round((np.where(self.use > 0.02, 1980.0, 345.0) - 870 * self.fault) / 15) * 15 * MHZ


READS: dict[str, Any] = {
    "utilization_gpu_ratio": lambda now: nearest(now.use, 2),
    "utilization_memory_ratio": lambda now: nearest(0.62 * now.use, 2),
    "memory_total_bytes": lambda now: MEMORY * MIB,
    "memory_used_bytes": lambda now: now.memory * MIB,
    "memory_free_bytes": lambda now: (MEMORY - now.memory) * MIB,
    "temperature_gpu": lambda now: now.temperature,
    "power_draw_watts": lambda now: now.power,
    "enforced_power_limit_watts": lambda now: LIMIT,
    "clocks_current_graphics_clock_hz": lambda now: now.clock,
    "clocks_current_sm_clock_hz": lambda now: now.clock,
    "clocks_current_memory_clock_hz": lambda now: 2619 * MHZ,
    "ecc_errors_uncorrected_volatile_total": lambda now: 0.0,
    "pstate": lambda now: 0.0,
}
