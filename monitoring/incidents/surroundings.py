"""The resources of an incident and how they hang on each other, as a tree: what others need or run on stands above them. One that several
of them hang on is shown although no alert is about it; so is what one of them runs on."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.rows import icon_of
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.inventory.topology import PLACES, Topology

MOST_AFFECTED, MOST_SHOWN = 200, 300  # resources
DEEPEST = 6  # levels that are indented


@dataclass
class About:
    """What the incident's alerts say of one resource."""

    alerts: int = 0
    firing: int = 0
    severity: str = ""  # the worst
    root: bool = False


@dataclass
class Line:
    pk: int
    kind: str
    name: str
    level: int
    relation: str  # to the line above it, as a person says it; empty at the top
    also: list[str] = field(default_factory=list)  # what else it hangs on
    about: About | None = None  # None: no alert is about it

    @property
    def icon(self) -> str:
        return icon_of(self.kind)


@dataclass
class Surroundings:
    lines: list[Line]
    affected: int
    hidden: int  # affected resources that are not shown
    elsewhere: int  # alerts about nothing that the inventory knows


def surroundings(incident: Incident) -> Surroundings:
    """A fixed number of statements."""
    found, elsewhere = _affected(incident)
    shown = sorted(found, key=lambda pk: (not found[pk].root, -RANKS.get(found[pk].severity, 0), pk))[:MOST_AFFECTED]
    topology = Topology.of(shown)
    here = _shown(topology, [pk for pk in shown if pk in topology.places])
    return Surroundings(list(_lines(topology, here, found)), len(found), len(found) - len(shown), elsewhere)


def _affected(incident: Incident) -> tuple[dict[int, About], int]:
    found: defaultdict[int, About] = defaultdict(About)
    elsewhere = 0
    rows = IncidentAlert.objects.filter(incident=incident).values_list("alert_id", "alert__resource_id", "alert__severity", "alert__state")
    for alert, resource, severity, state in rows:
        if resource is None:
            elsewhere += 1
            continue
        about = found[resource]
        about.alerts += 1
        about.firing += state == Alert.State.FIRING
        about.root |= alert == incident.root_alert_id
        about.severity = max(about.severity, severity, key=lambda one: RANKS.get(one, 0))
    return dict(found), elsewhere


def _shown(topology: Topology, affected: list[int]) -> list[int]:
    """The affected first, then what is above them and worth a line."""
    hangs = Counter(other for pk in affected for other in topology.above(pk))
    hosts = {topology.places[pk].parent for pk in affected}
    known = set(affected)
    more = [
        pk
        for pk, count in sorted(hangs.items(), key=lambda one: (-one[1], one[0]))
        if pk not in known and topology.places[pk].kind not in PLACES and (count > 1 or pk in hosts)
    ]
    return [*affected, *more][:MOST_SHOWN]


def _lines(topology: Topology, here: list[int], found: Mapping[int, About]) -> Iterator[Line]:
    uppers, shown = _uppers(topology, here, found), set(here)
    below: defaultdict[int | None, list[int]] = defaultdict(list)
    for pk in here:
        below[uppers.get(pk)].append(pk)
    waiting = [(pk, 0) for pk in reversed(_ordered(topology, below[None], found))]
    while waiting:
        pk, level = waiting.pop()
        place, upper = topology.places[pk], uppers.get(pk)
        also = [
            topology.places[one].name for one, step in topology.above(pk).items() if step.distance == 1 and one in shown and one != upper
        ]
        relation = _said(topology, pk, upper) if upper else ""
        yield Line(pk, place.kind, place.name, min(level, DEEPEST), relation, sorted(also)[:3], found.get(pk))
        waiting += [(one, level + 1) for one in reversed(_ordered(topology, below[pk], found))]


def _uppers(topology: Topology, here: list[int], found: Mapping[int, About]) -> dict[int, int]:
    """Of each resource the nearest one shown that it hangs on, of equals one with alerts. What needs each other goes round no circle."""
    uppers: dict[int, int] = {}
    shown = set(here)
    for pk in here:
        near = [(step.distance, one not in found, not step.runs_on, one) for one, step in topology.above(pk).items() if one in shown]
        for _, _, _, one in sorted(near):
            if pk not in _climb(uppers, one):
                uppers[pk] = one
                break
    return uppers


def _climb(uppers: Mapping[int, int], pk: int) -> set[int]:
    path = {pk}
    while (upper := uppers.get(pk)) is not None:
        path.add(upper)
        pk = upper
    return path


def _ordered(topology: Topology, pks: list[int], found: Mapping[int, About]) -> list[int]:
    nothing = About()

    def order(pk: int) -> tuple[bool, int, str]:
        about = found.get(pk, nothing)
        return not about.root, -RANKS.get(about.severity, 0), topology.places[pk].name

    return sorted(pks, key=order)


def _said(topology: Topology, pk: int, upper: int) -> str:
    step = topology.above(pk)[upper]
    verb = "runs on" if step.runs_on else "needs"
    return f"{verb} {topology.places[upper].name}{'' if step.distance == 1 else ', over others'}"
