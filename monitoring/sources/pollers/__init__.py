"""Pollers: each turns one kind of source into reports and samples. A new kind is one file and one line here."""

from monitoring.sources.pollers.base import POLLERS, Polled, Poller, Sample, known_kinds, poller_class

__all__ = ["POLLERS", "Polled", "Poller", "Sample", "known_kinds", "poller_class"]
