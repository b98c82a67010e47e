"""The query API is told of our rules and alerts."""

from monitoring.alerts import listing
from monitoring.query import providers

providers.rule_groups.register(listing.rule_groups)
providers.alerts.register(listing.alerts)
