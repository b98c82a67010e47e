"""What stands beside and above a list: facets, a filter's values with their counts (drawn by templates/ui/_facet.html), and its order."""

from collections.abc import Collection
from dataclasses import dataclass

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


def without(query: QueryDict, name: str, value: str) -> str:
    """The address, from its ? on, that leaves one value of a filter out and begins at the first page."""
    rest = query.copy()
    rest.setlist(name, [other for other in rest.getlist(name) if other != value])
    rest.pop("page", None)
    return f"?{rest.urlencode()}"
