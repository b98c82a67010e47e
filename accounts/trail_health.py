"""Whether the audit trail is whole and protected, for the platform's own health."""

from django.db import connection
from django.utils import timezone

from accounts import audit, audit_guard
from accounts.models import AuditEntry
from aiops.health import Health

NEWEST = 100


def check() -> Health:
    """Of the newest entries; the whole chain is walked by `manage.py audit verify`."""
    if missing := audit_guard.missing(connection):
        return Health("failed", f"The database no longer protects the trail: {', '.join(missing)} is missing.")
    verdict = audit.verify(newest=NEWEST)
    if verdict.broken:
        return Health("failed", f"The chain is broken at entry {verdict.broken.pk}: {verdict.reason}.")
    newest = AuditEntry.objects.order_by("-id").values_list("time", flat=True).first()
    return Health("ok", f"Newest {verdict.entries} entries unbroken.", (timezone.now() - newest).total_seconds() if newest else None)
