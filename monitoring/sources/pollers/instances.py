"""Samples of many targets, as a Prometheus gives them: sorted by job and instance, each with the resource behind it."""

import platform
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

from monitoring.inventory.facts import ResourceReport
from monitoring.sources.pollers.exporters import About, Portrait, portray
from monitoring.store.batch import Batch, SeriesKey, Times, Values

SILENT = 300_000  # ms: what has no younger sample does not report any more
MOST = 20_000  # instances remembered
Samples = Mapping[SeriesKey, tuple[Times, Values]]


class Brought(NamedTuple):
    reports: list[ResourceReport]
    batches: list[Batch]


class Instance:
    """One job and instance: what it has shown so far, and what that makes of it."""

    def __init__(self, job: str, instance: str) -> None:
        self.labels = {name: value for name, value in (("job", job), ("instance", instance)) if value}
        self.address = urlsplit(instance if "://" in instance else f"//{instance}").netloc.rpartition("@")[2]
        self.places: dict[SeriesKey, int] = {}
        self.latest: list[float] = []
        self.portrait: Portrait | None = None
        self.host = ""

    def see(self, samples: Samples, host: str, interval: int) -> Portrait:
        """`host` is the machine its address tells of."""
        if len(self.places) > 2 * len(samples) + 5_000:  # most of them are no more
            self.places, self.latest, self.portrait = {}, [], None
        before = len(self.places)
        for key, (_t, v) in samples.items():
            place = self.places.setdefault(key, len(self.latest))
            self.latest[place : place + 1] = [float(v[-1])]
        if self.portrait is None or len(self.places) > before or host != self.host:
            self.portrait, self.host = portray(list(self.places), self.latest, About(host, self.labels, interval)), host
        return self.portrait


class Instances:
    def __init__(self, server: str, interval: int) -> None:
        """`server` is the host of the Prometheus: where it says localhost, it means itself."""
        self.server = platform.node() if _loopback(server) else server
        self.interval = interval
        self.known: dict[tuple[str, str], Instance] = {}
        self.nodenames: dict[str, str] = {}  # host of an address → what the machine there calls itself

    def sort(self, samples: Samples, now: int) -> Brought:
        """Reports come of those with samples of late only: what is filled in says nothing about now."""
        brought = Brought([], [])
        if len(self.known) > MOST:
            self.known.clear()
        loose: dict[SeriesKey, tuple[Times, Values]] = {}
        groups: dict[tuple[str, str], dict[SeriesKey, tuple[Times, Values]]] = {}
        for key, columns in samples.items():
            labels = dict(key.labels)
            whose = labels.get("job", ""), labels.get("instance", "")
            (groups.setdefault(whose, {}) if whose[1] else loose)[key] = columns
        for whose, group in groups.items():
            self._add(brought, self.known.setdefault(whose, Instance(*whose)), group, now)
        if loose:
            brought.batches.append(_batch(loose, [None] * len(loose)))
        return brought

    def _add(self, brought: Brought, one: Instance, group: Samples, now: int) -> None:
        portrait = one.see(group, self._host(one), self.interval)
        if portrait.nodename:
            self.nodenames[_host_of(one.address)] = portrait.nodename
        aliased = _aliased(one, portrait, group)
        if max(int(t[-1]) for t, _v in group.values()) < now - SILENT:
            brought.batches.append(_batch({**group, **aliased}, [None] * (len(group) + len(aliased))))
            return
        start = len(brought.reports)
        brought.reports.extend(portrait.told(one.latest))
        owner_of = {alias.key: owner for owner, alias in portrait.aliases}
        owners = [portrait.owners[one.places[key]] for key in group] + [owner_of[key] for key in aliased]
        brought.batches.append(_batch({**group, **aliased}, [start + owner for owner in owners]))

    def _host(self, one: Instance) -> str:
        host = _host_of(one.address)
        return self.nodenames.get(host) or (self.server if _loopback(host) else host) or one.labels.get("instance", "")


def _host_of(address: str) -> str:
    try:
        return urlsplit(f"//{address}").hostname or address
    except ValueError:
        return address


def _loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _aliased(one: Instance, portrait: Portrait, group: Samples) -> dict[SeriesKey, tuple[Times, Values]]:
    """GPU series under the house's names, where all that make one up came at the same times."""
    if not portrait.aliases:
        return {}
    at = {one.places[key]: columns for key, columns in group.items()}
    found = {}
    for _owner, alias in portrait.aliases:
        parts = [at[place] for place in alias.places if place in at]
        if len(parts) == len(alias.places) and all(np.array_equal(t, parts[0][0]) for t, _v in parts):
            found[alias.key] = parts[0][0], alias.factor * np.sum([v for _t, v in parts], axis=0)
    return found


def _batch(samples: Samples, owners: Sequence[int | None]) -> Batch:
    counts = [len(t) for t, _v in samples.values()]
    index = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    t = np.concatenate([t for t, _v in samples.values()])
    return Batch(list(samples), index, t, np.concatenate([v for _t, v in samples.values()]), owners)
