"""The list of rules: search, facets with counts, order, pages. All of its state is in the address."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import BadRequest
from django.core.paginator import Page, Paginator
from django.db.models import Count
from django.http import QueryDict
from django.utils.functional import cached_property

from aiops.facets import Asked, Facet, Value, without
from monitoring.alerts import rule_noise
from monitoring.alerts.models import RANKS, Alert, AlertRule, RuleGroup

PER_PAGE, LONGEST_SEARCH = 50, 200
OWNERS = {"ui": "Made here", "file": "Rule file", "pack": "Shipped"}
# state → word, icon, tone, in the order of the list
STATES = {
    "failing": ("Failing", "down", "h-down"),
    "firing": ("Firing", "critical", "c-critical"),
    "pending": ("Pending", "clock", "c-medium"),
    "quiet": ("Quiet", "ok", "h-ok"),
    "waiting": ("Not evaluated yet", "unknown", "h-unknown"),
    "off": ("Off", "pause", "t3"),
}
SEVERITIES = {"critical": "Critical", "high": "High", "medium": "Medium", "low": "Low"}


@dataclass
class Row:
    rule: AlertRule
    firing: int
    pending: int
    noise: rule_noise.Noise

    @property
    def state(self) -> str:
        return state_of(self.rule, self.firing, self.pending)

    @property
    def shown_state(self) -> tuple[str, str, str]:
        return STATES[self.state]

    @property
    def owner(self) -> str:
        return OWNERS[self.rule.group.source]


def state_of(rule: AlertRule, firing: int, pending: int) -> str:
    if not rule.enabled:
        return "off"
    if rule.last_error:
        return "failing"
    if firing or pending:
        return "firing" if firing else "pending"
    return "quiet" if rule.last_evaluated else "waiting"


def _noise(row: Row) -> str:
    return "noisy" if row.noise.noisy else "silent" if not row.noise.fires else ""


# facet → (heading, what a row has, label, icon, tone, order)
FACETS: dict[str, tuple[str, Callable[[Row], str]]] = {
    "state": ("State", lambda row: row.state),
    "severity": ("Severity", lambda row: row.rule.severity if row.rule.kind == "alert" else ""),
    "kind": ("Kind", lambda row: row.rule.kind),
    "owner": ("Owned by", lambda row: row.rule.group.source),
    "noise": ("Noise", _noise),
    "group": ("Group", lambda row: row.rule.group.name),
}
WORDS: dict[str, dict[str, str]] = {
    "state": {name: words[0] for name, words in STATES.items()},
    "severity": SEVERITIES,
    "kind": {"alert": "Alert", "record": "Recording"},
    "owner": OWNERS,
    "noise": {"noisy": "Noisy", "silent": "Never fired"},
}
SORTS: dict[str, Callable[[Row], Any]] = {
    "state": lambda row: (list(STATES).index(row.state), -RANKS[row.rule.severity], -row.firing),
    "name": lambda row: row.rule.name.lower(),
    "evaluated": lambda row: row.rule.last_evaluated.timestamp() if row.rule.last_evaluated else 0,
    "took": lambda row: row.rule.last_duration_ms or 0,
    "lag": lambda row: row.rule.last_lag_ms or 0,
    **{name: (lambda row, name=name: getattr(row.noise, name)) for name in rule_noise.MEASURES},  # type: ignore[misc]
}


def open_alerts(rules: Iterable[int] | None = None) -> dict[tuple[int, str], int]:
    """How many of each rule's alerts are pending and firing: (rule, state) → count."""
    rows = Alert.objects.exclude(state=Alert.State.RESOLVED).filter(rule__isnull=False)
    rows = rows if rules is None else rows.filter(rule__in=list(rules))
    return {(rule, state): count for rule, state, count in rows.values_list("rule", "state").annotate(Count("id")).order_by()}


def days_of(query: QueryDict) -> int:
    """Over how many days noise is counted. BadRequest for another number."""
    text = query.get("days", str(rule_noise.DAYS[0]))
    if text not in {str(days) for days in rule_noise.DAYS}:
        raise BadRequest(f"days must be {' or '.join(map(str, rule_noise.DAYS))}, not {text[:20]!r}.")
    return int(text)


@dataclass
class Listing(Asked):
    sort_names = SORTS
    facet_names = FACETS
    usual_sort = "state"
    longest = LONGEST_SEARCH
    days: int = field(init=False)

    def __post_init__(self) -> None:
        self.days = days_of(self.query)
        _ = self.text  # refused at once

    @cached_property
    def everything(self) -> list[Row]:
        """Three statements, however many rules there are."""
        counts, noise = open_alerts(), rule_noise.of_rules(self.days)
        rules = AlertRule.objects.select_related("group").defer("annotations", "group__lease")
        return [
            Row(rule, counts.get((rule.pk, "firing"), 0), counts.get((rule.pk, "pending"), 0), noise.get(rule.pk, rule_noise.NONE))
            for rule in rules.order_by("group__name", "position", "id")
        ]

    @cached_property
    def searched(self) -> list[Row]:
        words = self.text.lower().split()
        return [row for row in self.everything if all(word in _searchable(row) for word in words)] if words else self.everything

    def _kept(self, but: str = "") -> Iterable[Row]:
        wanted = {name: values for name, values in self.chosen.items() if values and name != but}
        return (row for row in self.searched if all(FACETS[name][1](row) in values for name, values in wanted.items()))

    @cached_property
    def found(self) -> list[Row]:
        column, descending = self.sort
        return sorted(self._kept(), key=SORTS[column], reverse=descending)

    def page(self) -> Page[Row]:
        return Paginator(self.found, PER_PAGE).get_page(self.query.get("page"))

    # -- facets ----------------------------------------------------------------------------------------------------------
    def facets(self) -> list[Facet]:
        found = [self._facet(name) for name in FACETS]
        return [facet for facet in found if len(facet.all) > 1 or any(value.checked for value in facet.all)]

    def _facet(self, name: str) -> Facet:
        title, read = FACETS[name]
        counts = Counter(filter(None, map(read, self._kept(but=name))))
        chosen = self.chosen[name]
        words, order = WORDS.get(name, {}), list(WORDS.get(name, {}))
        keys = sorted(counts.keys() | chosen, key=lambda key: (key not in chosen, order.index(key) if key in order else len(order), key))
        return Facet(name, title, [Value(key, words.get(key, key), counts[key], key in chosen, *_sign(name, key)) for key in keys], first=8)

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
    return (key, f"c-{key}") if name == "severity" and key in SEVERITIES else ("", "")


def _searchable(row: Row) -> str:
    rule = row.rule
    labels = " ".join(f"{name}:{text}" for name, text in rule.labels.items())
    return f"{rule.name} {rule.group.name} {rule.expr} {labels} {rule.last_error}".lower()


def groups() -> list[RuleGroup]:
    """Those that people's rules are in."""
    return list(RuleGroup.objects.filter(file="").order_by("name"))
