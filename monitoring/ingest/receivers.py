"""What must be forgotten when the tables change under this process."""

from typing import Any

from django.db.models.signals import post_migrate
from django.dispatch import receiver

from monitoring.ingest import senders


@receiver(post_migrate, dispatch_uid="forget senders")
def on_migrated(**_: Any) -> None:
    """Also sent after `flush`: rows this process remembers may be gone."""
    senders.forget()
