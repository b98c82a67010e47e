from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms

from aiops.plugins import Plugin, member
from monitoring.inventory.facts import ResourceReport
from monitoring.store.batch import Batch
from monitoring.store.metadata import Description

POLLERS = {
    "demo": "monitoring.demo.poller.Demo",
    "local_host": "monitoring.sources.pollers.local_host.LocalHost",
    "prometheus": "monitoring.sources.pollers.prometheus.Prometheus",
    "scrape": "monitoring.sources.pollers.scrape.Scrape",
}

Sample = tuple[str, Mapping[str, str], int, float]  # metric, labels, milliseconds UTC, value


@dataclass(frozen=True)
class Asked:
    """How one address of a source that has several did."""

    address: str  # URL
    labels: Mapping[str, str]
    up: bool | None  # None = not asked yet
    at_ms: int | None
    duration_ms: float = 0.0
    samples: int = 0
    error: str = ""


@dataclass(frozen=True)
class Polled:
    """What one poll brought: the resources and, at the same place, the samples of each.

    A poll of many samples brings columns instead, `batches`; the resources of their keys are places in `reports`.
    """

    reports: list[ResourceReport] = field(default_factory=list)
    samples: list[Sequence[Sample]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    descriptions: Mapping[str, Description] = field(default_factory=dict)  # by metric
    targets: list[Asked] | None = None  # every address the source has; None for a kind without
    cursor: int | None = None  # ms UTC up to which a source with a memory of its own has now been read
    trouble: str = ""  # what makes the poll a failed one although it brought something: that nobody answered, for example

    def __post_init__(self) -> None:
        if self.samples and len(self.reports) != len(self.samples):
            raise ValueError("one list of samples belongs to each report")


class NoConfig(forms.Form):
    """A poller that needs no settings."""


class Poller(Plugin):
    """One kind of source. `poll` runs in a thread of its own, without the database, and raises PluginError.

    An instance lives as long as its process and its source's config, so it may keep state between polls.
    """

    icon: ClassVar[str] = "config"
    usual_interval: ClassVar[int] = 15  # seconds, for a new source
    usual_timeout: ClassVar[int] = 10
    Config: ClassVar[type[forms.Form]] = NoConfig
    about: ClassVar[str] = ""  # one sentence for who chooses a kind
    whole: ClassVar[bool] = False  # a poll brings every series there is: one that the next does not bring has ended
    offered: ClassVar[bool] = True  # to who adds a source; others are made by what they belong to

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any], interval: int) -> None:
        self.config, self.secrets, self.interval = config, secrets, interval
        self.timeout = float(self.usual_timeout)  # seconds; the source's own is set before each poll
        self.cursor: int | None = None  # the source's, set before each poll

    @property
    def patience(self) -> float:
        """Seconds a whole poll may take; at most 20 more than the time-out."""
        return self.timeout

    def take_over(self, earlier: "Poller") -> None:
        """From the instance that ran with the config before this one: what must not be forgotten when somebody edits a field."""

    def poll(self) -> Polled:
        raise NotImplementedError


def poller_class(kind: str) -> type[Poller]:
    """Raises PluginError for a kind that does not exist (a plugin that was removed)."""
    found: type[Poller] = member(POLLERS, kind)
    return found


def known_kinds() -> list[tuple[str, str]]:
    """(kind, label) of every poller that people may add, for choices."""
    found = [(kind, poller_class(kind)) for kind in sorted(POLLERS)]
    return [(kind, poller.label) for kind, poller in found if poller.offered]
