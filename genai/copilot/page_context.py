"""Which page somebody asks from: what it is about, its address with its filters, and the time it shows."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import QueryDict
from django.urls import Resolver404, ResolverMatch, resolve

from aiops import timerange

LONGEST_PATH, LONGEST_QUERY, LONGEST_TITLE = 300, 4000, 200
# name of an address -> what its number is the number of; tools know these subjects
ABOUT = {
    "alert": "alert", "incident": "incident", "resource": "resource", "execution": "execution", "forecast": "forecast",
    "anomaly": "anomaly", "rule": "rule", "runbook": "runbook", "source": "source",
}  # fmt: skip
NUMBERS = {"incident": "INC-{}", "execution": "RUN-{}"}
RANGE = ("range", "from", "to")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class PageContext:
    """`subject`: "incident:7", "page:alerts"; empty where the address is none of ours. `context` is kept with the conversation."""

    subject: str
    title: str
    context: dict[str, str]

    @property
    def kind(self) -> str:
        """alert, incident …; page where it is about many things, empty where it is no page of ours."""
        return self.subject.partition(":")[0]


def of_page(path: str, query: str = "", title: str = "", span: str = "") -> PageContext:
    """What a browser says about its page. The texts are its own: cut, and never trusted further than a question is.

    `span` is the time the page shows where its address does not say so, as in an address: "range=now-1h"."""
    path, query = path[:LONGEST_PATH], query.removeprefix("?")[:LONGEST_QUERY]
    match = _resolved(path)
    subject = _subject(match)
    named = _SPACE.sub(" ", title).strip()[:LONGEST_TITLE] or _title(subject)
    context = {"path": path if match else "", "query": query, "title": named, "range": _range(query) or _range(span)}
    return PageContext(subject, named, context)


def of_subject(subject: str, title: str = "", span: str = "") -> PageContext:
    """Of a conversation that goes on without its page."""
    return PageContext(subject, title or _title(subject), {"path": "", "query": "", "title": title, "range": _range(span)})


def _resolved(path: str) -> ResolverMatch | None:
    try:
        return resolve(path)
    except Resolver404:
        return None


def _subject(match: ResolverMatch | None) -> str:
    if match is None or not match.url_name:
        return ""
    number = match.kwargs.get("pk")
    return f"{ABOUT[match.url_name]}:{number}" if number and match.url_name in ABOUT else f"page:{match.url_name}"


def _title(subject: str) -> str:
    kind, _, which = subject.partition(":")
    if kind == "page":
        return which.replace("-", " ").replace("_", " ").capitalize()
    return NUMBERS.get(kind, kind.capitalize() + " {}").format(which) if which else ""


def _range(query: str) -> str:
    """The time in an address, as an address; empty where it has none that can be read."""
    try:
        given = QueryDict(query, mutable=False)
        kept = {name: given[name].strip()[:40] for name in RANGE if given.get(name, "").strip()}
        return urlencode(kept) if kept and bounds(urlencode(kept)) else ""
    except (BadRequest, ValueError):  # ValueError: more fields than an address may have
        return ""


def bounds(span: str) -> timerange.TimeRange:
    """The moments a context's range means now. BadRequest where it cannot be read."""
    return timerange.from_query(QueryDict(span))
