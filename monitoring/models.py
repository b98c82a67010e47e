"""Re-exports the rooms' models, so that Django and other apps find them in one place."""

from monitoring.alerts.models import Alert, AlertRule, AlertTransition, RuleGroup, Silence
from monitoring.dashboards.models import SavedView
from monitoring.incidents.models import Incident, IncidentAlert, IncidentKey, StatusChange, TakenOut, TimelineEntry
from monitoring.ingest.models import Sender
from monitoring.inventory.models import Dependency, Resource, ResourceChange
from monitoring.measurements.models import FactSeries, ImportJob, RefusedRow
from monitoring.notifications.inbox import InAppNotice, NoticePreference
from monitoring.notifications.models import (
    Channel,
    ContactMethod,
    Cursor,
    Delivery,
    DeliveryAttempt,
    EscalationPolicy,
    EscalationStep,
    GroupAlert,
    Message,
    NotificationGroup,
    Route,
    Schedule,
    ScheduleLayer,
    ScheduleOverride,
)
from monitoring.sources.models import Source, Target
from monitoring.store.models import Chunk, ChunkTally, ForgottenSeries, Hot, MetricDescription, RetentionOverride, Series

__all__ = [
    "Alert",
    "AlertRule",
    "AlertTransition",
    "Channel",
    "Chunk",
    "ChunkTally",
    "ContactMethod",
    "Cursor",
    "Delivery",
    "DeliveryAttempt",
    "Dependency",
    "EscalationPolicy",
    "EscalationStep",
    "FactSeries",
    "ForgottenSeries",
    "GroupAlert",
    "Hot",
    "ImportJob",
    "InAppNotice",
    "Incident",
    "IncidentAlert",
    "IncidentKey",
    "Message",
    "MetricDescription",
    "NoticePreference",
    "NotificationGroup",
    "RefusedRow",
    "Resource",
    "ResourceChange",
    "RetentionOverride",
    "Route",
    "RuleGroup",
    "SavedView",
    "Schedule",
    "ScheduleLayer",
    "ScheduleOverride",
    "Sender",
    "Series",
    "Silence",
    "Source",
    "StatusChange",
    "TakenOut",
    "Target",
    "TimelineEntry",
]
