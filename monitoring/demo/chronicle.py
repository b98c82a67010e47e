"""What the inventory would have told of the two weeks before: discoveries, outages, restarts, troubles that came and went."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from monitoring.demo import grid, story
from monitoring.demo.families import Key
from monitoring.demo.story import Incident
from monitoring.demo.world import World
from monitoring.inventory.changes import span
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.store.models import Series

Kind = ResourceChange.Kind
NOTICED = 45  # seconds until a silent resource counts as stale
HEALTH = {  # trouble: what health said when it was noticed, and the score
    "disk_filling": ("Filesystem /var/lib/postgresql 85 % used, limit 85 %", 85),
    "memory_leak": ("Memory 9.6 % available, limit 10 %", 85),
    "noisy_neighbour": ("Load 2.3 per core, limit 2", 80),
    "gpu_overheating": ("GPU 90 °C, limit 90 °C", 70),
}
LATER = {"disk_filling": 3.1 * 86_400, "memory_leak": 14 * 3600, "noisy_neighbour": 600, "gpu_overheating": 1200}  # seconds until then


def write(world: World, resources: Mapping[Key, Resource], now: float) -> int:
    """Adds what is missing of the chronicle up to now (seconds); returns how much that was."""
    start = now - grid.DAYS * grid.DAY / 1000
    told = [change for one in world.incidents(start, now) for change in _told(one, resources, start, now)]
    known = ResourceChange.objects.filter(resource__in=[row.pk for row in resources.values()]).values_list("resource_id", "kind", "time")
    there = {(pk, kind, time.timestamp()) for pk, kind, time in known}
    new = [one for one in told if (one.resource_id, one.kind, one.time.timestamp()) not in there]
    ResourceChange.objects.bulk_create(new, batch_size=500)
    return len(new) + _discovered(resources, datetime.fromtimestamp(world.since, UTC) - timedelta(days=grid.DAYS))


def _discovered(resources: Mapping[Key, Resource], when: datetime) -> int:
    """They have been there as long as their samples."""
    rows = Resource.objects.filter(pk__in=[row.pk for row in resources.values()], first_seen__gt=when)
    ResourceChange.objects.filter(resource__in=rows, kind=Kind.DISCOVERED).update(time=when)
    Series.objects.filter(resource__in=rows).update(created=when)
    return rows.update(first_seen=when)


def _told(incident: Incident, resources: Mapping[Key, Resource], start: float, now: float) -> Iterator[ResourceChange]:
    """Of an incident that is over: what goes on is judged live."""
    if incident.start < start or incident.end >= now:
        return
    if incident.kind == story.OUTAGE.kind:
        yield from _outage(incident, [resources[key] for key in incident.resources])
    elif incident.kind in HEALTH:
        text, score = HEALTH[incident.kind]
        suffer = incident.resources[1:] or incident.resources  # the noisy one itself is well
        for row in (resources[key] for key in suffer):
            yield _at(incident.start + LATER[incident.kind], row, Kind.HEALTH, f"Degraded, was healthy: {text}", 100, score)
            yield _at(incident.end, row, Kind.HEALTH, "Healthy, was degraded", score, 100)


def _outage(incident: Incident, rows: list[Resource]) -> Iterator[ResourceChange]:
    for row in rows:
        yield _at(incident.start + NOTICED, row, Kind.STATE, f"Stopped reporting, last seen {NOTICED} s ago", "reporting", "stale")
        yield _at(incident.end, row, Kind.STATE, f"Reporting again after {span(incident.end - incident.start)}", "stale", "reporting")
    started = datetime.fromtimestamp(incident.end).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    yield _at(incident.end, rows[0], Kind.REBOOTED, f"Rebooted, started {started}", None, incident.end)


def _at(seconds: float, row: Resource, kind: str, text: str, before: object, after: object) -> ResourceChange:
    change = ResourceChange.of(row, kind, text, before, after)
    change.time = datetime.fromtimestamp(round(seconds), UTC)
    return change
