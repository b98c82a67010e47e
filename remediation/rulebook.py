"""The automation rules made ready, kept in memory until one of them changes."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, Max, Value

from aiops.prepared import Prepared
from remediation import guard, match
from remediation.guard import Guards
from remediation.match import Compiled, MatchError, Seen, Verdict
from remediation.models import AutomationRule


@dataclass(frozen=True)
class Ready:
    """A rule, compiled. `fault`: why it cannot be asked."""

    rule: AutomationRule
    match: Compiled = field(default_factory=Compiled)
    guards: Guards = field(default_factory=Guards)
    fault: str = ""

    def ask(self, alert: Seen) -> Verdict:
        if self.fault:
            return Verdict(False, False, "rule", self.fault)
        return match.match(self.match, alert)


class Book(NamedTuple):
    stamp: Any
    rules: tuple[Ready, ...]
    named: dict[str, list[int]]  # places of rules for these names only
    others: list[int]  # of rules that may be for any name

    def concerning(self, alert: Seen) -> list[tuple[Ready, Verdict]]:
        """The rules that are about such alerts, in their order, with what each says."""
        places = sorted([*self.named.get(alert.name, ()), *self.others])
        asked = ((self.rules[place], self.rules[place].ask(alert)) for place in places)
        return [(ready, said) for ready, said in asked if said.concerns]

    def all(self, alert: Seen) -> list[tuple[Ready, Verdict]]:
        return [(ready, ready.ask(alert)) for ready in self.rules]


_lock = threading.Lock()
_kept: Book | None = None
_state = Prepared(
    lambda: AutomationRule.objects.order_by().annotate(all=Value(1)).values_list("all").annotate(Count("pk"), Max("pk"), Max("updated_at"))
)


def ready(rule: AutomationRule) -> Ready:
    try:
        return Ready(rule, match.compiled(rule.match), guard.compiled(rule.guards))
    except (MatchError, guard.GuardError) as fault:
        return Ready(rule, fault=str(fault))


def current() -> Book:
    """As the database has them; one statement where nothing changed."""
    global _kept
    stamp = _stamp()
    with _lock:
        if _kept is None or _kept.stamp != stamp:
            _kept = _book(stamp)
        return _kept


def forget() -> None:
    global _kept
    with _lock:
        _kept = None


def _stamp() -> tuple[int, int | None, datetime | None]:
    count, newest, changed = _state()[0][1:]
    return count, newest, changed


def _book(stamp: Any) -> Book:
    rules = tuple(ready(rule) for rule in AutomationRule.objects.order_by("position", "id"))
    named: dict[str, list[int]] = {}
    others = []
    for place, one in enumerate(rules):
        for name in one.match.exact or ():
            named.setdefault(name, []).append(place)
        if one.match.exact is None and not one.fault:
            others.append(place)
    return Book(stamp, rules, named, others)
