"""What must be forgotten when the tables change under this process."""

from typing import Any

from django.db.models.signals import post_delete, post_migrate, post_save
from django.dispatch import receiver

from monitoring.store import matching, metadata, retention, series
from monitoring.store.models import RetentionOverride


@receiver([post_save, post_delete], sender=RetentionOverride)
def on_override_changed(**_: Any) -> None:
    retention.forget()


@receiver(post_migrate)
def on_migrated(**_: Any) -> None:
    """Also sent after `flush`: ids this process remembers may be gone."""
    series.forget()
    matching.forget()
    metadata.forget()
    retention.forget()
