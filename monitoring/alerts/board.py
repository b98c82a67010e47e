"""The list of alerts: search, facets with counts, order, groups, pages. All of its state is in the address."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils.functional import cached_property

from accounts.models import User
from aiops.facets import order_of
from aiops.templatetags.ui import NBSP
from aiops.timerange import TimeRange
from monitoring.alerts import facets, filters, memberships, rows, standing
from monitoring.alerts.facets import Facet, Words
from monitoring.alerts.models import RANKS
from monitoring.alerts.rows import OWNERSHIP, Row
from monitoring.alerts.searching import id_test, word_test
from monitoring.alerts.standing import Member

PER_PAGE = 50
SORTS = ("severity", "name", "resource", "owner", "age")
GROUPS = {"": "Flat", "incident": "Incident", "resource": "Resource", "name": "Alert", "severity": "Severity"}
IDS = ("resource", "rule", "silence")  # filters that pages link with
OWNERS = {name: place for place, name in enumerate(OWNERSHIP)}
ANY = "any"
LABEL = "label"
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Group:
    key: str
    label: str
    count: int
    url: str = ""
    icon: str = ""


@dataclass(frozen=True)
class Line:
    """A row, and the heading of its group where it is the group's first on this page."""

    row: Row
    group: Group | None = None


@dataclass
class Board:
    query: QueryDict
    span: TimeRange
    me: int = 0

    @cached_property
    def text(self) -> str:
        return self.query.get("q", "").strip()[:500]

    @cached_property
    def chosen(self) -> dict[str, set[str]]:
        """By facet. Without a word about it: what fires and is not suppressed."""
        found = {name: set(self.query.getlist(name)) - {"", ANY} for name in facets.NAMES}
        found["assignee"] = {str(self.me) if value == "me" else value for value in found["assignee"]}
        for name in ("state", "severity", "ownership"):
            if sentence := filters.unknown(name, found[name]):
                raise BadRequest(f"{name}: {sentence}")
        if not found["state"] and ANY not in self.query.getlist("state"):
            found["state"] = {"firing"}
        if not found["suppressed"] and not self._shows_suppressed:
            found["suppressed"] = {"none"}
        return found

    @property
    def _shows_suppressed(self) -> bool:
        return ANY in self.query.getlist("suppressed") or bool(self.query.get("silence")) or "resolved" in self.query.getlist("state")

    @cached_property
    def labels(self) -> set[str]:
        return set(self.query.getlist(LABEL)) - {""}

    @cached_property
    def ids(self) -> dict[str, int]:
        found = {}
        for name in IDS:
            text = self.query.get(name, "")
            number = filters.as_id(text) if text else None
            if text and number is None:
                raise BadRequest(f"{name} must be a number, not {text[:40]!r}.")
            if number is not None:
                found[name] = number
        return found

    @cached_property
    def sort(self) -> tuple[str, bool]:
        """(column, descending). BadRequest for a column that does not exist."""
        return order_of(self.query.get("sort", "-severity"), SORTS)

    @cached_property
    def group(self) -> str:
        asked = self.query.get("group", "")
        if asked not in GROUPS:
            raise BadRequest(f"group must be one of {', '.join(filter(None, GROUPS))}, not {asked[:40]!r}.")
        return asked

    # -- which -----------------------------------------------------------------------------------------------------------
    @cached_property
    def everything(self) -> list[Member]:
        """Those that fire or are pending, and those that ended in the range."""
        start, end = self.span.start.timestamp(), self.span.end.timestamp() + (60 if self.span.live else 0)
        held = standing.members()
        if self.span.start >= standing.horizon():
            ended = [one for one in held if one.resolved is not None and start <= one.resolved < end]
        else:
            ended = standing.resolved(self.span.start, self.span.end)
        return [one for one in held if one.resolved is None] + standing.pending() + ended

    @cached_property
    def base(self) -> list[Member]:
        """What words and ids leave, before the facets."""
        tests = [*map(word_test, self.text.lower().split()), *(id_test(name, pk) for name, pk in self.ids.items())]
        found = self.everything
        for test in tests:
            found = [one for one in found if test(one)]
        return found

    @cached_property
    def unlabelled(self) -> list[Member]:
        """Found but for the labels chosen."""
        passing: dict[int, bool] = {}
        found = []
        for one in self.base:
            key = id(one.traits)
            if key not in passing:
                passing[key] = not facets.failing(one.traits, self.chosen)
            if passing[key]:
                found.append(one)
        return found

    @cached_property
    def found(self) -> list[Member]:
        return self._labelled(self.unlabelled)

    def _labelled(self, members: list[Member]) -> list[Member]:
        """Of one label any of the values chosen, all of the labels."""
        by_name: dict[str, set[str]] = {}
        for pair in self.labels:
            by_name.setdefault(pair.partition(":")[0], set()).add(pair)
        for pairs in by_name.values():
            members = [one for one in members if not pairs.isdisjoint(one.labels)]
        return members

    @cached_property
    def words(self) -> Words:
        owners = {one.traits.assignee for one in self.everything} | self.chosen["assignee"]
        numbers = [pk for pk in map(filters.as_id, owners) if pk is not None]
        people = {str(pk): name for pk, name in User.objects.filter(pk__in=numbers).values_list("pk", "name")}
        return Words(people, str(self.me), short(self.span))

    def facets(self) -> list[Facet]:
        found = facets.of_traits(self._labelled(self.base), self.chosen, self.words)
        return found + facets.of_labels(self.unlabelled, self.labels)

    # -- in which order ----------------------------------------------------------------------------------------------------
    @cached_property
    def ordered(self) -> list[Member]:
        column, descending = self.sort
        found = sorted(self.found, key=lambda one: (-one.since, -one.pk))  # the newest first among equals
        found.sort(key=ORDER[column], reverse=descending)
        if self.group:
            found.sort(key=self._group_rank)
        return found

    @cached_property
    def grouped(self) -> dict[int, Group]:
        """The group of each alert found, where they are grouped."""
        incidents = memberships.of([one.pk for one in self.found]) if self.group == "incident" else {}
        named = {one.pk: self._group_of(one, incidents.get(one.pk)) for one in self.found}
        counts: dict[str, int] = {}
        for group in named.values():
            counts[group.key] = counts.get(group.key, 0) + 1
        whole = {group.key: Group(group.key, group.label, counts[group.key], group.url, group.icon) for group in named.values()}
        return {pk: whole[group.key] for pk, group in named.items()}

    def _group_of(self, one: Member, incident: memberships.Membership | None) -> Group:
        if self.group == "incident":
            if incident is None:
                return Group("", "No incident", 0, "", "alerts")
            return Group(incident.key, f"{incident.label} {incident.title}", 0, incident.url, "incidents")
        if self.group == "resource":
            return Group(str(one.resource or ""), one.resource_name or "No resource", 0, "", rows.icon_of(one.traits.kind))
        if self.group == "severity":
            return Group(one.traits.severity, one.traits.severity.capitalize(), 0, "", one.traits.severity)
        return Group(one.traits.name, one.traits.name, 0, "", "alerts")

    @cached_property
    def _worst(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in self.found:
            key = self.grouped[one.pk].key
            found[key] = max(found.get(key, 0), RANKS[one.traits.severity])
        return found

    def _group_rank(self, one: Member) -> Key:
        group = self.grouped[one.pk]
        return (not group.key, -self._worst[group.key], -group.count, group.label)

    def page(self) -> "Page[Any]":
        """The lines of the page asked for; a page beyond the end is the last one."""
        page: Page[Any] = Paginator(self.ordered, PER_PAGE).get_page(self.query.get("page"))
        before = ""
        lines: list[Line] = []
        for row in rows.by_ids([one.pk for one in page.object_list]):
            group = self.grouped.get(row.alert.pk) if self.group else None
            lines.append(Line(row, group if group and (not lines or group.key != before) else None))
            before = group.key if group else ""
        page.object_list = lines
        return page

    # -- what the head says --------------------------------------------------------------------------------------------------
    def chips(self) -> list[dict[str, str]]:
        """Active filters, each with the address without it."""
        found = [
            {"title": facets.NAMES[name], "value": self.words.of(name, value), "url": self._without(name, value)}
            for name, values in self.chosen.items()
            for value in sorted(values)
            if not (name == "suppressed" and not self.query.getlist("suppressed"))
        ]
        found += [
            {"title": pair.partition(":")[0], "value": pair.partition(":")[2], "url": self._without(LABEL, pair)}
            for pair in sorted(self.labels)
        ]
        return found + [{"title": name.capitalize(), "value": self._called(name), "url": self._without(name, "")} for name in self.ids]

    def _called(self, name: str) -> str:
        """A resource by its name, where one of its alerts is here."""
        pk = self.ids[name]
        names = (one.resource_name for one in self.found if name == "resource" and one.resource == pk)
        return next(names, str(pk))

    def _without(self, name: str, value: str) -> str:
        rest = self.query.copy()
        given = rest.getlist(name)
        value = "me" if name == "assignee" and value == str(self.me) and value not in given else value
        rest.setlist(name, [other for other in given if other != value and value])
        if name == "state" and not rest.getlist(name):
            rest["state"] = ANY
        rest.pop("page", None)
        return f"?{rest.urlencode()}"

    @property
    def filters_set(self) -> int:
        given = sum(len(self.query.getlist(name)) for name in facets.NAMES)
        return given + len(self.labels) + len(self.ids)

    def totals(self) -> dict[str, Any]:
        """Of everything that fires, whatever the filters: on how many resources, how many are hidden and by what."""
        fire = [one for one in self.everything if one.traits.state == "firing"]
        hidden = [one for one in fire if one.silences]
        by = {kind: {pk for one in hidden if kind in one.traits.suppressed for pk in one.silences} for kind in ("silence", "maintenance")}
        return {
            "firing": len(fire) - len(hidden), "hidden": len(hidden),
            "resources": len({one.resource for one in fire if one.resource and not one.silences}),
            "silences": len(by["silence"] - by["maintenance"]), "maintenances": len(by["maintenance"]),
        }  # fmt: skip


def short(span: TimeRange) -> str:
    """24 h, 7 d; a range of its own is that."""
    return f"{span.relative[4:-1]}{NBSP}{span.relative[-1].replace('m', 'min')}" if span.relative else "in range"


ORDER: dict[str, Callable[[Member], Any]] = {
    "severity": lambda one: RANKS[one.traits.severity],
    "name": lambda one: one.traits.name.lower(),
    "resource": lambda one: one.resource_name.lower(),
    "owner": lambda one: OWNERS[one.traits.ownership],
    "age": lambda one: -one.since,  # the oldest have the most
}
