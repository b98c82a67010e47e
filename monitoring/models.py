"""Re-exports the rooms' models, so that Django and other apps find them in one place."""

from monitoring.alerts.models import Alert, AlertRule, AlertTransition, RuleGroup, Silence
from monitoring.dashboards.models import SavedView
from monitoring.ingest.models import Sender
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.measurements.models import FactSeries, ImportJob, RefusedRow
from monitoring.sources.models import Source, Target
from monitoring.store.models import Chunk, ChunkTally, ForgottenSeries, Hot, MetricDescription, RetentionOverride, Series

__all__ = [
    "Alert",
    "AlertRule",
    "AlertTransition",
    "Chunk",
    "ChunkTally",
    "FactSeries",
    "ForgottenSeries",
    "Hot",
    "ImportJob",
    "MetricDescription",
    "RefusedRow",
    "Resource",
    "ResourceChange",
    "RetentionOverride",
    "RuleGroup",
    "SavedView",
    "Sender",
    "Series",
    "Silence",
    "Source",
    "Target",
]
