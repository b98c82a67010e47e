"""Kinds of trouble, each with one culprit."""

from collections.abc import Callable

import numpy as np

from bench.rca_physics import Nature
from bench.rca_topologies import CACHE, HOST, SERVICE, Topology

Fault = Callable[..., None]  # (rng, strain, node, shape over time 0-1, topology, nature, severity)


def latency_added(rng, strain, node, shape, topology, of, severity) -> None:
    strain.added[node] += shape * severity * max(40.0, of.base[node] * rng.uniform(3, 8))


def errors(rng, strain, node, shape, topology, of, severity) -> None:
    strain.errors[node] += shape * min(0.95, 0.25 * severity * rng.uniform(0.6, 1.8))


def cpu_hog(rng, strain, node, shape, topology, of, severity) -> None:
    strain.processor[node] += shape * rng.uniform(35, 60)
    strain.slow[node] *= 1 + shape * severity * rng.uniform(2, 5)
    strain.capacity[node] /= 1 + shape * severity * 0.4


def memory_leak(rng, strain, node, shape, topology, of, severity) -> None:
    grown = np.cumsum(shape) / max(shape.sum(), 1e-9)
    strain.memory[node] += grown * rng.uniform(20, 45)
    strain.slow[node] *= 1 + severity * 6 * np.maximum(grown - 0.2, 0)
    strain.errors[node] += 0.3 * severity * np.maximum(grown - 0.6, 0)


def packet_loss(rng, strain, node, shape, topology, of, severity) -> None:
    strain.network[node] += shape * rng.uniform(0.05, 0.2)
    strain.added[node] += shape * severity * 200 * rng.uniform(0.3, 1.0) * rng.random(len(shape)) * 2
    strain.errors[node] += shape * 0.05 * severity


def surge(rng, strain, node, shape, topology, of, severity) -> None:
    strain.load[node] *= 1 + shape * (0.6 + severity * rng.uniform(0.4, 1.6))


def bad_deploy(rng, strain, node, shape, topology, of, severity) -> None:
    if rng.random() < 0.5:
        strain.errors[node] += shape * 0.2 * severity
    strain.slow[node] *= 1 + shape * severity * rng.uniform(1, 3)
    strain.processor[node] += shape * rng.uniform(0, 15)


def outage(rng, strain, node, shape, topology, of, severity) -> None:
    strain.errors[node] += shape * rng.uniform(0.7, 1.0)
    if rng.random() < 0.5:
        strain.added[node] += shape * rng.uniform(500, 4000)


def retry_storm(rng, strain, node, shape, topology, of, severity) -> None:
    for call in topology.calls:
        if call.callee == node:
            call.retries = 3.0
    strain.errors[node] += shape * 0.3 * severity
    strain.capacity[node] /= 1 + shape * 0.5


def cache_cold(rng, strain, node, shape, topology, of, severity) -> None:
    strain.slow[node] *= 1 + shape * severity * rng.uniform(3, 12)
    strain.calls[node] = strain.calls[node] * (1 + shape * 2)


def lock_contention(rng, strain, node, shape, topology, of, severity) -> None:
    strain.capacity[node] /= 1 + shape * rng.uniform(2, 5) * severity
    strain.processor[node] -= shape * rng.uniform(0, 15)


def pool_exhausted(rng, strain, node, shape, topology, of, severity) -> None:
    bursts = shape * (rng.random(len(shape)) < 0.6)
    strain.added[node] += bursts * severity * rng.uniform(150, 900)
    strain.errors[node] += bursts * 0.15 * severity


def disk_slow(rng, strain, node, shape, topology, of, severity) -> None:
    strain.slow[node] *= 1 + shape * severity * rng.uniform(2, 7) * (0.5 + rng.random(len(shape)))


TUNED: dict[str, Fault] = {
    "latency added": latency_added,
    "errors": errors,
    "cpu hog": cpu_hog,
    "memory leak": memory_leak,
    "traffic surge": surge,
    "bad deploy": bad_deploy,
    "retry storm": retry_storm,
    "cache cold": cache_cold,
    "outage": outage,
    "disk slow": disk_slow,
}
HELD: dict[str, Fault] = {
    "packet loss": packet_loss,
    "lock contention": lock_contention,
    "pool exhausted": pool_exhausted,
}


def places(kind: str, topology: Topology, of: Nature) -> list[int]:
    """Where that kind of trouble can begin."""
    if kind == "traffic surge":
        return list(of.entry)
    if kind == "cache cold" and CACHE in topology.kinds:
        return [node for node, is_a in enumerate(topology.kinds) if is_a == CACHE]
    on_host = kind in ("cpu hog", "packet loss", "disk slow")
    return [node for node, is_a in enumerate(topology.kinds) if (is_a != HOST or on_host) and (is_a == SERVICE or kind != "bad deploy")]
