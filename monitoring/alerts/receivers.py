"""Other systems' alerts are stored; the query API is told of our rules and alerts; shipped rules come with the database."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from monitoring.alerts import concerns as _concerns  # noqa: F401 - tells of firing alerts
from monitoring.alerts import immediate, inbound, listing, rule_import
from monitoring.alerts.models import RuleGroup
from monitoring.ingest.notices import Notice, notices_received
from monitoring.query import providers
from monitoring.store import arrivals

providers.rule_groups.register(listing.rule_groups)
providers.alerts.register(listing.alerts)
arrivals.register(immediate.hear)


@receiver(post_migrate, dispatch_uid="shipped rules")
def on_migrated(sender: AppConfig, using: str = "default", **rest: Any) -> None:
    if sender.name != "monitoring" or using != "default" or not settings.RULE_PACKS:
        return
    if RuleGroup._meta.db_table in connections[using].introspection.table_names():  # not after migrating back to nothing
        rule_import.install_packs()


@receiver(notices_received, dispatch_uid="alerts of other systems")
def on_notices_received(notices: list[Notice], **rest: Any) -> None:
    """Returns when they are stored."""
    inbound.receive(notices)
