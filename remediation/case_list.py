"""The list of cases: search, facets with counts, order, pages, and how often each runbook helped. All of its state is in the address."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.http import QueryDict
from django.utils import timezone

from aiops.facets import Asked, Facet, without
from aiops.facets import Value as FacetValue
from remediation import case_rows, case_words
from remediation.models import Execution, Risk, Runbook

State = Execution.State
PER_PAGE, MOST_COUNTED, MOST_VALUES = 50, 20_000, 40
VIEWS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "all": ("All", ()),
    "open": ("Going on", Execution.OPEN),
    "over": ("Over", Execution.OVER),
}
SORTS = {"proposed": "created_at", "title": "title", "state": "state", "risk": "risk_rank", "ended": "finished_at", "number": "id"}
RISK_RANK = Case(
    *(When(risk=risk, then=Value(rank)) for rank, risk in enumerate(Risk.values)), default=Value(0), output_field=IntegerField()
)
# Each facet: its heading, and the column.
FACETS = {
    "state": ("State", "state"), "verification": ("Verification", "verification"), "risk": ("Risk", "risk"),
    "runbook": ("Runbook", "runbook_id"), "cause": ("Cause", "cause"), "target": ("Target", "target"),
}  # fmt: skip
ORDERS = {"state": list(case_words.STATES), "verification": list(case_words.VERIFICATIONS), "risk": list(case_words.RISKS)}
SIGNS = {"state": case_words.STATES, "verification": case_words.VERIFICATIONS}
SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
RATED = timedelta(days=30)


class Unclear(ValueError):
    """A filter that cannot be read: `name` of the parameter, one sentence."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


# -- which -----------------------------------------------------------------------------------------------------------------
def filtered(rows: QuerySet[Execution], given: QueryDict, but: str = "") -> QuerySet[Execution]:
    """All of the filters apply, except the one named `but`; several values of one are alternatives. Raises Unclear."""
    for name, (_, column) in FACETS.items():
        wanted = _wanted(name, given.getlist(name))
        if wanted and name != but:
            rows = rows.filter(
                **{f"{column}__in": [one for one in wanted if one != "none"]} if "none" not in wanted else {f"{column}__isnull": True}
            )
    for name in ("alert", "incident", "resource", "rule"):
        if text := given.get(name, ""):
            rows = rows.filter(**{f"{name}_id": number(name, text)})
    if rehearsed := given.get("dry_run", ""):
        rows = rows.filter(dry_run=_flag("dry_run", rehearsed))
    if span := given.get("since", ""):
        if span not in SPANS:
            raise Unclear("since", f"Choose one of {', '.join(SPANS)}.")
        rows = rows.filter(created_at__gte=timezone.now() - SPANS[span])
    return _searched(rows, given)


def _wanted(name: str, values: list[str]) -> list[str]:
    known = ORDERS.get(name)
    for value in values:
        if known and value not in known:
            raise Unclear(name, f"{value[:40]} is not known; there are {', '.join(known)}.")
        if name == "runbook" and value != "none":
            number(name, value)
        if "\0" in value:
            raise Unclear(name, "A NUL character cannot be searched for.")
    return [value for value in values if value]


def number(name: str, text: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise Unclear(name, "Write an id.")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise Unclear(name, "Write true or false.")
    return text == "true"


def _searched(rows: QuerySet[Execution], given: QueryDict) -> QuerySet[Execution]:
    text = (given.get("search") or given.get("q") or "").strip()
    if "\0" in text:
        raise Unclear("search", "A NUL character cannot be searched for.")
    for word in text.split()[:20]:
        found = Q(title__icontains=word) | Q(target__icontains=word) | Q(cause__icontains=word) | Q(requester__icontains=word)
        run = word.upper().removeprefix("RUN-")
        rows = rows.filter(found | Q(pk=int(run)) if run.isdecimal() and run.isascii() and len(run) < 19 else found)
    return rows


# -- the page --------------------------------------------------------------------------------------------------------------
@dataclass
class Board(Asked):
    view_names = VIEWS
    sort_names = SORTS
    facet_names = FACETS
    usual_sort = "-proposed"

    def _base(self) -> QuerySet[Execution]:
        states = VIEWS[self.view][1]
        rows = case_rows.listed()
        return rows.filter(state__in=states) if states else rows

    def _filtered(self, query: QueryDict) -> QuerySet[Execution]:
        try:
            return filtered(self._base(), query)
        except Unclear as unclear:
            raise BadRequest(f"{unclear.name}: {unclear}") from unclear

    def page(self) -> Page[Any]:
        column, descending = self.sort
        rows = self._filtered(self.query).annotate(risk_rank=RISK_RANK)
        page: Page[Any] = Paginator(rows.order_by(("-" if descending else "") + SORTS[column], "-pk"), PER_PAGE).get_page(
            self.query.get("page")
        )
        page.object_list = case_rows.rows(page.object_list)
        return page

    # -- facets ----------------------------------------------------------------------------------------------------------
    @cached_property
    def _traits(self) -> list[tuple[Any, ...]]:
        """Of all that the view and the words find, whatever is ticked."""
        query = self.query.copy()
        for name in FACETS:
            query.pop(name, None)
        columns = [column for _, column in FACETS.values()]
        return list(self._filtered(query).order_by("-pk").values_list(*columns)[:MOST_COUNTED])

    @cached_property
    def runbooks(self) -> dict[str, str]:
        return {str(pk): name for pk, name in Runbook.objects.values_list("pk", "name")}

    def facets(self) -> list[Facet]:
        found = [self._facet(place, name) for place, name in enumerate(FACETS)]
        return [one for one in found if len(one.all) > 1 or any(value.checked for value in one.all)]

    def _kept(self, but: str) -> Iterable[tuple[Any, ...]]:
        wanted = [(place, self.chosen[name]) for place, name in enumerate(FACETS) if self.chosen[name] and name != but]
        return (one for one in self._traits if all(_key(one[place]) in values for place, values in wanted))

    def _facet(self, place: int, name: str) -> Facet:
        counts = Counter(_key(one[place]) for one in self._kept(name))
        for value in self.chosen[name]:
            counts.setdefault(value, 0)
        values = [self._value(name, key, count) for key, count in counts.items()]
        fixed = {key: at for at, key in enumerate(ORDERS.get(name, []))}
        values.sort(key=lambda one: (fixed.get(one.value, 99), not one.checked, -one.count, one.label))
        return Facet(name, FACETS[name][0], values[:MOST_VALUES])

    def _value(self, name: str, key: str, count: int) -> FacetValue:
        checked = key in self.chosen[name]
        sign = SIGNS.get(name, {}).get(key)
        if sign:
            return FacetValue(key, sign.label, count, checked, sign.icon, sign.tone)
        if name == "risk":
            return FacetValue(key, key.capitalize(), count, checked, "shield", f"c-{case_words.RISKS[key].tone}")
        label = self.runbooks.get(key, "One action") if name == "runbook" else key
        return FacetValue(key, label or "–", count, checked)

    def chips(self) -> list[dict[str, str]]:
        return [
            {"title": FACETS[name][0], "value": self._value(name, key, 0).label, "url": without(self.query, name, key)}
            for name, values in self.chosen.items()
            for key in sorted(values)
        ]


def _key(value: Any) -> str:
    return "none" if value is None else str(value)


# -- how often it helped -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Rate:
    label: str
    ran: int
    verified: int
    pk: int | None = None

    @property
    def share(self) -> float:
        return 100 * self.verified / self.ran


def counts() -> dict[str, int]:
    """By state, of cases that are not over."""
    rows = Execution.objects.filter(state__in=Execution.OPEN).order_by().values_list("state").annotate(Count("pk"))
    return {str(state): count for state, count in rows}


def rates(most: int = 6) -> list[Rate]:
    """By runbook, of the last 30 days: of those that ran, how many were seen to help. The busiest first."""
    ran = Execution.objects.filter(state__in=case_rows.RAN, dry_run=False, created_at__gte=timezone.now() - RATED).exclude(runbook=None)
    held = Count("pk", filter=Q(verification=Execution.Verification.HELD, state=State.SUCCEEDED))
    rows = ran.order_by().values_list("runbook", "runbook__name").annotate(ran=Count("pk"), held=held).order_by("-ran")[:most]
    return [Rate(str(name), count, verified, pk) for pk, name, count, verified in rows]
