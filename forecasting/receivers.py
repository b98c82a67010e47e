"""Shipped watches come with the database."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from forecasting import watches
from forecasting.models import Watch


@receiver(post_migrate, dispatch_uid="shipped watches")
def on_migrated(sender: AppConfig, using: str = "default", **rest: Any) -> None:
    if sender.name != "forecasting" or using != "default" or not settings.WATCH_PACKS:
        return
    if Watch._meta.db_table in connections[using].introspection.table_names():  # not after migrating back to nothing
        watches.install_packs()
