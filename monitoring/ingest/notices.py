"""Alerts that other systems send, decoded. This room hands them on; who keeps them answers before their sender is answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.dispatch import Signal

MOST = 20_000  # notices of one body

notices_received = Signal()  # notices: list[Notice] – sent inside the request, not robustly: what a receiver raises is answered 503


@dataclass(frozen=True)
class Notice:
    """One alert as its sender sees it now."""

    source: str  # alertmanager, grafana, or the name that a generic sender gives itself
    firing: bool  # False: it is over
    name: str
    key: str = ""  # by which the sender knows it; empty = by its labels
    severity: str = ""  # in the sender's own words
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    started_at: datetime | None = None
    value: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # links and whatever helps a person
