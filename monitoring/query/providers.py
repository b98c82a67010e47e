"""What other rooms tell the HTTP API's readers: each registers a function when the application starts.

All take nothing and return plain JSON in the shape of Prometheus' HTTP API:
rule groups  {"name", "file", "interval", "rules": [{"type": "alerting" or "recording", "name", "query", "labels", "alerts", …}]}
alerts       {"labels", "annotations", "state", "activeAt", "value"}
targets      {"labels", "discoveredLabels", "scrapePool", "scrapeUrl", "health", "lastError", "lastScrape", …}
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]
Provider = Callable[[], Iterable[Row]]


class Registry:
    def __init__(self) -> None:
        self._providers: list[Provider] = []

    def register(self, provider: Provider) -> Provider:
        """May stand above the function as a decorator."""
        if provider not in self._providers:
            self._providers.append(provider)
        return provider

    def unregister(self, provider: Provider) -> None:
        self._providers.remove(provider)

    def rows(self) -> list[Row]:
        return [row for provider in self._providers for row in provider()]


rule_groups = Registry()
alerts = Registry()
targets = Registry()
