"""Why a rule did or did not act: written down for each rule that is about an alert, worked out anew for those that are not."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from monitoring.alerts.models import Alert
from remediation import match, rulebook
from remediation.guard import Held
from remediation.match import Verdict
from remediation.models import AutomationRule, Execution, RuleDecision

Outcome = RuleDecision.Outcome
ASKED_AGAIN_WITHIN = timedelta(days=1)
UPDATED = ["time", "outcome", "step", "reason", "facts", "execution"]


class Why(NamedTuple):
    """What one rule says of one alert. `stored`: None where it was worked out now, because the rule is about other alerts."""

    rule: AutomationRule
    outcome: str
    step: str
    reason: str
    time: datetime | None = None
    stored: RuleDecision | None = None

    @property
    def label(self) -> str:
        return Outcome(self.outcome).label


class Writer:
    """Gathers what the rules say of one firing of one alert."""

    def __init__(self, alert: Alert, firing: datetime) -> None:
        self.alert, self.firing = alert, firing
        self.rows: list[RuleDecision] = []

    def add(
        self, rule: AutomationRule, outcome: str, step: str = "", reason: str = "", facts: Mapping[str, Any] | None = None,
        execution: Execution | None = None,
    ) -> None:  # fmt: skip
        self.rows.append(
            RuleDecision(
                rule=rule, alert=self.alert, firing=self.firing, outcome=outcome, step=step, reason=reason, facts=dict(facts or {}),
                execution=execution,
            )
        )  # fmt: skip

    def held(self, rule: AutomationRule, why: Held) -> None:
        again = {"again_at": why.again_at.isoformat()} if why.again_at else {}
        self.add(rule, Outcome.HELD, why.step, why.reason, {**why.facts, **again})

    def not_matched(self, rule: AutomationRule, said: Verdict) -> None:
        self.add(rule, Outcome.NOT_MATCHED, said.step, said.reason)

    def write(self) -> None:
        """In place of what was written of this firing before."""
        RuleDecision.objects.bulk_create(
            self.rows, update_conflicts=True, unique_fields=["alert", "rule", "firing"], update_fields=UPDATED, batch_size=500
        )


def settled(alert: Alert, firing: datetime) -> bool:
    """Whether a rule has acted on this firing already."""
    return RuleDecision.objects.filter(alert=alert, firing=firing, outcome=Outcome.PROPOSED).exists()


def to_ask_again(now: datetime | None = None) -> list[tuple[int, datetime]]:
    """(alert, firing) of what a guard held back until now, and fires still."""
    now = now or timezone.now()
    rows = RuleDecision.objects.filter(outcome=Outcome.HELD, time__gte=now - ASKED_AGAIN_WITHIN, alert__state=Alert.State.FIRING)
    found = rows.exclude(step__in=("enabled", "open_case", "blast_radius", "first")).values_list("alert_id", "firing", "facts", "time")
    due = {(alert, firing): None for alert, firing, facts, _ in found.order_by("time")[:2000] if _due(facts, now)}
    return list(due)[:200]


def _due(facts: Any, now: datetime) -> bool:
    again = parse_datetime(str(facts.get("again_at", ""))) if isinstance(facts, dict) else None
    return again is not None and again <= now


# -- for pages -----------------------------------------------------------------------------------------------------------
def why(alert: Alert) -> list[Why]:
    """Every rule's word on the alert: of its last firing as it was written down, else worked out now."""
    stored = {row.rule_id: row for row in RuleDecision.objects.filter(alert=alert).select_related("execution").order_by("firing", "pk")}
    at = max((row.firing for row in stored.values()), default=alert.fired_at or alert.started_at)
    return [_why(stored.get(ready.rule.pk), ready.rule, said) for ready, said in rulebook.current().all(match.seen(alert, at))]


def _why(row: RuleDecision | None, rule: AutomationRule, said: Verdict) -> Why:
    if row is not None:
        return Why(rule, row.outcome, row.step, row.reason, row.time, row)
    if said.matched:
        return Why(rule, Outcome.NOT_MATCHED, "not_asked", "It would match; it was added or changed after the alert fired.")
    return Why(rule, Outcome.NOT_MATCHED, said.step, said.reason)


def history(rule: AutomationRule, outcome: str = "") -> QuerySet[RuleDecision]:
    """The newest first."""
    rows = RuleDecision.objects.filter(rule=rule).select_related("alert", "execution").order_by("-time", "-pk")
    return rows.filter(outcome=outcome) if outcome in Outcome.values else rows


def counts(rules: Iterable[int], since: datetime) -> dict[int, dict[str, int]]:
    """{rule: {outcome: how many}}."""
    rows = (
        RuleDecision.objects.filter(rule__in=list(rules), time__gte=since).values_list("rule", "outcome").annotate(n=Count("pk")).order_by()
    )
    found: dict[int, dict[str, int]] = {}
    for rule, outcome, count in rows:
        found.setdefault(rule, {})[outcome] = count
    return found
