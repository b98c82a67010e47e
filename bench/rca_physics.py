"""What components of a call graph do over time: load goes down the calls, waiting and errors come up."""

from dataclasses import dataclass

import numpy as np

from bench.rca_topologies import CACHE, DATABASE, HOST, Topology

BUSIEST = 0.97


@dataclass
class Nature:
    """What each component is like. [component]"""

    base: np.ndarray  # ms of its own
    capacity: np.ndarray  # calls/s
    entry: dict[int, float]  # calls/s that come from outside
    memory: np.ndarray  # %


@dataclass
class Strain:
    """What a fault does. [component, time] but for load."""

    slow: np.ndarray
    added: np.ndarray  # ms
    errors: np.ndarray
    capacity: np.ndarray
    processor: np.ndarray  # points
    memory: np.ndarray  # points
    network: np.ndarray  # retransmissions, share
    calls: np.ndarray  # times the usual, made to others
    load: np.ndarray  # times the usual, at the entries

    @classmethod
    def none(cls, nodes: int, times: int) -> "Strain":
        one, zero = np.ones((nodes, times)), np.zeros((nodes, times))
        return cls(
            one.copy(), zero.copy(), zero.copy(), one.copy(), zero.copy(), zero.copy(), zero.copy(), one.copy(), np.ones((nodes, times))
        )


@dataclass
class State:
    load: np.ndarray  # calls/s
    latency: np.ndarray  # ms
    errors: np.ndarray  # share
    busy: np.ndarray  # share


def nature(rng, topology: Topology) -> Nature:
    nodes = len(topology.kinds)
    base = np.exp(rng.normal(np.log(15), 0.8, nodes))
    for node, kind in enumerate(topology.kinds):
        base[node] *= {DATABASE: 0.6, CACHE: 0.1, HOST: 0.0}.get(kind, 1.0)
    entry = {node: float(np.exp(rng.uniform(np.log(1.5), np.log(300)))) for node in topology.entries}
    load = loads(topology, Nature(base, np.ones(nodes), entry, base), np.zeros((nodes, 1)), Strain.none(nodes, 1), np.ones(1))[:, 0]
    capacity = np.maximum(load, 0.05) / rng.uniform(0.1, 0.55, nodes)
    return Nature(base, capacity, entry, rng.uniform(20, 75, nodes))


def loads(topology: Topology, of: Nature, errors: np.ndarray, strain: Strain, level: np.ndarray) -> np.ndarray:
    load = np.zeros(errors.shape)
    for node, rate in of.entry.items():
        load[node] = rate * level * strain.load[node]
    for call in sorted(topology.calls, key=lambda call: call.caller):
        again = 1 + call.retries * errors[call.callee]
        load[call.callee] += load[call.caller] * call.share * strain.calls[call.caller] * (1 - strain.errors[call.caller]) * again
    return load


def run(topology: Topology, of: Nature, strain: Strain, level: np.ndarray) -> State:
    """level: what comes from outside, times the usual. [time]"""
    nodes, times = strain.slow.shape
    errors = np.zeros((nodes, times))
    strain = on_hosts(topology, strain)
    for _ in range(3):
        load = loads(topology, of, errors, strain, level)
        busy = load / (of.capacity[:, None] * strain.capacity)
        errors, latency = answers(topology, of, strain, load, busy)
    return State(load, latency, errors, np.minimum(busy, 1.2))


def on_hosts(topology: Topology, strain: Strain) -> Strain:
    for call in topology.calls:
        if topology.kinds[call.callee] == HOST:
            strain.slow[call.caller] = strain.slow[call.caller] * strain.slow[call.callee]
            strain.errors[call.caller] = np.maximum(strain.errors[call.caller], strain.errors[call.callee])
            strain.added[call.caller] = strain.added[call.caller] + strain.added[call.callee]
    return strain


def answers(topology: Topology, of: Nature, strain: Strain, load: np.ndarray, busy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    waiting = 1 / (1 - np.minimum(busy, BUSIEST))
    latency = of.base[:, None] * strain.slow * waiting + strain.added
    good = (1 - np.clip(strain.errors, 0, 1)) * (1 - np.clip(busy - 1.0, 0, 0.8))
    aside = np.zeros(latency.shape)
    for call in sorted((call for call in topology.calls if call.share), key=lambda call: -call.caller):
        callee = latency[call.callee] + aside[call.callee]
        late = 1 / (1 + np.exp(-np.clip((callee - call.timeout) / (0.25 * call.timeout), -30, 30))) if np.isfinite(call.timeout) else 0.0
        failed = 1 - good[call.callee] * (1 - late)
        waited = np.minimum(callee, 1.2 * call.timeout) * call.share * strain.calls[call.caller] * (1 + call.retries * failed)
        waited = waited * (1 - np.clip(strain.errors[call.caller], 0, 1) * 0.7)  # what fails at once waits for nobody
        if call.parallel:
            aside[call.caller] = np.maximum(aside[call.caller], waited)
        else:
            latency[call.caller] += waited
        good[call.caller] *= 1 - np.minimum(1.0, call.share) * failed ** (1 + call.retries) * (1 - call.fallback)
    return 1 - np.clip(good, 0, 1), latency + aside
