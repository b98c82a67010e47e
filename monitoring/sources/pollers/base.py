from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms

from aiops.plugins import Plugin, member
from monitoring.inventory.facts import ResourceReport

POLLERS = {"local_host": "monitoring.sources.pollers.local_host.LocalHost"}

Sample = tuple[str, Mapping[str, str], int, float]  # metric, labels, milliseconds UTC, value


@dataclass(frozen=True)
class Polled:
    """What one poll brought: the resources and, at the same place, the samples of each."""

    reports: list[ResourceReport] = field(default_factory=list)
    samples: list[Sequence[Sample]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.reports) != len(self.samples):
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

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, Any], interval: int) -> None:
        self.config, self.secrets, self.interval = config, secrets, interval

    def poll(self) -> Polled:
        raise NotImplementedError


def poller_class(kind: str) -> type[Poller]:
    """Raises PluginError for a kind that does not exist (a plugin that was removed)."""
    found: type[Poller] = member(POLLERS, kind)
    return found


def known_kinds() -> list[tuple[str, str]]:
    """(kind, label) of every poller, for choices."""
    return [(kind, poller_class(kind).label) for kind in sorted(POLLERS)]
