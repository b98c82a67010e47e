"""What an address asks for: the period, the service and team, the figure whose rows are open. The same words on the page and in the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import HttpRequest

from aiops import timerange
from monitoring.kpis import report, rows
from monitoring.kpis.compute import Period
from monitoring.kpis.report import BASES, KINDS, Report, Scope
from monitoring.kpis.rows import ONLY, SORTS, Wanted

DEFAULT = "now-30d"
DAYS = (7, 30, 90)
LONGEST = 200 * 86_400_000  # ms; the period before is read as well
TEXT = 300
LARGEST_ID = 2**62


@dataclass(frozen=True)
class Asked:
    span: timerange.TimeRange
    scope: Scope
    basis: str
    wanted: Wanted | None  # of which figure the rows are open

    @property
    def period(self) -> Period:
        """Whole seconds; what is asked for within one second gets the same."""
        return Period(self.span.start_ms // 1000, max(self.span.end_ms // 1000, self.span.start_ms // 1000 + 1))

    @property
    def query(self) -> str:
        """The same question without the open figure."""
        said = {"service": self.scope.service, "team": self.scope.team, "of": self.basis}
        return "&".join(
            [self.span.query, *([urlencode({name: text for name, text in said.items() if text})] if any(said.values()) else [])]
        )

    @cached_property
    def report(self) -> Report:
        now = timerange.now_ms() // 1000
        return Report(report.gather(self.period, now, self.scope), self.period, self.basis)


def asked(request: HttpRequest, key: str = "") -> Asked:
    """Raises BadRequest with one sentence; `key`: the figure, where the address names it."""
    given = request.GET
    span = timerange.from_request(request, DEFAULT)
    if span.span_ms > LONGEST:
        raise BadRequest("Key figures are of 200 days at most, because the time before is read as well; choose a shorter range.")
    scope = Scope(_text(given, "service"), _text(given, "team"))
    return Asked(span, scope, _choice(given, "of", BASES), _wanted(given, key))


def _wanted(given: Mapping[str, str], key: str) -> Wanted | None:
    key = key or _choice(given, "open", tuple(KINDS))
    if not key:
        return None
    return Wanted(key, _choice(given, "sort", SORTS), _choice(given, "only", ONLY), _text(given, "name"), _id(given, "resource"))


def _text(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "").strip()
    if len(text) > TEXT or "\0" in text:
        raise BadRequest(f"{name} is at most {TEXT} characters of text.")
    return text


def _choice(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    text = given.get(name, "").strip()
    if text and text not in known:
        raise BadRequest(f"{name} must be one of {', '.join(known)}, not {text[:40]!r}.")
    return text


def _id(given: Mapping[str, str], name: str) -> int:
    text = given.get(name, "").strip()
    if text and not (text.isdecimal() and text.isascii() and len(text) < 19):
        raise BadRequest(f"{name} is a number, not {text[:40]!r}.")
    return int(text or 0)


def found(ask: Asked) -> rows.Found | None:
    return rows.find(ask.report, ask.wanted) if ask.wanted else None


def of_days(ask: Asked, days: int) -> Report:
    """The same filters, the latest days up to now."""
    now = timerange.now_ms() // 1000
    period = Period(now - days * 86_400, now)
    return Report(report.gather(period, now, ask.scope), period, ask.basis)
