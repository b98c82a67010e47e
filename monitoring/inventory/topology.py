"""What a resource hangs on: what it runs on (`parent`), what it needs (Dependency), and so on upwards."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from monitoring.inventory.models import Dependency, Resource

LEVELS = 5  # so far up is looked
AT_ONCE = 5000  # ids in one statement
# A resource of these kinds says where something is, not on what it runs: what shares one shares little.
PLACES = frozenset({"cluster", "namespace", "site", "region", "datacenter", "rack", "zone", "account", "cloud", "tenancy", "compartment"})


class Place(NamedTuple):
    pk: int
    kind: str
    name: str
    parent: int | None


class Step(NamedTuple):
    """How one resource hangs on another: directly or over others, by running on it alone or also by needing it."""

    distance: int
    runs_on: bool


@dataclass
class Topology:
    """A part of the inventory: the resources asked for and all they hang on, up to LEVELS steps away."""

    places: dict[int, Place] = field(default_factory=dict)
    needs: Mapping[int, set[int]] = field(default_factory=dict)
    _above: dict[int, dict[int, Step]] = field(default_factory=dict)

    @classmethod
    def of(cls, resource_ids: Iterable[int]) -> "Topology":
        """A fixed number of statements for any number of resources."""
        places: dict[int, Place] = {}
        needs: defaultdict[int, set[int]] = defaultdict(set)
        frontier = {pk for pk in resource_ids if pk}
        for level in range(LEVELS + 1):
            rows = _places(frontier)
            places |= rows
            if level == LEVELS or not rows:
                break
            for one, other in _needs(rows):
                needs[one].add(other)
            above = {row.parent for row in rows.values() if row.parent} | {to for pk in rows for to in needs.get(pk, ())}
            frontier = above - places.keys()
        return cls(places, dict(needs))

    def above(self, pk: int) -> dict[int, Step]:
        """All it hangs on, nearest first, never itself."""
        if pk not in self._above:
            self._above[pk] = self._climb(pk)
        return self._above[pk]

    def _climb(self, pk: int) -> dict[int, Step]:
        found: dict[int, Step] = {}
        edge, seen = [(pk, True)], {pk}
        for distance in range(1, LEVELS + 1):
            following = []
            for one, runs_on in edge:
                for other, is_parent in self._steps(one):
                    if other not in seen:
                        seen.add(other)
                        found[other] = Step(distance, runs_on and is_parent)
                        following.append((other, runs_on and is_parent))
            edge = following
        return found

    def _steps(self, pk: int) -> list[tuple[int, bool]]:
        place = self.places.get(pk)
        parent = [(place.parent, True)] if place and place.parent in self.places else []
        return [*parent, *((other, False) for other in sorted(self.needs.get(pk, ())) if other in self.places)]


def _places(ids: Collection[int]) -> dict[int, Place]:
    found: dict[int, Place] = {}
    listed = sorted(ids)
    for at in range(0, len(listed), AT_ONCE):
        rows = Resource.objects.filter(pk__in=listed[at : at + AT_ONCE]).values_list("pk", "kind", "name", "parent_id")
        found |= {row[0]: Place(*row) for row in rows}
    return found


def _needs(ids: Collection[int]) -> Iterable[tuple[int, int]]:
    listed = sorted(ids)
    for at in range(0, len(listed), AT_ONCE):
        yield from Dependency.objects.filter(from_resource__in=listed[at : at + AT_ONCE]).values_list("from_resource_id", "to_resource_id")


def note(pairs: Iterable[tuple[int, int]], kind: str = "needs", source: str = "", now: datetime | None = None) -> int:
    """That each first resource needs the second. Idempotent: what is known already is confirmed. Returns how many were said."""
    seen = now or timezone.now()
    rows = {pair: Dependency(from_resource_id=pair[0], to_resource_id=pair[1], kind=kind, source=source, seen_at=seen) for pair in pairs}
    Dependency.objects.bulk_create(
        [row for (one, other), row in rows.items() if one != other],
        batch_size=500,
        update_conflicts=True,
        unique_fields=["from_resource", "to_resource", "kind"],
        update_fields=["source", "seen_at"],
    )
    return len(rows)
