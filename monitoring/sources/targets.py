"""The addresses of sources that have several: how each did last, kept as rows."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Count

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


def scraped() -> Iterator[dict[str, Any]]:
    """What we scrape, as Prometheus' HTTP API tells of its targets."""
    for row in Target.objects.filter(source__kind="scrape", source__enabled=True).select_related("source").order_by("source", "address"):
        labels = dict(row.labels)
        yield {
            "discoveredLabels": {"__address__": urlsplit(row.address).netloc, "job": labels.get("job", "")},
            "labels": labels,
            "scrapePool": row.source.name,
            "scrapeUrl": row.address,
            "globalUrl": row.address,
            "lastError": "" if row.up else row.error,
            "lastScrape": (row.asked_at or datetime.min.replace(tzinfo=UTC)).isoformat().replace("+00:00", "Z"),
            "lastScrapeDuration": (row.duration_ms or 0.0) / 1000,
            "health": {True: "up", False: "down"}.get(row.up, "unknown"),  # type: ignore[arg-type]
            "scrapeInterval": f"{row.source.interval}s",
            "scrapeTimeout": f"{row.source.timeout}s",
        }


STATES = {"down": False, "up": True, "unknown": None}


def counts(source: Source) -> dict[str, int]:
    """How many are down, up, not asked yet; only what there is."""
    rows = dict(source.targets.values_list("up").annotate(Count("pk")))
    return {name: rows[up] for name, up in STATES.items() if up in rows}
