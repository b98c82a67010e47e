"""The list of resources: search, facets with counts, order, pages. All of its state is in the address."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils.functional import cached_property

from aiops.facets import Facet, Value, order_of, without
from aiops.timerange import now_ms
from monitoring.dashboards import kinds, utilisation
from monitoring.dashboards.members import Member, members
from monitoring.inventory.models import Resource
from monitoring.sources.models import Source

PER_PAGE = 50
LABEL_FACETS = 4
ORDER = {status: at for at, status in enumerate(kinds.STATUSES)}
VIEWS = ("list", "servers")
SERVERS = ("host", "vm", "node")  # kinds that the view of servers shows where none is chosen
SORTS = ("health", "name", "kind", "cpu", "memory", "disk", "network", "seen")


@dataclass
class Row:
    resource: Member
    use: utilisation.Use

    @property
    def status(self) -> kinds.Status:
        return kinds.STATUSES[self.resource.status]

    @property
    def kind(self) -> kinds.Kind:
        return kinds.kind(self.resource.kind)


def _labels(resource: Member) -> list[str]:
    return [f"{name}:{value}" for name, value in resource.labels.items()]


READS: dict[str, Callable[[Member], list[str]]] = {
    "health": lambda resource: [resource.status if resource.state == Resource.State.REPORTING else ""],
    "state": lambda resource: [resource.state],
    "kind": lambda resource: [resource.kind],
    "source": lambda resource: [str(resource.source_id or "")],
    "label": _labels,
}


@dataclass
class Listing:
    query: QueryDict
    sources: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        return self.query.get("q", "").strip()

    @cached_property
    def chosen(self) -> dict[str, set[str]]:
        return {name: set(self.query.getlist(name)) - {""} for name in READS}

    @cached_property
    def sort(self) -> tuple[str, bool]:
        """(column, descending). BadRequest for a column that does not exist."""
        return order_of(self.query.get("sort", "health"), SORTS)

    @cached_property
    def view(self) -> str:
        """list, or servers as cards. BadRequest for another."""
        asked = self.query.get("view", VIEWS[0])
        if asked not in VIEWS:
            raise BadRequest(f"view must be one of {', '.join(VIEWS)}, not {asked[:40]!r}.")
        return asked

    @cached_property
    def everything(self) -> list[Member]:
        return members()

    @cached_property
    def searched(self) -> list[Member]:
        words = self.text.lower().split()
        return [one for one in self.everything if all(_matches(one, word) for word in words)] if words else self.everything

    def _kept(self, but: str = "") -> Iterable[Member]:
        wanted = {name: values for name, values in self.chosen.items() if values and name != but}
        return (one for one in self.searched if all(_passes(one, name, values) for name, values in wanted.items()))

    @cached_property
    def found(self) -> list[Member]:
        kept = list(self._kept())
        return [one for one in kept if one.kind in SERVERS] if self.view == "servers" and not self.chosen["kind"] else kept

    @property
    def filters_set(self) -> int:
        return sum(map(len, self.chosen.values()))

    def _group_of(self, one: Member) -> tuple[bool, str]:
        value = str(one.labels.get(self.query.get("by") or "role", ""))
        return value == "", value.lower()

    # -- facets ----------------------------------------------------------------------------------------------------------
    def facets(self) -> list[Facet]:
        facets = [self._facet("health", "Health", self._band), self._facet("state", "State", str.capitalize)]
        facets += [self._facet("kind", "Kind", lambda key: kinds.kind(key).one), self._facet("source", "Source", self._source)]
        return [facet for facet in facets if len(facet.all) > 1 or any(value.checked for value in facet.all)] + self._label_facets()

    @staticmethod
    def _band(key: str) -> str:
        return kinds.STATUSES[key].label if key in kinds.STATUSES else key

    def _source(self, key: str) -> str:
        return self.sources.get(key, "Removed source")

    def _facet(self, name: str, label: str, word: Callable[[str], str]) -> Facet:
        counts = Counter(value for one in self._kept(but=name) for value in READS[name](one) if value)
        for value in self.chosen[name]:
            counts.setdefault(value, 0)
        values = [Value(key, word(key), count, key in self.chosen[name], *_sign(name, key)) for key, count in counts.items()]
        rank = (lambda value: (ORDER.get(value.value, 99),)) if name == "health" else (lambda value: (-value.count, value.label))
        return Facet(name, label, sorted(values, key=rank))

    def _label_facets(self) -> list[Facet]:
        """The labels that tell resources apart: on several of them, with more than one value and not nearly one each."""
        names: dict[str, Counter[str]] = {}
        for one in self._kept(but="label"):
            for name, value in one.labels.items():
                names.setdefault(name, Counter())[str(value)] += 1
        chosen = {pair.partition(":")[0] for pair in self.chosen["label"]}
        telling = [name for name, counts in names.items() if name in chosen or 1 < len(counts) <= sum(counts.values()) * 2 / 3]
        telling.sort(key=lambda name: (name not in chosen, -sum(names[name].values()), name))
        return [self._label_facet(name, names[name]) for name in telling[:LABEL_FACETS]]

    def _label_facet(self, name: str, counts: Counter[str]) -> Facet:
        values = [
            Value(f"{name}:{value}", value or "–", count, f"{name}:{value}" in self.chosen["label"])
            for value, count in counts.most_common(40)
        ]
        return Facet("label", name.replace("_", " ").capitalize(), values)

    def chips(self) -> list[dict[str, str]]:
        """Active filters, each with the address without it."""
        words = {"health": self._band, "state": str.capitalize, "kind": lambda key: kinds.kind(key).one, "source": self._source}
        chips = []
        for name, values in self.chosen.items():
            for value in sorted(values):
                title, _, shown = value.partition(":") if name == "label" else (name.capitalize(), "", words[name](value))
                chips.append({"title": title, "value": shown, "url": without(self.query, name, value)})
        return chips

    # -- rows ------------------------------------------------------------------------------------------------------------
    def page(self) -> "Page[Any]":
        """The rows of the page asked for; a page beyond the end is the last one."""
        column, descending = self.sort
        use = utilisation.of_fleet(now_ms()) if column in utilisation.COLUMNS else {}
        ordered = sorted(self.found, key=lambda one: _rank(one, column, use.get(one.pk), descending), reverse=descending)
        if self.view == "servers":  # groups stay together over pages
            ordered.sort(key=lambda one: self._group_of(one))
        page: Page[Any] = Paginator(ordered, PER_PAGE).get_page(self.query.get("page"))
        shown = list(page.object_list)
        use = use or utilisation.now_of([one.pk for one in shown], now_ms())
        page.object_list = [Row(one, use.get(one.pk, utilisation.Use())) for one in shown]
        return page


def listing(query: QueryDict) -> Listing:
    return Listing(query, {str(pk): name for pk, name in Source.objects.values_list("pk", "name")})


def _matches(resource: Member, word: str) -> bool:
    name, separator, value = word.replace("=", ":", 1).partition(":")
    if separator and any(key.lower() == name and value in str(has).lower() for key, has in resource.labels.items()):
        return True
    haystack = (resource.name, resource.kind, kinds.kind(resource.kind).one, *map(str, resource.labels.values()))
    return any(word in text.lower() for text in haystack)


def _passes(resource: Member, name: str, wanted: set[str]) -> bool:
    has = READS[name](resource)
    if name != "label":
        return not wanted.isdisjoint(has)
    by_key: dict[str, set[str]] = {}
    for pair in wanted:
        by_key.setdefault(pair.partition(":")[0], set()).add(pair)
    return all(not values.isdisjoint(has) for values in by_key.values())


def _rank(resource: Member, column: str, use: utilisation.Use | None, descending: bool) -> tuple[Any, ...]:
    if column in utilisation.COLUMNS:
        value = getattr(use, column) if use else None
        return (value is not None) == descending, value or 0.0, resource.name  # what is not measured stands last
    if column == "seen":
        return (resource.last_seen, resource.name)
    if column == "health":
        return (ORDER[resource.status], resource.health if resource.health is not None else 101, resource.name)
    return (getattr(resource, column), resource.name)


def _sign(facet: str, key: str) -> tuple[str, str]:
    if facet == "health" and key in kinds.STATUSES:
        return kinds.STATUSES[key].icon, kinds.STATUSES[key].tone
    return (kinds.kind(key).icon, "t3") if facet == "kind" else ("", "")
