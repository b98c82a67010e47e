"""By what two alerts are taken to belong together: each alert has keys, and two that share one within a short time are related.

The first word of a key says how: `own` the resource it is about, `on` and `needs` those that this one hangs on (related to alerts about
them, not to alerts about whatever else hangs on them), `beside` what it runs on or needs itself, `label` labels that say where and whose,
`storm` the same alert in many places at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import NamedTuple

from django.conf import settings

from monitoring.alerts.models import Alert
from monitoring.inventory.topology import PLACES, Topology

STORM = 10  # as many alerts of one name …
STORM_WINDOW = timedelta(minutes=2)  # … one so shortly after another are one trouble
LONGEST = 240  # characters of a key
NAMING = ("host", "hostname", "nodename", "node", "instance", "pod", "vm", "device_name")  # of things that the inventory does not know
SHORT = {"vm": "VM", "gpu": "GPU"}


class Relation(NamedTuple):
    rank: int  # the lower, the stronger
    windows: float  # how far apart in time two may be
    merges: bool  # whether two incidents that it joins become one, as long as nobody has touched them


RELATIONS = {
    "resource": Relation(0, 6, True),
    "on": Relation(1, 3, True),
    "needs": Relation(2, 3, True),
    "beside": Relation(3, 1, False),
    "label": Relation(4, 1, False),
    "storm": Relation(5, 0, True),
}
ABOUT = ("own", "on", "needs")


@dataclass(frozen=True)
class Key:
    """`words` is the reason as a person would say it; of an own resource, its name and kind."""

    text: str
    relation: str
    words: str

    @property
    def sort(self) -> str:
        return self.text.partition(":")[0]


def window() -> timedelta:
    return timedelta(minutes=settings.INCIDENT_WINDOW_MINUTES)


def reach(relation: str) -> timedelta:
    return STORM_WINDOW if relation == "storm" else window() * RELATIONS[relation].windows


def keys_of(alert: Alert, topology: Topology) -> list[Key]:
    storm = Key(text("storm", alert.name), "storm", f"One of many {alert.name} at the same time")
    return [*_places(alert, topology), *_labels(alert), storm]


def _places(alert: Alert, topology: Topology) -> Iterator[Key]:
    here = topology.places.get(alert.resource_id or 0)
    if here is None:
        yield from _named(alert.labels)
        return
    yield Key(f"own:{here.pk}", "resource", f"{SHORT.get(here.kind, here.kind)} {here.name}")
    for pk, step in topology.above(here.pk).items():
        place = topology.places[pk]
        relation, verb = ("on", "Runs on") if step.runs_on else ("needs", "Needs")
        verb = "Is in" if step.runs_on and place.kind in PLACES else verb
        yield Key(f"{relation}:{pk}", relation, f"{verb} {place.name}, which has alerts too")
        if step.distance == 1 and place.kind not in PLACES:
            yield Key(f"beside:{pk}", "beside", f"{verb} {place.name}, as others with alerts do")


def _named(labels: Mapping[str, str]) -> Iterator[Key]:
    """A machine that only its sender knows; the port of an instance does not tell two machines apart."""
    for label in NAMING:
        if name := str(labels.get(label, "")):
            name = name.rpartition(":")[0] or name if label == "instance" else name
            yield Key(text("own", "name", name), "resource", name)
            return


def _labels(alert: Alert) -> Iterator[Key]:
    for names in settings.INCIDENT_LABELS:
        parts = names.split("+")
        values = [alert.name if part == "alertname" else str(alert.labels.get(part, "")) for part in parts]
        if all(values):
            told = ", ".join(f"{part} {value}" for part, value in zip(parts, values, strict=True) if part != "alertname")
            yield Key(text("label", names, *values), "label", f"Same alert in {told}" if "alertname" in parts else f"Same {told}")


def text(*parts: str) -> str:
    whole = ":".join(parts).replace("\0", "")
    return whole if len(whole) <= LONGEST else f"{parts[0]}:{blake2b(whole.encode('utf-8', 'replace'), digest_size=20).hexdigest()}"


def counterparts(key: str) -> tuple[str, ...]:
    """The keys of others that one with this key may be related to."""
    sort, _, rest = key.partition(":")
    if sort == "own":
        return (key, f"on:{rest}", f"needs:{rest}")
    return (f"own:{rest}",) if sort in ABOUT else (key,)


def bucket(key: str) -> str:
    """Keys that may be counterparts have the same."""
    sort, _, rest = key.partition(":")
    return f"about:{rest}" if sort in ABOUT else key


def reason(key: Key, other: str) -> str:
    """Why one with this key belongs to one with the other."""
    if key.sort != "own":
        return key.words
    sort = other.partition(":")[0]
    verbs = {"on": "What runs on it has alerts too", "needs": "What needs it has alerts too"}
    return f"{verbs[sort]}: {key.words}" if sort in verbs else f"Same {key.words}"
