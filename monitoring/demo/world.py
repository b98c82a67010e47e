"""Everything the demonstration shows, as one function of the time: series(t). Pure: no database, no clock."""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.demo import node_exporter, story
from monitoring.demo.curves import Matrix
from monitoring.demo.families import Family, Key, Labels
from monitoring.demo.fleet import Fleet
from monitoring.demo.gpus import Gpus
from monitoring.demo.machines import Machines
from monitoring.demo.pods import Pods

SEED = 7


class World:
    """`since`: seconds at which it was made; places what goes wrong (story.py)."""

    def __init__(self, seed: int, since: float) -> None:
        self.seed, self.since = seed, since
        self.fleet = Fleet(seed)
        self.machines = Machines(self.fleet, seed, since)
        gpus, pods = Gpus(self.fleet, seed, since), Pods(self.fleet, seed, since)
        self._parts: list[tuple[Any, list[Family]]] = [
            (self.machines, list(node_exporter.families(self.machines))),
            (gpus, list(gpus.families())),
            (pods, list(pods.families())),
        ]

    @cached_property
    def families(self) -> list[Family]:
        return [family for _, families in self._parts for family in families]

    @cached_property
    def series(self) -> list[tuple[str, Labels, Key]]:
        """(metric, labels, whose) of every series, in the order of `values`."""
        return [
            (family.metric, labels, owner) for family in self.families for labels, owner in zip(family.rows, family.owners, strict=True)
        ]

    def values(self, t_ms: NDArray[np.int64]) -> Iterator[Matrix]:
        """(rows, times) for each family in turn."""
        t = (t_ms / 1000).reshape(1, -1)
        for part, families in self._parts:
            state = part.at(t)
            for family in families:
                yield family.values(state, t.shape[1])

    @cached_property
    def dark(self) -> NDArray[np.bool_]:
        """Which series say nothing during an outage."""
        silent = set(story.involved(self.fleet, story.OUTAGE))
        return np.array([owner in silent for _, _, owner in self.series])

    def silent(self, t_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """At which times the dark ones are."""
        return np.asarray(story.silent(self.since, t_ms / 1000), np.bool_)

    def incidents(self, start: float, end: float) -> list[story.Incident]:
        return story.incidents(self.fleet, self.since, start, end)


@lru_cache(maxsize=4)
def world(seed: int, since_ms: int) -> World:
    return World(seed, since_ms / 1000)
