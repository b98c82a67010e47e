"""Pods and namespaces over time, under the names of the kubelet's cAdvisor and kube-state-metrics."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from monitoring.demo import story
from monitoring.demo.curves import DAY, MINUTE, Level, Matrix, Noise, column, drawn, noises, seeds_of, weekly
from monitoring.demo.families import Family, each, nearest, steps
from monitoring.demo.fleet import CLUSTER, MARK, SITES, Fleet
from monitoring.demo.profiles import PROFILES
from monitoring.demo.story import OUTAGE, POD_LEAK, growth

MIB, PAGE = 1024**2, 4096


class Pods:
    def __init__(self, fleet: Fleet, seed: int, since: float) -> None:
        self.fleet, self.all, self.since = fleet, fleet.pods, since
        rows, works = len(self.all), [pod.workload for pod in self.all]
        shift = np.array([SITES[pod.node.site] for pod in self.all])
        profile = np.array([PROFILES[work.profile] for work in works])
        low, high = (np.array([work.cpu[end] for work in works]) for end in (0, 1))
        self.cpu = Level(rows, [weekly(profile, low, high, shift), *noises(seeds_of(seed, "pod", rows), 0.5 * low)])
        traffic = np.array([work.network for work in works])
        self.network = Level(rows, [weekly(profile, 0.2 * traffic, traffic, shift), *noises(seeds_of(seed, "podnet", rows), 0.1 * traffic)])
        self.unrest = Noise(seeds_of(seed, "podmem", rows), 1100.0, 1.0)
        self.first = np.floor(since - (32 + 14 * column(drawn(seeds_of(seed, "podage", rows)))) * DAY)
        self.leaking = [pod.key for pod in self.all].index(story.leaking_pod(fleet))
        self.dark = [row for row, pod in enumerate(self.all) if pod.node is fleet.machine(story.SILENT)]
        self.limit = each([work.limit * MIB for work in works])
        self.usual = column([work.used for work in works])

    def start(self, t: Matrix) -> Matrix:
        """When each container started last; (pods, T)."""
        start = np.repeat(self.first, t.shape[1], axis=1)
        start[self.dark] = np.maximum(start[self.dark], story.last_restart(OUTAGE, self.since, t))
        start[self.leaking] = np.maximum(start[self.leaking], story.last_restart(POD_LEAK, self.since, t)[0])
        return start

    def restarts(self, t: Matrix) -> Matrix:
        """Of the container, since its pod is there."""
        count = np.zeros((len(self.all), t.shape[1]))
        born = np.broadcast_to(self.first[self.leaking], t.shape)
        count[self.leaking] = (story.times_ended(POD_LEAK, self.since, t) - story.times_ended(POD_LEAK, self.since, born))[0]
        for row in self.dark:
            born = np.broadcast_to(self.first[row], t.shape)
            count[row] += (story.times_ended(OUTAGE, self.since, t) - story.times_ended(OUTAGE, self.since, born))[0]
        return count

    def at(self, t: Matrix) -> "Moments":
        return Moments(self, t)

    def families(self) -> Iterator[Family]:
        owners = [pod.key for pod in self.all]
        of = [{"container": pod.workload.name, "instance": pod.node.name, **pod.labels} for pod in self.all]
        for labels in of:
            del labels["app"]
        for metric, (more, read) in READS.items():
            yield Family(metric, [{**labels, **more} for labels in of], owners, read)
        spaces = [
            {"namespace": name, "phase": "Active", "cluster": CLUSTER, "job": "kube-state-metrics", **MARK}
            for name in self.fleet.namespaces
        ]
        keys = [("namespace", f"{CLUSTER}/{name}") for name in self.fleet.namespaces]
        yield Family("kube_namespace_status_phase", spaces, keys, lambda now: 1.0)


class Moments:
    def __init__(self, pods: Pods, t: Matrix) -> None:
        self.of, self.t, self.start = pods, t, pods.start(t)

    def grown(self, level: Level) -> Matrix:
        return level.integral(self.t) - level.integral(self.start)

    @cached_property
    def cpu(self) -> Matrix:
        return self.grown(self.of.cpu)

    @cached_property
    def network(self) -> Matrix:
        return self.grown(self.of.network)

    @cached_property
    def memory(self) -> Matrix:
        share = self.of.usual + 0.06 * self.of.unrest.wander(self.t)
        rises = growth(POD_LEAK, self.of.since, 0.24, 0.985, 2 * MINUTE).value(self.t)[0]
        share[self.of.leaking] = rises + 0.004 * self.of.unrest.wander(self.t)[self.of.leaking]
        return steps(share * self.of.limit, PAGE * 16)


READS: dict[str, tuple[dict[str, str], Any]] = {
    "container_cpu_usage_seconds_total": ({}, lambda now: nearest(now.cpu, 2)),
    "container_cpu_cfs_throttled_seconds_total": ({}, lambda now: nearest(0.01 * now.cpu, 2)),
    "container_memory_working_set_bytes": ({}, lambda now: now.memory),
    "container_spec_memory_limit_bytes": ({}, lambda now: now.of.limit),
    "container_network_receive_bytes_total": ({"interface": "eth0"}, lambda now: steps(now.network, 4096)),
    "container_network_transmit_bytes_total": ({"interface": "eth0"}, lambda now: steps(1.4 * now.network, 4096)),
    "container_start_time_seconds": ({}, lambda now: np.floor(now.start)),
    "kube_pod_container_status_restarts_total": ({}, lambda now: now.of.restarts(now.t)),
    "kube_pod_status_ready": ({"condition": "true"}, lambda now: 1.0),
}
