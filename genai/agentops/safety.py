"""What looked like an attack or a leak, as a list; and what of the day's money is spent."""

from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet
from django.http import QueryDict

from genai import budgets
from genai.tracing.models import SecurityFinding

PER_PAGE = 25
STATES = {"open": "Open", "dismissed": "Dismissed", "all": "All"}


class Shown:
    """Findings of one state and one kind. All of it is in the address."""

    def __init__(self, query: QueryDict, rows: QuerySet[SecurityFinding]) -> None:
        self._query, self._rows = query, rows

    @cached_property
    def state(self) -> str:
        return self._one_of("state", STATES, "open")

    @cached_property
    def kind(self) -> str:
        return self._one_of("kind", ["", *SecurityFinding.Kind.values], "")

    def _one_of(self, name: str, known: "dict[str, str] | list[str]", usual: str) -> str:
        asked = self._query.get(name, usual)
        if asked not in known:
            raise BadRequest(f"{name} is one of {', '.join(filter(None, known))}, not {asked[:40]!r}.")
        return asked

    @cached_property
    def _of_state(self) -> QuerySet[SecurityFinding]:
        return self._rows if self.state == "all" else self._rows.filter(state=self.state)

    @property
    def states(self) -> list[tuple[str, str, int]]:
        counted = dict(self._rows.order_by().values_list("state").annotate(n=Count("pk")))
        return [(key, label, counted.get(key, 0) if key != "all" else sum(counted.values())) for key, label in STATES.items()]

    @property
    def kinds(self) -> list[tuple[str, str, int]]:
        counted = dict(self._of_state.order_by().values_list("kind").annotate(n=Count("pk")))
        return [(key, label, counted[key]) for key, label in SecurityFinding.Kind.choices if counted.get(key)]

    def page(self) -> Page[SecurityFinding]:
        rows = self._of_state.filter(kind=self.kind) if self.kind else self._of_state
        return Paginator(rows.select_related("run__agent", "step"), PER_PAGE).get_page(self._query.get("page"))


class Dollars(NamedTuple):
    spent: Decimal
    limit: Decimal | None

    @property
    def over(self) -> bool:
        return self.limit is not None and self.spent >= self.limit


def dollars_today() -> Dollars:
    """Of everybody, against the limit of the day where there is one."""
    found = next((one for one in budgets.standings() if one.budget.scope == budgets.EVERYBODY), None)
    if found is not None:
        return Dollars(found.dollars, found.budget.dollars)
    return Dollars(budgets.spent(budgets.EVERYBODY, budgets.today())[1], None)
