"""What sources say about resources becomes rows: one transaction, a fixed number of statements however long the report."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial, reduce
from operator import or_
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from monitoring.inventory import changes, signals
from monitoring.inventory.merging import holds, storable, tell
from monitoring.inventory.models import Resource, ResourceChange

Key = tuple[str, str]  # kind, name
MISSED, LEAST_PATIENCE = 3, 30  # stale after so many missed reports, but not before so many seconds
WRITTEN = ["labels", "facts", "said", "parent", "source", "ephemeral", "state", "report_interval", "last_seen", "stale_at", "health_since"]


@dataclass(frozen=True)
class ResourceReport:
    """What one source says about one thing. ValueError for a kind or name that no row can hold."""

    kind: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    parent: Key | None = None
    ephemeral: bool = False
    report_interval: int = 60  # seconds until it is reported again

    def __post_init__(self) -> None:
        for what, value, longest in (("kind", self.kind, 32), ("name", self.name, 255)):
            if not value or len(value) > longest or "\0" in value:
                raise ValueError(f"a resource's {what} has 1 to {longest} characters, not {value[:40]!r}")

    @property
    def key(self) -> Key:
        return self.kind, self.name


def report(reports: Iterable[ResourceReport], source: models.Model | None) -> list[Resource]:
    """Merges what `source` says into the inventory; returns the resources in the order of the reports.

    Rows are locked while they are merged, so reports of several sources at the same time lose nothing. Of two reports
    about one thing in one call the later counts. Signals are sent after commit.
    """
    given = list(reports)
    latest = {one.key: one for one in given}
    if not latest:
        return []
    with transaction.atomic():
        rows = _locked(latest)
        parents = _parents(latest, rows)
        now = timezone.now()
        merge = partial(_merge, source=source, now=now, parents=parents)
        _save([(rows[key], merge(rows[key], one)) for key, one in latest.items()])
    return [rows[one.key] for one in given]


def touch(resource_ids: Iterable[int]) -> None:
    """Samples came in for these: they report. (Facts come by `report`, which does this too.)"""
    with transaction.atomic():
        rows = list(Resource.objects.locked(pk__in=list(resource_ids)).defer(None))
        now = timezone.now()
        _save([(row, _return(row, now)) for row in rows])


def stale_at(seen: datetime, interval: int) -> datetime:
    return seen + timedelta(seconds=max(MISSED * interval, LEAST_PATIENCE))


def _seen(rows: models.QuerySet[Resource], interval: int, now: datetime) -> int:
    return rows.update(last_seen=now, stale_at=stale_at(now, interval))


def _any_of(keys: Iterable[Key]) -> models.Q:
    kinds: dict[str, list[str]] = {}
    for kind, name in keys:
        kinds.setdefault(kind, []).append(name)
    return reduce(or_, (models.Q(kind=kind, name__in=names) for kind, names in kinds.items()))


def _lock(keys: Iterable[Key]) -> dict[Key, Resource]:
    rows = Resource.objects.locked().defer(None).filter(_any_of(keys))
    return {(row.kind, row.name): row for row in rows}


def _locked(latest: Mapping[Key, ResourceReport]) -> dict[Key, Resource]:
    """The rows of all reports, new ones made. Rows that another report makes at the same moment are waited for and locked too."""
    rows = _lock(latest)
    missing = sorted(latest.keys() - rows.keys())  # sorted: two reports that make the same rows wait in the same order
    if missing:
        Resource.objects.bulk_create([Resource(kind=kind, name=name) for kind, name in missing], ignore_conflicts=True)
        rows |= _lock(missing)
    return rows


def _parents(latest: Mapping[Key, ResourceReport], rows: Mapping[Key, Resource]) -> dict[Key, int]:
    """Ids of the parents that exist. One that is not known yet is linked by a later report."""
    wanted = {one.parent for one in latest.values() if one.parent and one.parent != one.key}
    known = {key: rows[key].pk for key in wanted & rows.keys()}
    elsewhere = wanted - rows.keys()
    found = Resource.objects.filter(_any_of(elsewhere)).values_list("kind", "name", "id") if elsewhere else ()
    return known | {(kind, name): pk for kind, name, pk in found}


Merged = tuple[bool, list[ResourceChange]]  # whether more changed than the time it was seen, and what is told of it


def _merge(row: Resource, one: ResourceReport, source: models.Model | None, now: datetime, parents: Mapping[Key, int]) -> Merged:
    before = {name: getattr(row, name) for name in ("labels", "facts", "parent_id", "source_id", "ephemeral", "report_interval")}
    discovered = not row.said
    labels = {str(key): str(value) for key, value in storable(one.labels).items()}
    row.said = tell(row.said, str(source.pk) if source else "", labels, storable(one.facts), int(now.timestamp() * 1000))
    row.labels, row.facts = holds(row.said, "labels"), holds(row.said, "facts")
    row.source_id = source.pk if source else row.source_id
    row.ephemeral, row.report_interval = one.ephemeral, one.report_interval
    if one.parent and one.parent in parents:
        row.parent_id = parents[one.parent]
    differs = discovered or any(getattr(row, name) != value for name, value in before.items())
    told = [changes.discovered(row)] if discovered else changes.described(row, before["labels"], before["facts"])
    returned, back = _return(row, now)
    return differs or returned, told + back


def _return(row: Resource, now: datetime) -> Merged:
    """It reports. What was stale or gone is reporting again, and unjudged until it is judged."""
    told, silent = [], row.state != Resource.State.REPORTING
    if silent:
        told = [changes.state_changed(row, Resource.State.REPORTING, now)]
        row.state, row.health_since = Resource.State.REPORTING, now
    row.last_seen, row.stale_at = now, stale_at(now, row.report_interval)
    return silent, told


def _save(merged: list[tuple[Resource, Merged]]) -> None:
    changed = [row for row, (differs, _told) in merged if differs]
    seen = [row for row, (differs, _told) in merged if not differs]
    if changed:
        Resource.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
    for interval in {row.report_interval for row in seen}:
        _seen(Resource.objects.filter(pk__in=[row.pk for row in seen if row.report_interval == interval]), interval, seen[0].last_seen)
    told = [change for _row, (_differs, said) in merged for change in said]
    ResourceChange.objects.bulk_create(told)
    for send in _announcements(told):
        transaction.on_commit(send)


def _announcements(told: Iterable[ResourceChange]) -> Iterator[Callable[[], object]]:
    spoken = {ResourceChange.Kind.DISCOVERED: signals.resource_discovered, ResourceChange.Kind.STATE: signals.resource_state_changed}
    for change in told:
        signal = spoken.get(ResourceChange.Kind(change.kind))
        if signal:
            yield partial(signal.send_robust, sender=Resource, resource_id=change.resource_id, before=change.before, after=change.after)
