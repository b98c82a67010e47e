"""Django admin finds the rooms' pages here."""

from monitoring.ingest import admin as ingest
from monitoring.inventory import admin as inventory
from monitoring.notifications import admin as notifications
from monitoring.sources import admin as sources
from monitoring.store import admin as store

__all__ = ["ingest", "inventory", "notifications", "sources", "store"]
