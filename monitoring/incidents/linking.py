"""Which alerts belong together and to which incident: pure, from their keys and times alone.

First what topology ties together, the closest first. Then groups that share a label or a storm: each group takes part in one such bond at
most, the largest bonds first, so that one thing shared here and another there do not chain everything to everything.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from monitoring.incidents.relations import RELATIONS, Key, bucket, reach, reason

Node = tuple[str, int]  # ("alert" or "incident", its id)


class Subject(NamedTuple):
    """An alert that belongs to no incident yet."""

    pk: int
    at: datetime
    keys: Sequence[Key]


class Known(NamedTuple):
    """What an open incident is recognised by."""

    incident: int
    key: str
    seen_at: datetime


class Event(NamedTuple):
    at: datetime
    node: Node
    key: str
    of: Key | None  # None: an incident's


class Link(NamedTuple):
    rank: int
    apart: float  # seconds
    one: Event
    other: Event
    relation: str


class Why(NamedTuple):
    relation: str
    words: str


@dataclass
class Group:
    """Alerts that belong together, with the incidents that they join: of several, those that are to be one."""

    alerts: list[int] = field(default_factory=list)
    incidents: list[int] = field(default_factory=list)
    bonds: set[str] = field(default_factory=set)  # keys that hold it together, besides topology


class Linked(NamedTuple):
    groups: list[Group]
    why: Mapping[int, Why]  # by alert; the one that comes first in a new group has none


def link(
    subjects: Sequence[Subject],
    known: Iterable[Known],
    storms: Collection[str] = (),
    loose: Collection[int] = (),
    bonds: Mapping[int, set[str]] | None = None,
) -> Linked:
    """`storms`: keys of names that fire in many places now. `loose`: incidents that may be merged. `bonds`: of incidents."""
    buckets: defaultdict[str, list[Event]] = defaultdict(list)
    for one in subjects:
        for key in one.keys:
            if key.relation != "storm" or key.text in storms:
                buckets[bucket(key.text)].append(Event(one.at, ("alert", one.pk), key.text, key))
    for row in known:
        if (place := bucket(row.key)) in buckets:
            buckets[place].append(Event(row.seen_at, ("incident", row.incident), row.key, None))
    groups = _Groups(set(loose), bonds or {})
    shared = {name: events for name, events in buckets.items() if len(events) > 1}
    close = [found for name, events in shared.items() if name.startswith("about:") for found in _about(events)]
    for found in sorted(close, key=lambda one: (one.rank, one.apart, one.one.at, one.one.node, one.other.node)):
        groups.tie(found)
    for name in sorted((name for name in shared if not name.startswith("about:")), key=lambda name: _bond_order(name, shared[name])):
        groups.bond(name, shared[name])
    return Linked(groups.of(subjects), groups.why)


# -- topology ----------------------------------------------------------------------------------------------------------
def _about(events: list[Event]) -> Iterator[Link]:
    """Alerts about one resource with each other, in their order; alerts about what hangs on it, each with the nearest of those."""
    events.sort(key=lambda one: (one.at, one.node))
    owners = [one for one in events if one.key.startswith("own:")]
    yield from _chain(owners, "resource")
    times = [one.at for one in owners]
    for one in events if owners else ():
        if not one.key.startswith("own:"):
            place = bisect_left(times, one.at)
            nearest = min(owners[max(0, place - 1) : place + 1], key=lambda owner: abs(owner.at - one.at))
            yield from _chain([nearest, one], one.key.partition(":")[0])


def _chain(events: Sequence[Event], relation: str) -> Iterator[Link]:
    """Each with the next, as long as they are near enough in time."""
    within, rank = reach(relation).total_seconds(), RELATIONS[relation].rank
    for one, other in pairwise(events):
        apart = abs((other.at - one.at).total_seconds())
        if apart <= within and one.node != other.node:
            yield Link(rank, apart, one, other, relation)


# -- bonds -------------------------------------------------------------------------------------------------------------
def _bond_order(name: str, events: Sequence[Event]) -> tuple[bool, int, int, str]:
    """What an incident is known by first, then the largest; of equals the more telling."""
    stands = any(one.node[0] == "incident" for one in events)
    return not stands, -len(events), RELATIONS[name.partition(":")[0]].rank, name


class _Groups:
    """Nodes that belong together (a union-find), with the incidents and bonds of each."""

    def __init__(self, loose: set[int], bonds: Mapping[int, set[str]]) -> None:
        self.loose, self.known_bonds = loose, bonds
        self.above: dict[Node, Node] = {}
        self.incidents: defaultdict[Node, set[int]] = defaultdict(set)  # by the top node
        self.bonds: defaultdict[Node, set[str]] = defaultdict(set)
        self.why: dict[int, Why] = {}

    def top(self, node: Node) -> Node:
        if node not in self.above:
            self.above[node] = node
            if node[0] == "incident":
                self.incidents[node].add(node[1])
                self.bonds[node] |= self.known_bonds.get(node[1], set())
        while self.above[node] != node:
            self.above[node] = self.above[self.above[node]]
            node = self.above[node]
        return node

    def tie(self, found: Link) -> bool:
        """False where the two may not become one."""
        one, other = self.top(found.one.node), self.top(found.other.node)
        if one != other:
            if not self._may(self.incidents[one], self.incidents[other], found.relation):
                return False
            self.incidents[one] |= self.incidents.pop(other, set())
            self.bonds[one] |= self.bonds.pop(other, set())
            self.above[other] = one
        for event, beside in ((found.one, found.other), (found.other, found.one)):
            if event.of is not None and event.node[1] not in self.why:
                self.why[event.node[1]] = Why(found.relation, reason(event.of, beside.key))
        return True

    def _may(self, these: set[int], those: set[int], relation: str) -> bool:
        """Incidents that people have touched are left as they are."""
        if not these or not those:
            return True
        return RELATIONS[relation].merges and len((these | those) - self.loose) <= 1

    def bond(self, key: str, events: list[Event]) -> None:
        free = [one for one in events if not self.bonds[self.top(one.node)] or key in self.bonds[self.top(one.node)]]
        free.sort(key=lambda one: (one.at, one.node))
        for found in _chain(free, key.partition(":")[0]):
            if self.top(found.one.node) != self.top(found.other.node) and self.tie(found):
                self.bonds[self.top(found.one.node)].add(key)

    def of(self, subjects: Sequence[Subject]) -> list[Group]:
        found: defaultdict[Node, Group] = defaultdict(Group)
        for subject in subjects:
            top = self.top(("alert", subject.pk))
            found[top].alerts.append(subject.pk)
            found[top].incidents, found[top].bonds = sorted(self.incidents[top]), self.bonds[top]
        return list(found.values())
