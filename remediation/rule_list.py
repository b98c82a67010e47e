"""The list of automation rules: search, facets with counts, what each did lately. All of its state is in the address."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Max
from django.http import QueryDict
from django.utils import timezone

from aiops.facets import Facet, Value, without
from monitoring.alerts import durations
from remediation import decisions, guard, matching, rulebook, track_record
from remediation.case_words import Sign
from remediation.match import Compiled
from remediation.models import AutomationRule, Execution
from remediation.rulebook import Ready
from remediation.track_record import Record

PER_PAGE, LONGEST_SEARCH = 50, 200
COUNTED = timedelta(days=7)
STATES: Mapping[str, Sign] = {
    "broken": Sign("Cannot be read", "degraded", "c-critical"),
    "open": Sign("Breaker open", "stop", "c-critical"),
    "acting": Sign("On", "ok", "h-ok"),
    "rehearsing": Sign("Dry run", "flask", "c-accent"),
    "off": Sign("Off", "pause", "t3"),
}
ACTS = {"runbook": "A runbook", "action": "One action"}
ORIGINS = {"ui": "Made here", "file": "File", "pack": "Shipped"}
FACETS = {"state": ("State", {name: sign.label for name, sign in STATES.items()}), "acts": ("Does", ACTS), "origin": ("From", ORIGINS)}
OUTCOMES: Mapping[str, Sign] = {
    "proposed": Sign("Proposed", "ok", "h-ok"),
    "rehearsed": Sign("Would have proposed", "flask", "c-accent"),
    "held": Sign("Held back", "pause", "c-medium"),
    "not_matched": Sign("Does not match", "close", "t3"),
    "failed": Sign("Could not be proposed", "degraded", "c-critical"),
}


@dataclass
class Row:
    ready: Ready
    record: Record = field(default_factory=Record)
    counts: Mapping[str, int] = field(default_factory=dict)
    last: datetime | None = None  # when it proposed last
    open_until: datetime | None = None  # its breaker

    @property
    def rule(self) -> AutomationRule:
        return self.ready.rule

    @property
    def state(self) -> str:
        if self.ready.fault:
            return "broken"
        if not self.rule.enabled:
            return "off"
        if self.open_until:
            return "open"
        return "rehearsing" if self.rule.dry_run else "acting"

    @property
    def sign(self) -> Sign:
        return STATES[self.state]

    @property
    def acts(self) -> str:
        return "runbook" if self.rule.runbook_id else "action"

    @property
    def does(self) -> str:
        if self.rule.runbook:
            return self.rule.runbook.name
        return f"{self.rule.action.get('provider', '')}: {self.rule.action.get('verb', '')}"

    @property
    def when(self) -> str:
        return in_words(self.ready.match)

    @property
    def cooldown(self) -> str:
        return durations.shown(self.ready.guards.cooldown) or "none"

    @property
    def proposed(self) -> int:
        return self.counts.get("proposed", 0) + self.counts.get("rehearsed", 0)

    @property
    def held(self) -> int:
        return self.counts.get("held", 0) + self.counts.get("failed", 0)

    def has(self, name: str) -> str:
        return {"state": self.state, "acts": self.acts, "origin": self.rule.origin}[name]


def in_words(match: Compiled) -> str:
    """DiskFull or DiskSlow, service=checkout, severity high."""
    parts = [" or ".join(match.names)] if match.names else []
    parts += [f"{one.name}{one.op}{one.value}" for one, _ in match.labels]
    parts += [f"{name.replace('_', ' ')} {' or '.join(sorted(words))}" for name, words in match.wanted.items()]
    parts += [f"confidence ≥ {match.least:g}"] if match.least is not None else []
    parts += [match.time.words] if match.time else []
    return ", ".join(parts) or "every alert"


class Listing:
    """Raises BadRequest for a filter that cannot be read."""

    def __init__(self, query: QueryDict) -> None:
        self.query = query
        self.text = query.get("q", "").strip()
        if len(self.text) > LONGEST_SEARCH or "\0" in self.text:
            raise BadRequest(f"q is at most {LONGEST_SEARCH} characters.")
        self.wanted = {name: [one for one in query.getlist(name) if one] for name in FACETS}
        for name, (_, words) in FACETS.items():
            if strange := next((one for one in self.wanted[name] if one not in words), None):
                raise BadRequest(f"{name} is one of {', '.join(words)}, not {strange[:40]!r}.")

    @cached_property
    def everything(self) -> list[Row]:
        return rows([rulebook.ready(rule) for rule in AutomationRule.objects.select_related("runbook").order_by("position", "id")])

    @property
    def filters_set(self) -> int:
        return sum(map(len, self.wanted.values()))

    def found(self, but: str = "") -> list[Row]:
        narrowed = [(name, values) for name, values in self.wanted.items() if values and name != but]
        return [row for row in self.everything if self._says(row) and all(row.has(name) in values for name, values in narrowed)]

    def _says(self, row: Row) -> bool:
        text = f"{row.rule.key} {row.rule.name} {row.rule.description} {row.does} {row.when}".lower()
        return all(word in text for word in self.text.lower().split())

    def page(self) -> Page[Row]:
        return Paginator(self.found(), PER_PAGE).get_page(self.query.get("page"))

    def facets(self) -> list[Facet]:
        return [self._facet(name, label, words) for name, (label, words) in FACETS.items()]

    def _facet(self, name: str, label: str, words: Mapping[str, str]) -> Facet:
        counts, ticked = Counter(row.has(name) for row in self.found(but=name)), self.wanted[name]
        return Facet(
            name, label, [Value(one, word, counts[one], one in ticked) for one, word in words.items() if counts[one] or one in ticked]
        )

    def chips(self) -> list[dict[str, str]]:
        return [
            {"title": FACETS[name][0], "value": FACETS[name][1][value], "url": without(self.query, name, value)}
            for name, values in self.wanted.items()
            for value in values
        ]


def rows(found: list[Ready]) -> list[Row]:
    """A fixed number of statements, and one for each rule that failed lately."""
    now, ids = timezone.now(), [one.rule.pk for one in found]
    records, counts = track_record.of_rules(ids), decisions.counts(ids, now - COUNTED)
    last = dict(Execution.objects.filter(rule__in=ids).values_list("rule").annotate(last=Max("created_at")).order_by())
    return [
        Row(one, records.get(one.rule.pk, Record()), counts.get(one.rule.pk, {}), last.get(one.rule.pk), _open_until(one, records, now))
        for one in found
    ]


def _open_until(one: Ready, records: Mapping[int, Record], now: datetime) -> datetime | None:
    if not records.get(one.rule.pk, Record()).failed:
        return None
    return guard.is_open(one.guards, matching.runs(one.rule), now)
