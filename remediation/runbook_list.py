"""The list of runbooks: search, facets, order and pages. There are few enough to be counted in memory."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Max

from aiops.facets import Asked, Facet, Value, without
from remediation import case_words, track_record
from remediation.models import Execution, Risk, Runbook
from remediation.spec import Spec, SpecError
from remediation.track_record import Record
from remediation.versions import spec_of

PER_PAGE, LONGEST_SEARCH = 50, 200
HELPS = 0.8  # of what could be judged
ORIGINS = {"pack": "Shipped", "ui": "Made here", "file": "File"}
# state → word, icon, tone
STATES = {
    "unreadable": ("Cannot be read", "down", "h-down"),
    "on": ("On", "ok", "h-ok"),
    "off": ("Off", "pause", "t3"),
}
OUTCOMES = {"helps": "Helps", "sometimes": "Helps sometimes", "unjudged": "Never judged", "never": "Never ran"}


@dataclass
class Row:
    runbook: Runbook
    spec: Spec | None  # None: this release cannot read it
    record: Record
    last_run: datetime | None = None

    @property
    def state(self) -> str:
        return "unreadable" if self.spec is None else "on" if self.runbook.enabled else "off"

    @property
    def shown_state(self) -> tuple[str, str, str]:
        return STATES[self.state]

    @property
    def origin(self) -> str:
        return ORIGINS[self.runbook.origin]

    @property
    def risk(self) -> case_words.Sign | None:
        return case_words.RISKS[self.spec.risk] if self.spec else None

    @property
    def providers(self) -> tuple[str, ...]:
        """As it names them, in order."""
        return tuple(dict.fromkeys(action.provider for action in self.spec.actions)) if self.spec else ()

    @property
    def outcome(self) -> str:
        if not self.record.runs:
            return "never"
        rate = self.record.rate
        return "unjudged" if rate is None else "helps" if rate >= HELPS else "sometimes"


Reader = Callable[[Row], tuple[str, ...]]
FACETS: dict[str, tuple[str, Reader]] = {
    "state": ("State", lambda row: (row.state,)),
    "risk": ("Risk", lambda row: (row.spec.risk,) if row.spec else ()),
    "provider": ("Acts through", lambda row: row.providers),
    "outcome": ("Outcome", lambda row: (row.outcome,)),
    "origin": ("Origin", lambda row: (row.runbook.origin,)),
    "tag": ("Tag", lambda row: row.spec.tags if row.spec else ()),
}
WORDS: dict[str, dict[str, str]] = {
    "state": {name: words[0] for name, words in STATES.items()},
    "risk": {risk: Risk(risk).label for risk in Risk.values},
    "outcome": OUTCOMES,
    "origin": ORIGINS,
}
SORTS: dict[str, Callable[[Row], Any]] = {
    "name": lambda row: row.runbook.name.lower(),
    "state": lambda row: (list(STATES).index(row.state), row.runbook.name.lower()),
    "risk": lambda row: Risk.values.index(row.spec.risk) if row.spec else -1,
    "runs": lambda row: row.record.runs,
    "verified": lambda row: (-1.0 if row.record.rate is None else row.record.rate, row.record.verified),
    "last": lambda row: row.last_run.timestamp() if row.last_run else 0,
    "changed": lambda row: row.runbook.updated_at.timestamp(),
}


def rows() -> list[Row]:
    """Three statements, however many there are."""
    records = track_record.of_runbooks()
    last = dict(Execution.objects.filter(runbook__isnull=False).order_by().values_list("runbook").annotate(Max("created_at")))
    found = Runbook.objects.select_related("current").order_by("name")
    return [Row(one, read(one), records.get(one.pk, Record()), last.get(one.pk)) for one in found]


def read(runbook: Runbook) -> Spec | None:
    try:
        return spec_of(runbook)
    except SpecError:
        return None


@dataclass
class Listing(Asked):
    sort_names = SORTS
    facet_names = FACETS
    usual_sort = "name"
    longest = LONGEST_SEARCH

    def __post_init__(self) -> None:
        _ = self.text  # refused at once

    @cached_property
    def everything(self) -> list[Row]:
        return rows()

    @cached_property
    def searched(self) -> list[Row]:
        words = self.text.lower().split()
        return [row for row in self.everything if all(word in _searchable(row) for word in words)] if words else self.everything

    def _kept(self, but: str = "") -> Iterable[Row]:
        wanted = {name: values for name, values in self.chosen.items() if values and name != but}
        return (row for row in self.searched if all(values & set(FACETS[name][1](row)) for name, values in wanted.items()))

    @cached_property
    def found(self) -> list[Row]:
        column, descending = self.sort
        return sorted(self._kept(), key=SORTS[column], reverse=descending)

    def page(self) -> Page[Row]:
        return Paginator(self.found, PER_PAGE).get_page(self.query.get("page"))

    def facets(self) -> list[Facet]:
        found = [self._facet(name) for name in FACETS]
        return [facet for facet in found if len(facet.all) > 1 or any(value.checked for value in facet.all)]

    def _facet(self, name: str) -> Facet:
        title, reader = FACETS[name]
        counts = Counter(value for row in self._kept(but=name) for value in reader(row))
        chosen, words = self.chosen[name], WORDS.get(name, {})
        order = list(words)
        keys = sorted(counts.keys() | chosen, key=lambda key: (key not in chosen, order.index(key) if key in order else len(order), key))
        values = [Value(key, words.get(key, key), counts[key], key in chosen, *_sign(name, key)) for key in keys]
        return Facet(name, title, values, first=8)

    def chips(self) -> list[dict[str, str]]:
        """What is filtered by, each with the address that leaves it out."""
        return [
            {"title": FACETS[name][0], "value": WORDS.get(name, {}).get(value, value), "url": without(self.query, name, value)}
            for name, values in self.chosen.items()
            for value in sorted(values)
        ]


def _sign(name: str, key: str) -> tuple[str, str]:
    if name == "state" and key in STATES:
        return STATES[key][1], STATES[key][2]
    return ("shield", f"c-{case_words.RISKS[key].tone}") if name == "risk" and key in case_words.RISKS else ("", "")


def _searchable(row: Row) -> str:
    found = [row.runbook.key, row.runbook.name, row.runbook.description, *row.providers]
    if row.spec:
        found += [*row.spec.tags, *row.spec.fits.alerts, *(action.verb for action in row.spec.actions)]
    return " ".join(found).lower()
