"""Facets of the list of alerts: each counts what it would show, given all the others."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from aiops.facets import Facet, Value
from monitoring.alerts.models import RANKS
from monitoring.alerts.rows import ICONS, OWNERSHIP
from monitoring.alerts.standing import Member, Traits

MOST = 40  # values of a facet
LABEL_FACETS = 4
STATES = {"firing": "Firing", "pending": "Pending", "resolved": "Resolved"}
SUPPRESSED = {"none": "Nothing", "silence": "Silence", "maintenance": "Maintenance"}
ORIGINS = {"real": "Measured", "anomaly": "Anomaly", "predictive": "Forecast"}
KINDS = {"vm": "VM", "gpu": "GPU", "agent": "AI agent"}
NAMES = {
    "state": "State", "severity": "Severity", "ownership": "Progress", "assignee": "Owner", "suppressed": "Suppressed by", "kind": "Kind",
    "name": "Alert", "source": "Source", "origin": "Origin", "flapping": "Flapping",
}  # fmt: skip
ALWAYS = ("state", "severity", "ownership", "assignee", "suppressed")
ORDERS: dict[str, Iterable[str]] = {"state": STATES, "severity": RANKS, "ownership": OWNERSHIP, "suppressed": SUPPRESSED}
Chosen = Mapping[str, set[str]]


@dataclass(frozen=True)
class Words:
    """How values are called here: people by their names, the range of the ended ones."""

    people: Mapping[str, str]
    me: str
    range: str

    def of(self, name: str, value: str) -> str:
        if name == "assignee":
            return "Nobody" if value == "none" else "Me" if value == self.me else self.people.get(value, "Somebody who left")
        if name == "state" and value == "resolved":
            return f"Resolved, {self.range}"
        known: dict[str, Mapping[str, str]] = {
            "state": STATES, "ownership": OWNERSHIP, "suppressed": SUPPRESSED, "origin": ORIGINS, "kind": KINDS,
        }  # fmt: skip
        return known.get(name, {}).get(value) or (value if name in ("name", "source") else value.replace("_", " ").capitalize())


def values_of(traits: Traits, name: str) -> tuple[str, ...]:
    found = getattr(traits, name)
    return found if isinstance(found, tuple) else (found,) if found else ()


def failing(traits: Traits, chosen: Chosen) -> list[str]:
    """Names of the facets that leave it out."""
    return [name for name, wanted in chosen.items() if wanted and wanted.isdisjoint(values_of(traits, name))]


def of_traits(base: Iterable[Member], chosen: Chosen, words: Words) -> list[Facet]:
    """`chosen` by facet; an empty set chooses all. A facet with one value tells nothing and is left out."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    for traits, count in Counter(one.traits for one in base).items():
        missed = failing(traits, chosen)
        for name in NAMES if not missed else missed if len(missed) == 1 else ():
            for value in values_of(traits, name):
                counts[name][value] += count
    facets = [_facet(name, counts[name], chosen.get(name, set()), words) for name in NAMES]
    return [one for one in facets if len(one.all) > 1 or one.name in ALWAYS or any(value.checked for value in one.all)]


def _facet(name: str, counts: Counter[str], chosen: set[str], words: Words) -> Facet:
    for value in (*ORDERS.get(name, ()), *chosen, *(("none", words.me) if name == "assignee" else ())):
        counts.setdefault(value, 0)
    values = [Value(key, words.of(name, key), count, key in chosen, *_sign(name, key)) for key, count in counts.items()]
    return Facet(name, NAMES[name], sorted(values, key=_order(name, words))[:MOST])


def _order(name: str, words: Words) -> Callable[[Value], tuple[object, ...]]:
    fixed = {value: place for place, value in enumerate(ORDERS.get(name, ("none", words.me) if name == "assignee" else ()))}
    return lambda one: (fixed.get(one.value, 99), not one.checked, -one.count, one.label)


def _sign(name: str, value: str) -> tuple[str, str]:
    if name == "severity":
        return (value, f"sev sev-{value}") if value in RANKS else ("", "")
    return (value if value in ICONS else "resources", "t3") if name == "kind" else ("", "")


def of_labels(found: Iterable[Member], chosen: set[str]) -> list[Facet]:
    """Labels that tell these alerts apart: on several of them, with more than one value and not nearly one each."""
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for pair, count in Counter(chain.from_iterable(one.labels for one in found)).items():
        name, _, value = pair.partition(":")
        names[name][value] = count
    for pair in chosen:
        name, _, value = pair.partition(":")
        names[name].setdefault(value, 0)
    picked = {pair.partition(":")[0] for pair in chosen}
    telling = [name for name in names if name in picked or (name not in OURS and _tells(names[name]))]
    telling.sort(key=lambda name: (name not in picked, -sum(names[name].values()), name))
    return [_label_facet(name, names[name], chosen) for name in telling[:LABEL_FACETS]]


OURS = {"alertname", "severity"}  # facets of their own


def _tells(counts: Counter[str]) -> bool:
    return 1 < len(counts) <= sum(counts.values()) * 2 / 3


def _label_facet(name: str, counts: Counter[str], chosen: set[str]) -> Facet:
    shown = dict(counts.most_common(MOST)) | {value: counts[value] for value in counts if f"{name}:{value}" in chosen}
    values = [Value(f"{name}:{value}", value or "–", count, f"{name}:{value}" in chosen) for value, count in shown.items()]
    return Facet("label", name.replace("_", " ").capitalize(), values)
