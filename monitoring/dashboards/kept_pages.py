"""Pages whose state can be kept as a saved view. A page is named as its address is; the room that shows it registers it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    title: str
    parameters: re.Pattern[str]  # those that belong to a view, whole names


_pages: dict[str, Kept] = {}


def register(page: str, title: str, parameters: str) -> None:
    """parameters: their names with | between them."""
    _pages[page] = Kept(title, re.compile(parameters))


def of(page: str) -> Kept | None:
    return _pages.get(page)


def title(page: str) -> str:
    """Of a page that is gone its name."""
    return _pages[page].title if page in _pages else page


register("explorer", "Explorer", "q|off|view|compare|foresee|hide|only|among|range|from|to")  # values are names of addresses
register(
    "alerts",
    "Alerts",
    "q|state|severity|ownership|assignee|suppressed|kind|name|source|origin|flapping|label|resource|rule|silence|sort|group|range|from|to",
)
