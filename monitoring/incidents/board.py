"""The list of incidents: search, facets with counts, order, pages. All of its state is in the address."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet

from accounts.models import User
from aiops.facets import Asked, Facet, Value, without
from monitoring.alerts.models import RANKS, Alert
from monitoring.alerts.rows import BY_SEVERITY
from monitoring.incidents import filters
from monitoring.incidents.models import Incident, IncidentAlert
from monitoring.incidents.words import STATUSES, Shown, Status

PER_PAGE = 50
MOST_COUNTED = 20_000  # incidents whose facets are counted, the newest
MOST_VALUES = 40
VIEWS = {"open": "Open", "resolved": "Resolved", "all": "All"}
SORTS = {
    "began": "detected_at", "title": "title", "alerts": "alert_count", "ended": "resolved_at", "severity": "severity", "number": "id",
}  # fmt: skip
FACETS = {"status": "Status", "severity": "Severity", "commander": "Commander", "service": "Service"}
Trait = tuple[str, str, int | None, list[str]]
READS: dict[str, Callable[[Trait], list[str]]] = {
    "status": lambda one: [one[0]],
    "severity": lambda one: [one[1]],
    "commander": lambda one: [str(one[2] or "none")],
    "service": lambda one: one[3],
}


@dataclass
class Board(Asked):
    view_names = VIEWS
    sort_names = SORTS
    facet_names = FACETS
    usual_view = "open"
    usual_sort = "-began"

    def _base(self) -> QuerySet[Incident]:
        rows = Incident.counted()
        over = {"open": False, "resolved": True}.get(self.view)
        return rows if over is None else rows.filter(status=Status.RESOLVED) if over else rows.exclude(status=Status.RESOLVED)

    @cached_property
    def found(self) -> QuerySet[Incident]:
        return self._filtered("")

    def _filtered(self, but: str) -> QuerySet[Incident]:
        try:
            return filters.filtered(self._base(), self.query, but)
        except filters.Unclear as unclear:
            raise BadRequest(str(unclear)) from unclear

    def page(self) -> Page[Any]:
        column, descending = self.sort
        if column == "severity":
            rows = self.found.order_by(BY_SEVERITY.desc() if descending else BY_SEVERITY.asc(), "-detected_at", "-pk")
        else:
            rows = self.found.order_by(("-" if descending else "") + SORTS[column], "-pk")
        page: Page[Any] = Paginator(rows.select_related("commander").defer("notes_md"), PER_PAGE).get_page(self.query.get("page"))
        page.object_list = shown(list(page.object_list))
        return page

    # -- facets ----------------------------------------------------------------------------------------------------------
    @cached_property
    def _traits(self) -> list[Trait]:
        """Of all that the view and the words find, whatever is ticked."""
        query = self.query.copy()
        for name in FACETS:
            query.pop(name, None)
        rows = filters.filtered(self._base(), query).order_by("-pk")
        return list(rows.values_list("status", "severity", "commander_id", "services")[:MOST_COUNTED])

    @cached_property
    def people(self) -> dict[str, str]:
        ids = {one[2] for one in self._traits if one[2]}
        return {str(pk): name for pk, name in User.objects.filter(pk__in=ids).values_list("pk", "name")}

    def facets(self) -> list[Facet]:
        found = [self._facet(name) for name in FACETS]
        return [one for one in found if len(one.all) > 1 or any(value.checked for value in one.all)]

    def _kept(self, but: str) -> Iterable[Trait]:
        wanted = {name: values for name, values in self.chosen.items() if values and name != but}
        return (one for one in self._traits if all(not values.isdisjoint(READS[name](one)) for name, values in wanted.items()))

    def _facet(self, name: str) -> Facet:
        counts = Counter(value for one in self._kept(name) for value in READS[name](one))
        for value in self.chosen[name]:
            counts.setdefault(value, 0)
        values = [self._value(name, key, count) for key, count in counts.items()]
        order: dict[str, list[str]] = {"status": list(Status.values), "severity": list(RANKS)}
        fixed = {key: place for place, key in enumerate(order.get(name, ["none"]))}
        values.sort(key=lambda one: (fixed.get(one.value, 99), not one.checked, -one.count, one.label))
        return Facet(name, FACETS[name], values[:MOST_VALUES])

    def _value(self, name: str, key: str, count: int) -> Value:
        checked = key in self.chosen[name]
        if name == "status" and key in STATUSES:
            sign = STATUSES[Status(key)]
            return Value(key, sign.label, count, checked, sign.icon, sign.tone)
        if name == "severity" and key in RANKS:
            return Value(key, key.capitalize(), count, checked, key, f"sev sev-{key}")
        label = ("Nobody" if key == "none" else self.people.get(key, "Somebody who left")) if name == "commander" else key
        return Value(key, label, count, checked)

    def chips(self) -> list[dict[str, str]]:
        chips = []
        for name, values in self.chosen.items():
            for key in sorted(values):
                chips.append({"title": FACETS[name], "value": self._value(name, key, 0).label, "url": without(self.query, name, key)})
        return chips


def shown(incidents: list[Incident]) -> list[Shown]:
    """With how many of its alerts go on; one statement."""
    rows = IncidentAlert.objects.filter(incident__in=[one.pk for one in incidents]).exclude(alert__state=Alert.State.RESOLVED)
    firing = dict(rows.order_by().values_list("incident").annotate(Count("pk")))
    return [Shown(one, firing.get(one.pk, 0)) for one in incidents]


def counts() -> dict[str, int]:
    """Of incidents that are not resolved, by status."""
    rows = Incident.counted().exclude(status=Status.RESOLVED).order_by().values_list("status").annotate(Count("pk"))
    return {str(status): count for status, count in rows}
