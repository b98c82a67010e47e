"""Hosts and cluster nodes over time, under node_exporter's names: the series a real one has on these pages."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from monitoring.demo import story
from monitoring.demo.curves import DAY, HOUR, MINUTE, Level, Matrix, Noise, Rows, column, drawn, noises, seeds_of, weekly
from monitoring.demo.families import nearest, steps
from monitoring.demo.fleet import MARK, NEIGHBOURS, SITES, Fleet, Machine, Mount
from monitoring.demo.profiles import PROFILES
from monitoring.demo.story import FILL, FILLING, LEAK, LEAKING, NOISY, SILENT, SURGE, growth, pulse

PAGE, MIB, GIB, TICK = 4096, 1024**2, 1024**3, 0.01
STOLEN, WAITING = 0.18, 0.08  # what the noisy neighbour costs the others: shares of their CPU time
USER, SYSTEM, SOFTIRQ = 0.74, 0.21, 0.05  # what CPU time in use is made of


class Machines:
    """The levels everything else is derived from. CPU: share of the machine in use; disk: share of time busy; network: bytes/s."""

    def __init__(self, fleet: Fleet, seed: int, since: float) -> None:
        self.fleet, self.seed, self.since = fleet, seed, since
        self.all = fleet.machines
        self.cores = [(at, core) for at, machine in enumerate(self.all) for core in range(machine.cores)]
        self.mounts = [(at, mount) for at, machine in enumerate(self.all) for mount in machine.mounts]
        self.disks = [(at, disk) for at, machine in enumerate(self.all) for disk in machine.disks]
        self.first_boot = np.floor(since - (90 + 70 * column(drawn(self._seeds("boot")))) * DAY)  # (machines, 1)
        self._make_levels()

    def _seeds(self, what: str) -> Any:
        return seeds_of(self.seed, what, len(self.all))

    def _make_levels(self) -> None:
        self.cpu = self._level("cpu", lambda one: one.role.cpu, 0.4, self._cpu_pulses())
        self.core_noise = Level(len(self.cores), [Noise(seeds_of(self.seed, "core", len(self.cores)), MINUTE, 0.006)])
        guests = self._rows(*NEIGHBOURS[1:])
        steal, wait = pulse(NOISY, self.since, [STOLEN] * 3), pulse(NOISY, self.since, [WAITING] * 3)
        self.steal = self._level("steal", lambda one: (0.001, 0.004) if one.hypervisor else (0.0, 0.0), 0.4, [(guests, steal)])
        self.wait = self._level("wait", lambda one: (0.1 * one.role.disk_busy[0], 0.1 * one.role.disk_busy[1]), 0.5, [(guests, wait)])
        self.disk = self._disk_level()
        surge = self._web_pulse(lambda one: 1.6 * one.role.network[0])
        self.received = self._level("in", lambda one: (0.2 * one.role.network[0], one.role.network[0]), 0.45, [surge])
        surge = self._web_pulse(lambda one: 1.6 * one.role.network[1])
        self.sent = self._level("out", lambda one: (0.2 * one.role.network[1], one.role.network[1]), 0.45, [surge])
        self.swapping = Level(len(self.all), [], [(self._rows(LEAKING), pulse(story.SWAPPING, self.since, [900.0], 20 * MINUTE))])
        self.broken = Level(len(self.all), [], [(self._rows(story.BROKEN_CABLE), pulse(story.ERRORS, self.since, [14.0]))])
        self.unrest = Noise(self._seeds("memory"), 1500.0, 1.0)

    def _rows(self, *names: str) -> Rows:
        return np.array([self.fleet.row(name) for name in names], np.intp)

    def _level(self, what: str, span: Callable[[Machine], tuple[float, float]], unrest: float, parts: Any = ()) -> Level:
        """Week by the role's profile between span's ends; unrest: of the lower end, at most."""
        spans = np.array([span(one) for one in self.all])
        own = 1 + 0.18 * drawn(self._seeds(f"own {what}"))  # no two are quite alike
        profile = np.array([PROFILES[one.role.profile] for one in self.all])
        shift = np.array([SITES[one.site] for one in self.all])
        low, high = spans[:, 0] * own, spans[:, 1] * own
        return Level(len(self.all), [weekly(profile, low, high, shift), *noises(self._seeds(what), unrest * low)], parts)

    def _web_pulse(self, height: Callable[[Machine], float]) -> Any:
        rows = [at for at, one in enumerate(self.all) if one.role.name == "web"]
        return np.array(rows, np.intp), pulse(SURGE, self.since, [height(self.all[at]) for at in rows])

    def _cpu_pulses(self) -> Any:
        neighbours = pulse(NOISY, self.since, [0.30, 0.05, 0.05, 0.05])
        return [(self._rows(*NEIGHBOURS), neighbours), self._web_pulse(lambda one: 0.16)]

    def _disk_level(self) -> Level:
        """Rows are disks. A disk of its own does most of the work; the noisy neighbour keeps all of them busy."""
        spans = np.array([self._disk_span(at, disk) for at, disk in self.disks])
        profile = np.array([PROFILES[self.all[at].role.profile] for at, _ in self.disks])
        shift = np.array([SITES[self.all[at].site] for at, _ in self.disks])
        hit = [row for name in NEIGHBOURS for row, (at, _) in enumerate(self.disks) if at == self.fleet.row(name)]
        parts = [(np.array(hit, np.intp), pulse(NOISY, self.since, [0.58, 0.86, 0.86, 0.88]))]
        seeds = seeds_of(self.seed, "disk", len(self.disks))
        return Level(len(self.disks), [weekly(profile, spans[:, 0], spans[:, 1], shift), *noises(seeds, 0.6 * spans[:, 0])], parts)

    def _disk_span(self, at: int, disk: str) -> tuple[float, float]:
        low, high = self.all[at].role.disk_busy
        return (low, high) if disk == self.all[at].disks[-1] else (0.2 * low, 0.2 * high)

    @cached_property
    def mount_level(self) -> Level:
        """Share of each file system in use: wanders around its usual one; the one that fills fills."""
        filling = [row for row, (at, mount) in enumerate(self.mounts) if at == self.fleet.row(FILLING) and mount.mountpoint != "/"]
        usual = column([0.0 if row in filling else mount.used for row, (_, mount) in enumerate(self.mounts)])
        slow = Noise(seeds_of(self.seed, "mount", len(self.mounts)), 2.5 * DAY, 1.0)
        quick = Noise(seeds_of(self.seed, "files", len(self.mounts)), 1.7 * HOUR, 1.0)
        still = column([0.0 if row in filling else 1.0 for row in range(len(self.mounts))])
        rises = growth(FILL, self.since, 0.38, 0.983, 30 * MINUTE)
        return Level(len(self.mounts), [_Wander(slow, quick, usual, still)], [(np.array(filling, np.intp), rises)])

    def boot(self, t: Matrix) -> Matrix:
        """When each started last: (machines, 1) where that is the same for all moments."""
        row = self.fleet.row(SILENT)
        last = np.maximum(story.last_restart(story.OUTAGE, self.since, t[:1]), self.first_boot[row])
        if last.min() == last.max():
            boot = self.first_boot.copy()
            boot[row] = last.min()
            return boot
        boot = np.repeat(self.first_boot, t.shape[1], axis=1)
        boot[row] = last
        return boot

    def at(self, t: Matrix) -> "Moments":
        return Moments(self, t)


class _Wander:
    """A gauge's own curve; it has no counter."""

    def __init__(self, slow: Noise, quick: Noise, usual: Matrix, still: Matrix) -> None:
        self.slow, self.quick, self.usual, self.still = slow, quick, usual, still

    def value(self, t: Matrix) -> Matrix:
        return self.usual + self.still * 0.06 * self.slow.wander(t) + 0.002 * self.quick.wander(t)

    def integral(self, t: Matrix) -> Matrix:
        raise NotImplementedError


class Moments:
    """All machines at some moments; t: (1, T)."""

    def __init__(self, machines: Machines, t: Matrix) -> None:
        self.of, self.t, self.boot = machines, t, machines.boot(t)

    def grown(self, level: Level) -> Matrix:
        """Of a counter that starts at nothing with the machine."""
        return level.integral(self.t) - level.integral(self.boot)

    @cached_property
    def up(self) -> Matrix:
        return self.t - self.boot

    @cached_property
    def cpu(self) -> Matrix:
        return self.grown(self.of.cpu)

    @cached_property
    def wait(self) -> Matrix:
        return self.grown(self.of.wait)

    @cached_property
    def steal(self) -> Matrix:
        return self.grown(self.of.steal)

    @cached_property
    def received(self) -> Matrix:
        return self.grown(self.of.received)

    @cached_property
    def sent(self) -> Matrix:
        return self.grown(self.of.sent)

    @cached_property
    def swapped(self) -> Matrix:
        return self.grown(self.of.swapping)

    @cached_property
    def broken(self) -> Matrix:
        return self.grown(self.of.broken)

    @cached_property
    def disk(self) -> Matrix:
        """Seconds busy; rows are disks."""
        rows = np.array([at for at, _ in self.of.disks], np.intp)
        return self.of.disk.integral(self.t) - self.of.disk.integral(self.boot[rows])

    @cached_property
    def busy(self) -> Matrix:
        return self.of.cpu.mean(self.t, 3 * MINUTE)

    def load(self, seconds: float) -> Matrix:
        """Running and waiting, on average over the time before."""
        waits = self.of.wait.mean(self.t, seconds) * 9 + self.of.steal.mean(self.t, seconds) * 7
        return nearest(column([one.cores for one in self.of.all]) * (1.15 * self.of.cpu.mean(self.t, seconds) + waits), 2)

    @cached_property
    def memory(self) -> Matrix:
        """Share in use."""
        used = column([one.role.memory_used for one in self.of.all])
        share = used + 0.08 * self.of.cpu.mean(self.t, HOUR) + 0.02 * self.of.unrest.wander(self.t)
        rises = growth(LEAK, self.of.since, 0.0, 0.395, 2 * MINUTE)
        row = self.of.fleet.row(LEAKING)
        share[row] += rises.value(self.t)[0]
        return share

    @cached_property
    def mounts(self) -> Matrix:
        return self.of.mount_level.value(self.t)

    def sizes(self, share: Matrix, quantum: float = MIB) -> Matrix:
        return steps(share * column([one.memory for one in self.of.all]), quantum)


def mount_labels(machine: Machine, mount: Mount) -> dict[str, str]:
    return {"device": mount.device, "fstype": mount.fstype, "mountpoint": mount.mountpoint, **origin(machine)}


def origin(machine: Machine) -> dict[str, str]:
    return {"instance": machine.name, "job": "node", **MARK}
