"""What the rest of the house hears from the dashboards: their pages, and how an event of a resource looks to its charts."""

import time
from typing import Any

from aiops import navigation
from monitoring.dashboards import charts, troubles
from monitoring.dashboards import incident_links as _incident_links  # noqa: F401  # registers itself
from monitoring.live import hub

navigation.register("", "Overview", "overview", "overview", "monitoring:read", jump="o", order=0)
navigation.register("Observe", "Resources", "resources", "resources", "monitoring:read", jump="h", order=10)
navigation.register("Observe", "Explorer", "explorer", "explorer", "monitoring:read", jump="e", order=30)
navigation.register("Observe", "GPUs", "gpus", "gpu", "monitoring:read", jump="p", order=40)
navigation.register("foot", "System", "system", "settings", "monitoring:read", jump="s", order=0)
navigation.count("alerts", troubles.alert_badge)
navigation.count("incidents", troubles.incident_badge)


def newest_points(topic: str, data: dict[str, Any]) -> dict[str, Any] | None:
    """The last value of each line; what else happened to the resource passes as it is."""
    point = charts.newest(int(topic.partition(":")[2]), int(time.time() * 1000))
    return {**data, **point} if point else data


hub.renderer("resource:", newest_points)
