"""Call graphs of many shapes. Services are numbered callers first; what is called by nobody is an entry."""

from dataclasses import dataclass, field

import numpy as np

SERVICE, DATABASE, CACHE, HOST = "service", "database", "cache", "host"


@dataclass
class Call:
    caller: int
    callee: int
    share: float = 1.0  # calls for each of the caller's
    retries: float = 0.0
    fallback: float = 0.0  # share of the callee's errors that the caller makes good
    timeout: float = np.inf  # ms
    parallel: bool = False


@dataclass
class Topology:
    kinds: list[str]
    calls: list[Call]
    back: list[tuple[int, int]] = field(default_factory=list)  # in the graph as it is told, without load: cycles

    @property
    def entries(self) -> list[int]:
        called = {call.callee for call in self.calls}
        return [node for node in range(len(self.kinds)) if node not in called and self.kinds[node] == SERVICE]


def linked(rng, caller: int, callee: int) -> Call:
    return Call(
        caller,
        callee,
        share=float(rng.choice([0.2, 0.5, 1.0, 1.0, 1.0, 2.0])),
        retries=float(rng.choice([0, 0, 0, 1, 2])),
        fallback=float(rng.choice([0, 0, 0, 0.5])),
        timeout=float(rng.choice([np.inf, 1000, 3000])),
        parallel=bool(rng.random() < 0.3),
    )


def layers(rng, size: int) -> Topology:
    """Entry, some layers of services, each calling a few of the next or the one after."""
    level = np.sort(np.concatenate([[0], rng.integers(1, rng.integers(3, 6), max(1, size - 1))]))
    calls = []
    for node in range(1, size):
        above = np.flatnonzero((level < level[node]) & (level >= level[node] - 2))
        chosen = rng.choice(above, min(len(above), int(rng.integers(1, 4))), replace=False)
        calls += [linked(rng, int(caller), node) for caller in chosen]
    return Topology([SERVICE] * size, calls)


def tree(rng, size: int) -> Topology:
    calls = [linked(rng, int(rng.integers(max(0, node // 4 - 1), max(1, (node + 1) // 2))), node) for node in range(1, size)]
    return Topology([SERVICE] * size, calls)


def shared(rng, size: int) -> Topology:
    """Services in layers over a few databases and caches that many of them share."""
    stores = max(1, size // 5)
    whole = layers(rng, max(2, size - stores))
    services = len(whole.kinds)
    for store in range(services, services + stores):
        users = rng.choice(np.arange(1, services), min(services - 1, int(rng.integers(1, 6))), replace=False)
        whole.calls += [linked(rng, int(user), store) for user in users]
        whole.kinds.append(str(rng.choice([DATABASE, DATABASE, CACHE])))
    return whole


def hub(rng, size: int) -> Topology:
    """A gateway that calls nearly all."""
    calls = [linked(rng, 0, node) for node in range(1, size)]
    for _ in range(size // 2):
        caller, callee = sorted(rng.integers(1, size, 2)) if size > 2 else (0, 0)
        if caller < callee:
            calls.append(linked(rng, int(caller), int(callee)))
    return Topology([SERVICE] * size, calls)


def chain(rng, size: int) -> Topology:
    length = min(size, int(rng.integers(4, 9)))
    calls = [linked(rng, node - 1, node) for node in range(1, length)]
    calls += [linked(rng, int(rng.integers(0, length)), node) for node in range(length, size)]
    return Topology([SERVICE] * size, calls)


def entries(rng, size: int) -> Topology:
    """A random graph with several entries, some calls back in what is told of it."""
    first = max(1, size // 6)
    calls = []
    for node in range(first, size):
        chosen = rng.choice(node, min(node, int(rng.choice([1, 1, 2, 2, 4]))), replace=False)
        calls += [linked(rng, int(caller), node) for caller in chosen]
    whole = Topology([SERVICE] * size, calls)
    for call in calls:
        if rng.random() < 0.04:
            whole.back.append((call.callee, call.caller))
    return whole


def hosts(rng, size: int) -> Topology:
    """Services over databases, all of them on hosts that report only what a host does."""
    machines = max(1, size // 4)
    whole = shared(rng, max(3, size - machines))
    for _ in range(machines):
        whole.kinds.append(HOST)
    first = len(whole.kinds) - machines
    whole.calls += [Call(node, first + int(rng.integers(machines)), share=0.0) for node in range(1, first)]
    return whole


TUNED = {"layers": layers, "tree": tree, "shared": shared, "hosts": hosts, "hub": hub}
HELD = {"chain": chain, "entries": entries}
