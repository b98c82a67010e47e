"""The part of the inventory in which causes are looked for: what the trouble is about, what that hangs on, what hangs on it, and what
shares its host. Edges lead from what needs to what is needed, as calls do."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from monitoring.inventory.models import Dependency, Resource
from monitoring.inventory.topology import AT_ONCE, PLACES, Place, Topology

MOST = 500  # resources
CALLERS = 2  # levels of what hangs on the trouble
MOST_BESIDE = 100  # on the same host
FAR = 99


@dataclass
class Neighbours:
    places: dict[int, Place] = field(default_factory=dict)
    graph: dict[int, set[int]] = field(default_factory=dict)  # caller → callees
    steps: dict[int, int] = field(default_factory=dict)  # from the trouble, in either direction; the trouble itself 0
    left_out: int = 0

    def name(self, pk: int | None) -> str:
        return self.places[pk].name if pk in self.places else ""

    def path(self, one: int, other: int) -> list[int]:
        """From what needs to what is needed, the shortest, both ends included; empty where none leads there."""
        before: dict[int, int] = {one: one}
        waiting = deque([one])
        while waiting:
            at = waiting.popleft()
            if at == other:
                return _back(before, other)
            for following in sorted(self.graph.get(at, ())):
                if following not in before:
                    before[following] = at
                    waiting.append(following)
        return []


def _back(before: dict[int, int], at: int) -> list[int]:
    found = [at]
    while before[at] != at:
        at = before[at]
        found.append(at)
    return found[::-1]


def of(focus: Collection[int]) -> Neighbours:
    """A fixed number of statements."""
    if not focus:
        return _everything()
    topology = Topology.of(focus)
    above = {pk for one in focus for pk in topology.above(one)}
    near = dict.fromkeys(
        [*focus, *sorted(above, key=lambda pk: _distance(topology, focus, pk)), *_callers(focus), *_beside(focus, topology)]
    )
    return _among(list(near), focus)


def _distance(topology: Topology, focus: Collection[int], pk: int) -> int:
    return min((topology.above(one)[pk].distance for one in focus if pk in topology.above(one)), default=FAR)


def _callers(focus: Collection[int]) -> list[int]:
    """What needs it or runs on it, two levels."""
    found: dict[int, None] = {}
    edge = list(focus)
    for _ in range(CALLERS):
        needing = (
            Dependency.objects.filter(to_resource__in=edge[:AT_ONCE]).order_by("from_resource").values_list("from_resource", flat=True)
        )
        children = Resource.objects.filter(parent__in=edge[:AT_ONCE]).exclude(state=Resource.State.GONE).order_by("pk")
        edge = [pk for pk in dict.fromkeys([*needing[:MOST], *children.values_list("pk", flat=True)[:MOST]]) if pk not in found]
        found |= dict.fromkeys(edge)
    return list(found)


def _beside(focus: Collection[int], topology: Topology) -> list[int]:
    """What runs where the trouble runs: it may take what the trouble lacks. To be in one cluster is not to share a host."""
    hosts = {topology.places[pk].parent for pk in focus if pk in topology.places}
    shared = [pk for pk in hosts if pk in topology.places and topology.places[pk].kind not in PLACES]
    rows = Resource.objects.filter(parent__in=shared).exclude(state=Resource.State.GONE).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:MOST_BESIDE])


def _everything() -> Neighbours:
    rows = Resource.objects.exclude(state=Resource.State.GONE).exclude(kind__in=PLACES)
    found = _among(list(rows.order_by("pk").values_list("pk", flat=True)[:MOST]), ())
    found.left_out = max(0, rows.count() - MOST)
    return found


def _among(ids: list[int], focus: Collection[int]) -> Neighbours:
    rows = Resource.objects.filter(pk__in=ids[:MOST]).values_list("pk", "kind", "name", "parent_id")
    by_id = {row[0]: Place(*row) for row in rows}
    places = {pk: by_id[pk] for pk in ids[:MOST] if pk in by_id and (by_id[pk].kind not in PLACES or pk in focus)}
    graph: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in _edges(places):
        graph[one].add(other)
    for place in places.values():
        graph[place.pk] |= {place.parent or 0} & places.keys()  # one that needs nothing is in the graph too
    return Neighbours(places, dict(graph), _steps(graph, focus), max(0, len(ids) - MOST))


def _edges(places: Collection[int]) -> Iterable[tuple[int, int]]:
    rows = Dependency.objects.filter(from_resource__in=list(places), to_resource__in=list(places))
    return rows.values_list("from_resource_id", "to_resource_id")


def _steps(graph: dict[int, set[int]], focus: Collection[int]) -> dict[int, int]:
    beside: defaultdict[int, set[int]] = defaultdict(set)
    for one, others in graph.items():
        beside[one] |= others
        for other in others:
            beside[other].add(one)
    found = dict.fromkeys(focus, 0)
    waiting = deque(found)
    while waiting:
        at = waiting.popleft()
        for other in beside[at] - found.keys():
            found[other] = found[at] + 1
            waiting.append(other)
    return found
