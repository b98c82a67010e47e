"""The addresses of sources that have several: how each did last, kept as rows."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction

from monitoring.inventory.merging import storable
from monitoring.sources.models import Source, Target
from monitoring.sources.pollers.base import Asked

MOST = 5_000  # of one source; a Prometheus may have more than anybody reads
WRITTEN = ["labels", "up", "error", "asked_at", "changed_at", "duration_ms", "samples"]


def save(source: Source, asked: Iterable[Asked]) -> None:
    """Replaces what is known of the source's targets; those it no longer names go."""
    latest = {one.address[:500]: one for one in asked}
    known = {row.address: row for row in source.targets.all()}
    rows = [_row(source, known.get(address), address, one) for address, one in sorted(latest.items())[:MOST]]
    gone = [row.pk for address, row in known.items() if address not in latest]
    with transaction.atomic():
        if gone:
            source.targets.filter(pk__in=gone).delete()
        Target.objects.bulk_create(rows, 500, update_conflicts=True, unique_fields=["source", "address"], update_fields=WRITTEN)


def _row(source: Source, before: Target | None, address: str, one: Asked) -> Target:
    at = None if one.at_ms is None else datetime.fromtimestamp(one.at_ms / 1000, UTC)
    return Target(
        source=source,
        address=address,
        labels=storable(one.labels),
        up=one.up,
        error=storable(" ".join(one.error.split()))[:500],
        asked_at=at,
        changed_at=before.changed_at if before and before.up == one.up else at,
        duration_ms=one.duration_ms,
        samples=one.samples,
    )
