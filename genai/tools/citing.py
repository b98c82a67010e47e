"""Evidence of what a tool looked at: rows of the platform, and what the store answered."""

from datetime import datetime

from genai.evidence import collect
from genai.evidence.models import Evidence
from genai.tools.words import lasted, moment, said
from monitoring.alerts.models import Alert
from monitoring.alerts.rows import value_and_limit
from monitoring.incidents.models import Incident
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.query.errors import QueryError

MOST_ROWS = 15  # of one answer that are written down as evidence


def of(
    kind: str, pk: int, title: str, found: str = "", *, start: datetime | None = None, end: datetime | None = None, permission: str = ""
) -> Evidence | None:  # fmt: skip
    """Of a row with an id; None where it is gone by now."""
    try:
        return collect.of(kind, {"id": pk}, title, found, start=start, end=end, permission=permission or collect.READ)
    except collect.Gone:
        return None


def alert(row: Alert) -> Evidence | None:
    found = " · ".join(filter(None, (value_and_limit(row), f"since {moment(row.started_at)}")))
    where = f" on {row.resource.name}" if row.resource else ""
    return of("alert", row.pk, said(f"{row.name}{where}"), found, start=row.started_at, end=row.resolved_at)


def incident(row: Incident, found: str = "") -> Evidence | None:
    told = found or f"{row.severity}, began {moment(row.started_at)}, {lasted(row.started_at, row.resolved_at)}"
    return of("incident", row.pk, said(f"{row.number} {row.title}"), told, start=row.started_at, end=row.resolved_at)


def change(row: ResourceChange) -> Evidence | None:
    return of("change", row.pk, said(f"{row.resource_name}: {row.text}"), moment(row.time), start=row.time, end=row.time)


def resource(row: Resource) -> Evidence | None:
    told = f"{row.status}, last seen {moment(row.last_seen)}"
    return of("resource", row.pk, said(f"{row.kind} {row.name}"), told, start=row.health_since)


def series(query: str, start: datetime, end: datetime, title: str, found: str = "") -> Evidence | None:
    """None where the store cannot answer it in the time there is."""
    try:
        return collect.series(query, start, end, title, found_text=found)
    except QueryError:
        return None


__all__ = ["MOST_ROWS", "alert", "change", "incident", "of", "resource", "series"]
