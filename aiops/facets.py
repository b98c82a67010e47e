"""What stands beside and above a list: facets, a filter's values with their counts (drawn by templates/ui/_facet.html), and its order."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from django.core.exceptions import BadRequest
from django.http import QueryDict

FIRST = 6  # values of a facet before the rest folds


@dataclass
class Value:
    value: str
    label: str
    count: int
    checked: bool
    icon: str = ""
    tone: str = ""


@dataclass
class Facet:
    name: str  # of the query parameter
    label: str
    all: list[Value]
    first: int = FIRST

    @property
    def values(self) -> list[Value]:
        """Those that are always shown, and of the others what is ticked."""
        return self.all[: self.first] + [value for value in self.all[self.first :] if value.checked]

    @property
    def more(self) -> list[Value]:
        return [value for value in self.all[self.first :] if not value.checked]


def order_of(asked: str, columns: Collection[str]) -> tuple[str, bool]:
    """(column, descending) of ?sort=. BadRequest for a column that does not exist."""
    column = asked.removeprefix("-")
    if column not in columns:
        raise BadRequest(f"sort must be one of {', '.join(columns)}, with - in front for the other direction, not {asked[:40]!r}.")
    return column, asked.startswith("-")


@dataclass
class Asked:
    """What the address of a list asks for; each list says what there is. BadRequest for what there is not."""

    query: QueryDict
    view_names: ClassVar[Collection[str]] = ()
    sort_names: ClassVar[Collection[str]] = ()
    facet_names: ClassVar[Collection[str]] = ()
    usual_view: ClassVar[str] = "all"
    usual_sort: ClassVar[str] = ""
    longest: ClassVar[int] = 500  # characters of a search

    @cached_property
    def view(self) -> str:
        asked = self.query.get("show", self.usual_view)
        if asked not in self.view_names:
            raise BadRequest(f"show is one of {', '.join(self.view_names)}, not {asked[:40]!r}.")
        return asked

    @cached_property
    def text(self) -> str:
        """BadRequest for one that no database takes."""
        text = self.query.get("q", "").strip()
        if len(text) > self.longest or "\0" in text:
            raise BadRequest(f"A search has at most {self.longest} characters, and no NUL among them.")
        return text

    @cached_property
    def sort(self) -> tuple[str, bool]:
        """(column, descending)."""
        return order_of(self.query.get("sort", self.usual_sort), self.sort_names)

    @cached_property
    def chosen(self) -> dict[str, set[str]]:
        return {name: set(self.query.getlist(name)) - {""} for name in self.facet_names}

    @property
    def filters_set(self) -> int:
        return sum(map(len, self.chosen.values()))


def without(query: QueryDict, name: str, value: str) -> str:
    """The address, from its ? on, that leaves one value of a filter out and begins at the first page."""
    rest = query.copy()
    rest.setlist(name, [other for other in rest.getlist(name) if other != value])
    rest.pop("page", None)
    return f"?{rest.urlencode()}"
