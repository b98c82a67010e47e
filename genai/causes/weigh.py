"""Brings what speaks for a cause together: the ranking by computation, what left its past, and the signs. One candidate is one resource,
but for the one in trouble, whose own figures are told apart by what they are about."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import NamedTuple

from genai.causes import lines as reading
from genai.causes import words
from genai.causes.departing import Departure
from genai.causes.lines import Line
from genai.causes.neighbours import FAR, Neighbours
from genai.causes.scene import Scene
from genai.causes.signs import Sign
from genai.rca import rank_causes

CLEAR = 8.0  # spreads: what left its past so far is told of also where the ranking stays silent
SUREST, UNSEEN = 0.95, 0.3  # nobody knows it all; the share of what is ranked without anything to be seen having left its past
BESIDE = 0.5  # of a sign's weight, where it speaks for what is known already
LATE = 300.0  # seconds after the beginning: an effect rather than a cause
MOST, LEAST = 6, 0.03  # hypotheses, and the share of the least likely
OWN_FAMILIES = 4
log = logging.getLogger(__name__)


class Share(NamedTuple):
    """What the ranking says of a resource."""

    resource: int
    share: float
    metric: str


@dataclass
class Left:
    """A series that left its past."""

    line: Line
    departure: Departure
    symptom: bool = False  # the alert itself is about it

    @property
    def onset(self) -> float:
        return self.departure.onset / 1000

    @property
    def weight(self) -> float:
        """0–1: how clearly it left, and how much its like tells."""
        return (1 - exp(-self.departure.spreads / 12)) * words.telling(self.line.metric)


@dataclass
class Candidate:
    resource: int | None
    origin: str  # series, change, alert, forecast, past …
    weight: float
    family: str = ""  # of the figures of the resource in trouble
    left: list[Left] = field(default_factory=list)  # the farthest first
    signs: list[Sign] = field(default_factory=list)
    metric: str = ""  # what the ranking found most telling
    onset: float | None = None
    late: bool = False


def ranked(scene: Scene, around: Neighbours, found: Sequence[Left], lines: Sequence[Line], turn: int) -> list[Share]:
    """Of the ranking by computation. It is given everything, the trouble's own place, and from when on things may
    have left their past (ms)."""
    graph = {one: sorted(others) for one, others in around.graph.items()}
    window = {"start": turn / 1000, "end": scene.end.timestamp(), "component": _alerting(scene, found)}
    try:
        hypotheses = rank_causes(graph, reading.as_case(lines), window)
    except Exception:  # what stands below still explains, and an alert's page must not fail
        log.exception("%s could not be ranked by computation", scene.subject)
        return []
    return [Share(one.component, float(one.score), one.metric) for one in hypotheses]


def _alerting(scene: Scene, found: Sequence[Left]) -> int | None:
    """Of a window over everything, what left its past the farthest."""
    if scene.alerting is not None or not found:
        return scene.alerting
    return max(found, key=lambda one: one.departure.spreads).line.resource


def candidates(scene: Scene, around: Neighbours, found: Sequence[Left], shares: Sequence[Share], signs: Sequence[Sign]) -> list[Candidate]:
    """The likeliest first; their weights add up to 1 at most."""
    by_resource: defaultdict[int, list[Left]] = defaultdict(list)
    for one in found:
        by_resource[one.line.resource].append(one)
    listed: list[Candidate] = []
    for resource, share, metric in shares:
        listed += _of_resource(scene, around, resource, share, metric, by_resource[resource])
    if not shares:
        listed += _silent(scene, around, by_resource)
    _attach(listed, signs)
    for candidate in listed:
        _judge(scene, candidate)
    return _shared(listed)


def _of_resource(scene: Scene, around: Neighbours, resource: int, share: float, metric: str, left: list[Left]) -> list[Candidate]:
    """The trouble's own figures may each be a cause, but not those it is about; another resource is one."""
    alone = len(around.places) == 1
    if resource != scene.alerting and not alone:
        seen = 1.0 if left or not metric else UNSEEN
        return [Candidate(resource, "series", share * seen, left=left, metric=metric)]
    own = _families([one for one in left if not one.symptom])
    told = share / sum(weight for _, _, weight in own) * own[0][2] if own else 0.0
    return [Candidate(resource, "series", told * weight, family, members, metric=members[0].line.name) for family, members, weight in own]


def _families(left: Sequence[Left]) -> list[tuple[str, list[Left], float]]:
    """(name, members, weight); what departed the farthest weighs most, and the earlier of two that did alike."""
    groups: defaultdict[str, list[Left]] = defaultdict(list)
    for one in sorted(left, key=lambda one: -one.weight):
        groups[words.family(one.line.metric)].append(one)
    first = min((_onset(members) for members in groups.values()), default=0.0)
    weighed = [(name, members, members[0].weight * exp(-(_onset(members) - first) / 1800)) for name, members in groups.items()]
    return sorted(weighed, key=lambda one: -one[2])[:OWN_FAMILIES]


def _onset(left: Sequence[Left]) -> float:
    """Of the clear ones the earliest."""
    clear = [one.onset for one in left if one.weight >= 0.5 * left[0].weight]
    return min(clear, default=0.0)


def _silent(scene: Scene, around: Neighbours, by_resource: Mapping[int, list[Left]]) -> list[Candidate]:
    """Nothing was ranked: what left its past very clearly, at the trouble itself or next to it, is told with little weight."""
    found = []
    for resource, left in by_resource.items():
        steps = around.steps.get(resource, FAR) if scene.focus else 0
        clear = [one for one in left if one.departure.spreads >= CLEAR]
        if clear and steps <= 1:
            share = 0.4 * max(one.weight for one in clear) / (1 + steps)
            found += _of_resource(scene, around, resource, share, clear[0].line.name, clear)
    return sorted(found, key=lambda one: -one.weight)[:MOST]


def _attach(listed: list[Candidate], signs: Sequence[Sign]) -> None:
    """To the likeliest candidate of its resource; a sign that stands alone is a candidate of its own, several of one resource are one."""
    for sign in sorted(signs, key=lambda one: -one.weight):
        own = [one for one in listed if one.resource == sign.resource and sign.resource is not None and sign.family in ("", one.family)]
        if own:
            best = max(own, key=lambda one: one.weight)
            best.signs.append(sign)
            best.weight = 1 - (1 - best.weight) * (1 - (0 if sign.against else BESIDE * sign.weight))
        elif not sign.against and sign.kind != "anomaly":
            listed.append(Candidate(sign.resource, sign.kind, sign.weight, sign.family, signs=[sign]))


def _judge(scene: Scene, one: Candidate) -> None:
    """When it began; what came late weighs less."""
    times = [_onset(one.left)] if one.left else []
    times += [sign.time.timestamp() for sign in one.signs if sign.time is not None and sign.kind in ("change", "execution")]
    one.onset = min(times, default=None)
    one.late = bool(one.left) and not scene.subject.startswith("window") and _onset(one.left) > scene.onset.timestamp() + LATE
    if one.late:
        one.weight *= 0.4


def _shared(listed: list[Candidate]) -> list[Candidate]:
    """Something is left for what nobody thought of."""
    for one in listed:
        one.weight = min(SUREST, one.weight)
    listed = sorted(listed, key=lambda one: -one.weight)[:MOST]
    whole = max(1.0, sum(one.weight for one in listed))
    for one in listed:
        one.weight = round(one.weight / whole, 4)
    return [one for one in listed if one.weight >= LEAST]
