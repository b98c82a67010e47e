"""Makes the demonstration, or repairs and extends the one that is there; takes it away.

The order keeps every step repeatable: its source stands first, disabled, and says what world it is; the source is enabled when the
history is there, and deleted when everything else is gone.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from monitoring.demo import chronicle, grid, history
from monitoring.demo.descriptions import DESCRIPTIONS
from monitoring.demo.families import Key
from monitoring.demo.fleet import MARK
from monitoring.demo.reports import reports
from monitoring.demo.signals import demo_installed, demo_removed
from monitoring.demo.world import SEED, World, world
from monitoring.inventory import facts
from monitoring.inventory.models import Resource, ResourceChange
from monitoring.sources.models import Source
from monitoring.store import metadata, remove
from monitoring.store.models import Series

KIND, NAME = "demo", "Demo data"
PATIENCE = 15.0  # seconds a poll under way is waited for
AT_ONCE = 500  # rows
Tell = Callable[[str, float], object]  # what is being done, and what share of it is


class NameTaken(Exception):
    """Something real has the name of a demonstration's resource; the message is one sentence."""


@dataclass(frozen=True)
class Made:
    world: World
    source: Source
    resources: dict[Key, Resource]
    series: int
    samples: int  # written now; none when everything was there


def make(tell: Tell) -> Made:
    """Raises NameTaken, StoreUnavailable, django.db.Error; may be called again after each of them."""
    now = time.time_ns() // 1_000_000
    source = Source.objects.filter(kind=KIND).order_by("pk").first()
    config = source.config if source else {"seed": SEED, "since": now // grid.MINUTE * grid.MINUTE}
    made = world(config["seed"], config["since"])
    _refuse_real_names(made, source)
    source = source or _new_source(config)
    tell("resources", 0.0)
    rows = facts.report(reports(made, now, source.interval), source)
    resources: dict[Key, Resource] = {(row.kind, row.name): row for row in rows}
    metadata.record(DESCRIPTIONS)
    found = history.Series(made, [resources[owner].pk for _, _, owner in made.series])
    beat = _Heartbeat([row.pk for row in rows], tell)
    written = history.fill(found, grid.until(now), beat)
    chronicle.write(made, resources, now / 1000)
    demo_installed.send(sender=Source, world=made, resources=resources)
    written += history.fill(found, grid.until(time.time_ns() // 1_000_000), since=now - 2 * grid.MINUTE)  # the time all this took
    _enable(source)
    return Made(made, source, resources, len(made.series), written)


class _Heartbeat:
    """Until they are polled, the resources must not count as silent: a running installation looks every 15 seconds."""

    def __init__(self, resources: list[int], tell: Tell) -> None:
        self.resources, self.tell, self.last = resources, tell, time.monotonic()

    def __call__(self, share: float) -> None:
        self.tell("history", share)
        if time.monotonic() - self.last > grid.INTERVAL:
            facts.touch(self.resources)
            self.last = time.monotonic()


def _refuse_real_names(made: World, source: Source | None) -> None:
    keys = {one.key for one in reports(made, 0, grid.INTERVAL)}
    real = next((row for row in Resource.objects.filter(_named(keys)) if not _ours(row, source)), None)
    if real is not None:
        raise NameTaken(f"The {real.kind} {real.name} is there already and no part of a demonstration; rename it first.")


def _ours(row: Resource, source: Source | None) -> bool:
    return row.labels.get("demo") == MARK["demo"] and row.source_id in (None, source and source.pk)


def _new_source(config: dict[str, int]) -> Source:
    take_away(lambda what, share: None)  # what one left whose source somebody deleted: its world was placed at another moment
    fields = {"kind": KIND, "interval": grid.INTERVAL, "timeout": 10, "enabled": False, "config": config}
    source, made = Source.objects.get_or_create(name=NAME, defaults=fields)
    if made:
        audit.record("demo.made", target=source, after=config)
    return source


def _enable(source: Source) -> None:
    Source.objects.filter(pk=source.pk).update(enabled=True, failures=0, broken_until=None, due_at=timezone.now())


# -- taking it away ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Removed:
    resources: int
    series: int
    changes: int
    source: bool


def take_away(tell: Tell) -> Removed:
    """Everything the demonstration brought, and nothing else. May be called again, also after it was interrupted."""
    sources = Source.objects.filter(kind=KIND)
    sources.update(enabled=False)
    _wait_for_poll(sources)
    seeds = {int(source.config.get("seed", SEED)) for source in sources} | {SEED}
    names = {one.key for seed in seeds for one in reports(world(seed, 0), 0, grid.INTERVAL)}
    ours = Resource.objects.filter(Q(source__in=sources) | Q(_named(names), source=None), labels__demo=MARK["demo"])
    resources = list(ours.values_list("pk", flat=True))
    sids = _series(resources, seeds)
    for at in range(0, len(sids), AT_ONCE):
        tell("series", at / len(sids))
        remove.forget(sids[at : at + AT_ONCE])
    changes = _remove_changes(resources, names)
    demo_removed.send(sender=Source, resources=resources)
    ours.delete()
    had = [(source, source.config) for source in sources]
    for source, config in had:
        audit.record("demo.removed", target=source, before=config)
    sources.delete()
    tell("series", 1.0)
    return Removed(len(resources), len(sids), changes, bool(had))


def _wait_for_poll(sources: QuerySet[Source]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and any(source.polling for source in sources.all()):
        time.sleep(0.2)


def _series(resources: list[int], seeds: set[int]) -> list[int]:
    """Marked as ours, and of one of our resources, or with a key of ours where the resource is gone."""
    keys = {(metric, frozenset(labels.items())) for seed in seeds for metric, labels, _ in world(seed, 0).series}
    marked = Series.objects.filter(labels__demo=MARK["demo"]).values_list("pk", "metric", "labels", "resource_id").order_by("pk")
    owned = set(resources)
    return [pk for pk, metric, labels, owner in marked if owner in owned or (owner is None and (metric, frozenset(labels.items())) in keys)]


def _remove_changes(resources: list[int], names: set[Key]) -> int:
    """Also those whose resource is gone: they kept its name."""
    deleted = ResourceChange.objects.filter(resource__in=resources).delete()[0]
    for kind, found in _by_kind(names):
        deleted += ResourceChange.objects.filter(resource=None, resource_kind=kind, resource_name__in=found).delete()[0]
    return deleted


def _by_kind(keys: set[Key]) -> Iterator[tuple[str, list[str]]]:
    for kind in sorted({kind for kind, _ in keys}):
        yield kind, [name for of, name in keys if of == kind]


def _named(keys: set[Key]) -> Q:
    named = Q()
    for kind, names in _by_kind(keys):
        named |= Q(kind=kind, name__in=names)
    return named


def addresses(resources: Mapping[Key, Resource], made: World) -> dict[str, Resource]:
    """What is worth a look first: a sentence and the resource."""
    from monitoring.demo import story

    return {story.KINDS[plot.kind].title: resources[story.involved(made.fleet, plot)[0]] for plot in story.PLOTS}
