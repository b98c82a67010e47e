"""This machine's own source is made when the database is ready, a sender's when it is first heard; what was under way when the process
ended is freed; the query API is told of our targets.
"""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from aiops import resume
from monitoring.ingest.signals import sender_appeared
from monitoring.query import providers
from monitoring.sources import push, targets
from monitoring.sources.models import Source

LOCAL = "local_host"


@receiver(post_migrate, dispatch_uid="local host source")
def on_migrated(sender: AppConfig, using: str = "default", **rest: Any) -> None:
    """Once only: a source of this kind that is there, changed or disabled is left as it is."""
    if sender.name != "monitoring" or not settings.LOCAL_HOST_SOURCE:
        return
    if Source._meta.db_table in connections[using].introspection.table_names():  # not after migrating back to nothing
        ensure_local_host(using)


def ensure_local_host(using: str = "default") -> Source | None:
    """The new source; None where there was one of this kind."""
    if Source.objects.using(using).filter(kind=LOCAL).exists():
        return None
    fields = {"kind": LOCAL, "interval": 5, "timeout": 10}
    source, made = Source.objects.using(using).get_or_create(name="This machine", defaults=fields)
    return source if made else None


@receiver(sender_appeared, dispatch_uid="source of a sender")
def on_sender_appeared(sender_id: int, **rest: Any) -> None:
    push.adopt(sender_id)


providers.targets.register(targets.scraped)


@resume.register
def free_leases() -> int:
    """In embedded mode nobody else polls: leases of the process that ended are nobody's."""
    return Source.objects.exclude(lease="").update(lease="", leased_until=None)
