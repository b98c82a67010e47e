"""A change of alerts is told soon, not at the next turn of the clock; a fresh installation can tell somebody."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from monitoring.alerts.pacing import Pacing, ask
from monitoring.alerts.signals import alert_changed
from monitoring.notifications import defaults, tasks
from monitoring.notifications.models import Channel

NUDGE_PAUSE = 0.5  # seconds: a storm of changes is not a storm of tasks


nudge = Pacing(lambda: ask(tasks.tend_notifications, expires=10), NUDGE_PAUSE)


@receiver(alert_changed, dispatch_uid="notifications of alerts")
def on_alert_changed(**rest: Any) -> None:
    nudge()


@receiver(post_migrate, dispatch_uid="usual notifications")
def on_migrated(sender: AppConfig, using: str = "default", **rest: Any) -> None:
    if sender.name != "monitoring" or using != "default" or not settings.NOTIFICATION_DEFAULTS:
        return
    if Channel._meta.db_table in connections[using].introspection.table_names():  # not after migrating back to nothing
        defaults.install()
