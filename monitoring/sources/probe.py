"""One poll of a source that may not exist yet: what it would bring. Nothing is stored."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiops.plugins import PluginError
from monitoring.sources import polling
from monitoring.sources.pollers.base import Asked, Polled, poller_class

LONGEST = 10  # seconds a target or an answer is waited for: somebody sits before the page
SHOWN = 20


@dataclass(frozen=True)
class Probed:
    seconds: float
    error: str = ""
    polled: Polled | None = None

    @property
    def samples(self) -> int:
        polled = self.polled or Polled()
        return sum(map(len, polled.samples)) + sum(map(len, polled.batches))

    @property
    def resources(self) -> list[tuple[str, str]]:
        """(kind, name), the first ones."""
        return sorted({(report.kind, report.name) for report in (self.polled or Polled()).reports})[:SHOWN]

    @property
    def kinds(self) -> list[tuple[str, int]]:
        return sorted(Counter(kind for kind, _name in {(one.kind, one.name) for one in (self.polled or Polled()).reports}).items())

    @property
    def metrics(self) -> int:
        polled = self.polled or Polled()
        return len({one[0] for part in polled.samples for one in part} | {key.metric for batch in polled.batches for key in batch.keys})

    @property
    def targets(self) -> list[Asked]:
        """The first ones, who does not answer first."""
        return sorted((self.polled or Polled()).targets or [], key=lambda one: (one.up is not False, one.address))[:SHOWN]

    @property
    def down(self) -> int:
        return sum(one.up is False for one in (self.polled or Polled()).targets or [])

    @property
    def asked(self) -> int:
        return len((self.polled or Polled()).targets or [])


def probe(kind: str, config: Mapping[str, Any], secrets: Mapping[str, Any], interval: int, timeout: int) -> Probed:
    """Never raises for what the source does wrong."""
    began = time.perf_counter()
    try:
        poller = poller_class(kind)(config, secrets, interval)
        poller.timeout = float(min(timeout, LONGEST))
        thread, result = polling.start(poller, "test")
    except PluginError as fault:
        return Probed(time.perf_counter() - began, fault.message)
    seconds = time.perf_counter() - began
    if thread.is_alive():
        return Probed(seconds, f"no answer within {poller.patience:.0f} s")
    found = result[0]
    return Probed(seconds, found.trouble, found) if isinstance(found, Polled) else Probed(seconds, str(found))
