"""Re-exports the rooms' models, so that Django and other apps find them in one place."""

from monitoring.inventory.models import Resource
from monitoring.sources.models import Source
from monitoring.store.models import Chunk, Hot, RetentionOverride, Series

__all__ = ["Chunk", "Hot", "Resource", "RetentionOverride", "Series", "Source"]
