"""The log of calls: filters, facets with counts, figures over what they find. All of its state is in the address."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet, Sum
from django.http import QueryDict
from django.utils import timezone

from accounts.models import User
from aiops.facets import Asked, Facet, without
from aiops.facets import Value as FacetValue
from genai.call_words import OUTCOMES
from genai.models import Completion

PER_PAGE, MOST_COUNTED, MOST_VALUES, MOST_TIMED = 50, 20_000, 30, 20_000
SPANS = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
SPAN_WORDS = {"1h": "1 h", "24h": "24 h", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
# Each facet: its heading, and the column.
FACETS = {
    "purpose": ("Purpose", "purpose"), "outcome": ("Outcome", "outcome"), "model": ("Model", "model"),
    "provider": ("Asked at", "provider_name"), "person": ("Person", "user_id"),
}  # fmt: skip
Outcome = Completion.Outcome
MADE = (Outcome.OK, Outcome.CUT, Outcome.STOPPED, Outcome.INVALID, Outcome.FAILED)


class Unclear(ValueError):
    """A filter that cannot be read: one sentence."""


def filtered(rows: QuerySet[Completion], given: QueryDict) -> QuerySet[Completion]:
    """All of the filters apply; several values of one are alternatives. Raises Unclear."""
    for name, (_, column) in FACETS.items():
        if wanted := [one for one in given.getlist(name) if one]:
            rows = rows.filter(_any_of(name, column, wanted))
    for name, column in (("prompt", "prompt_version_id"), ("run", "run_id")):
        if text := given.get(name, ""):
            rows = rows.filter(**{column: number(name, text)})
    return _searched(rows.filter(started_at__gte=timezone.now() - SPANS[span_of(given)]), given.get("q", ""))


def span_of(given: QueryDict) -> str:
    span = given.get("since") or "24h"
    if span not in SPANS:
        raise Unclear(f"since is one of {', '.join(SPANS)}, not {span[:40]!r}.")
    return span


def _any_of(name: str, column: str, wanted: Sequence[str]) -> Q:
    if any("\0" in one for one in wanted):
        raise Unclear("A NUL character cannot be searched for.")
    if name == "outcome" and (strange := [one for one in wanted if one not in OUTCOMES]):
        raise Unclear(f"{strange[0][:40]} is no outcome; there are {', '.join(OUTCOMES)}.")
    if name == "person":
        ids = [number(name, one) for one in wanted if one != "none"]
        return Q(user_id__in=ids) | Q(user_id=None) if "none" in wanted else Q(user_id__in=ids)
    return Q(**{f"{column}__in": ["" if one == "none" else one for one in wanted]})


def number(name: str, text: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise Unclear(f"{name} is an id, not {text[:40]!r}.")
    return int(text)


def _searched(rows: QuerySet[Completion], text: str) -> QuerySet[Completion]:
    if "\0" in text:
        raise Unclear("A NUL character cannot be searched for.")
    for word in text.split()[:10]:
        rows = rows.filter(Q(prompt__icontains=word) | Q(answer__icontains=word) | Q(error__icontains=word) | Q(purpose__icontains=word))
    return rows


# -- figures ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Figures:
    calls: int = 0
    asked: int = 0  # of them those that a model was asked for
    cached: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = Decimal(0)
    median_ms: int | None = None
    p95_ms: int | None = None
    first_ms: int | None = None  # median until the first word

    @property
    def cache_share(self) -> float | None:
        return 100 * self.cached / (self.asked + self.cached) if self.asked + self.cached else None

    @property
    def failed_share(self) -> float | None:
        return 100 * self.failed / self.asked if self.asked else None


def figures(rows: QuerySet[Completion]) -> Figures:
    found = rows.order_by().aggregate(
        calls=Count("pk"), asked=Count("pk", filter=Q(outcome__in=MADE)), cached=Count("pk", filter=Q(outcome=Outcome.CACHED)),
        failed=Count("pk", filter=Q(outcome__in=(Outcome.FAILED, Outcome.CUT, Outcome.INVALID))), tokens_in=Sum("tokens_in"),
        tokens_out=Sum("tokens_out"), cost=Sum("cost"),
    )  # fmt: skip
    timed = list(rows.filter(outcome__in=MADE).order_by("-pk").values_list("latency_ms", "first_token_ms")[:MOST_TIMED])
    whole, first = sorted(one for one, _ in timed), sorted(one for _, one in timed if one is not None)
    sums: dict[str, Any] = {name: value or 0 for name, value in found.items()}
    return Figures(**sums, median_ms=_at(whole, 0.5), p95_ms=_at(whole, 0.95), first_ms=_at(first, 0.5))


def _at(values: Sequence[int], share: float) -> int | None:
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


def spending(rows: QuerySet[Completion], column: str, most: int = 8) -> list[dict[str, Any]]:
    """Calls, tokens and dollars by a column, the dearest first."""
    found = rows.order_by().values(name=F(column)).annotate(
        calls=Count("pk"), read=Sum("tokens_in"), written=Sum("tokens_out"), dollars=Sum("cost")
    )  # fmt: skip
    return [{**one, "tokens": one["read"] + one["written"]} for one in found.order_by("-dollars", "-calls")[:most]]


# -- the page --------------------------------------------------------------------------------------------------------------
@dataclass
class Board(Asked):
    facet_names = FACETS

    def _filtered(self, query: QueryDict) -> QuerySet[Completion]:
        try:
            return filtered(Completion.objects.all(), query)
        except Unclear as unclear:
            raise BadRequest(str(unclear)) from unclear

    @cached_property
    def rows(self) -> QuerySet[Completion]:
        return self._filtered(self.query)

    @property
    def span(self) -> str:
        return span_of(self.query)

    def page(self) -> Page[Any]:
        rows = self.rows.select_related("user", "prompt_version__prompt").defer("prompt", "answer").order_by("-pk")
        page: Page[Any] = Paginator(rows, PER_PAGE).get_page(self.query.get("page"))
        return page

    @cached_property
    def _traits(self) -> list[tuple[Any, ...]]:
        """Of all that the words and the time find, whatever is ticked."""
        query = self.query.copy()
        for name in FACETS:
            query.pop(name, None)
        columns = [column for _, column in FACETS.values()]
        return list(self._filtered(query).order_by("-pk").values_list(*columns)[:MOST_COUNTED])

    @cached_property
    def people(self) -> Mapping[str, str]:
        wanted = {one[-1] for one in self._traits if one[-1]}
        return {str(pk): name for pk, name in User.objects.filter(pk__in=wanted).values_list("pk", "name")}

    def facets(self) -> list[Facet]:
        found = [self._facet(place, name) for place, name in enumerate(FACETS)]
        return [one for one in found if len(one.all) > 1 or any(value.checked for value in one.all)]

    def _facet(self, place: int, name: str) -> Facet:
        wanted = [(at, self.chosen[other]) for at, other in enumerate(FACETS) if self.chosen[other] and other != name]
        counts = Counter(_key(one[place]) for one in self._traits if all(_key(one[at]) in values for at, values in wanted))
        for value in self.chosen[name]:
            counts.setdefault(value, 0)
        values = [self._value(name, key, count) for key, count in counts.items()]
        values.sort(key=lambda one: (not one.checked, -one.count, one.label))
        return Facet(name, FACETS[name][0], values[:MOST_VALUES])

    def _value(self, name: str, key: str, count: int) -> FacetValue:
        checked = key in self.chosen[name]
        if name == "outcome" and key in OUTCOMES:
            sign = OUTCOMES[key]
            return FacetValue(key, sign.label, count, checked, sign.icon, sign.tone)
        label = self.people.get(key, "Nobody" if key == "none" else f"Person {key}") if name == "person" else key
        return FacetValue(key, "None" if label == "none" else label, count, checked)

    def chips(self) -> list[dict[str, str]]:
        return [
            {"title": FACETS[name][0], "value": self._value(name, key, 0).label, "url": without(self.query, name, key)}
            for name, values in self.chosen.items()
            for key in sorted(values)
        ]


def _key(value: Any) -> str:
    return "none" if value in (None, "") else str(value)
