"""From rules that are due to stored alerts and samples: evaluate, record, observe, note how each rule did."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from monitoring.alerts import alert_series, evidence, lifecycle, schedule, subjects
from monitoring.alerts.evaluation import Moment, Outcome
from monitoring.alerts.models import Alert, AlertRule, RuleGroup
from monitoring.alerts.observations import Observation, fingerprint
from monitoring.alerts.recording import write, write_figures

NOTED_EVERY = timedelta(minutes=1)  # how a rule did, where nothing changed
NOTED = ["last_evaluated", "last_duration_ms", "last_lag_ms", "last_error", "last_series"]
FAILING, LATE = "AlertRuleFailing", "AlertRulesLate"


def run(groups: Sequence[RuleGroup], lease: str, now: datetime | None = None) -> int:
    """Evaluates claimed groups; those of one time share what they read. Returns how many rules."""
    by_time: defaultdict[datetime, list[RuleGroup]] = defaultdict(list)
    for group in groups:
        by_time[schedule.slot(group.interval, now or timezone.now())].append(group)
    count = 0
    for at, due in sorted(by_time.items()):
        begun = time.perf_counter()
        outcomes = evaluate(rules_of(due), at)
        alert_series.write(outcomes, round(at.timestamp() * 1000))
        took = (time.perf_counter() - begun) * 1000
        for interval in {group.interval for group in due}:
            alike = [group for group in due if group.interval == interval]
            schedule.done(alike, lease, at, took)
            lifecycle.observe(_late(alike, at, took))
        count += len(outcomes)
    return count


def rules_of(groups: Sequence[RuleGroup]) -> list[AlertRule]:
    """Enabled rules, those that record first, then in their order."""
    by_id = {group.pk: group for group in groups}
    rules = list(AlertRule.objects.filter(group__in=by_id, enabled=True).order_by("group_id", "position", "id"))
    for rule in rules:
        rule.group = by_id[rule.group_id]
    return sorted(rules, key=lambda rule: rule.kind != AlertRule.Kind.RECORD)


def evaluate(rules: Sequence[AlertRule], at: datetime) -> list[Outcome]:
    """Raises StoreUnavailable or django.db.Error. Doing it twice for one time changes nothing more."""
    if not rules:
        return []
    moment = Moment(rules, at)
    outcomes = moment.run()
    write(outcomes, moment.at_ms)
    told = _placed([one for outcome in outcomes for one in outcome.observations])
    lifecycle.observe([*told, *_failing(outcomes)], at)
    if found := evidence.gathered(told, moment):
        lifecycle.attach(found)
    note(outcomes, at)
    return outcomes


def _placed(told: Sequence[Observation]) -> list[Observation]:
    """With the resources that new alerts are about."""
    fresh = [place for place, one in enumerate(told) if one.state != Alert.State.RESOLVED and one.labels and one.resource is None]
    found = dict(zip(fresh, subjects.resources([told[place].labels for place in fresh]), strict=True)) if fresh else {}
    return [replace(one, resource=found[place]) if found.get(place) else one for place, one in enumerate(told)]


def note(outcomes: Sequence[Outcome], at: datetime) -> None:
    """On the rules' rows and in the store: at once where the error changed, else every minute."""
    now, rows = timezone.now(), []
    for one in outcomes:
        rule = one.rule
        lag = (now - max(at, rule.group.due_at)).total_seconds() * 1000
        fresh = rule.last_evaluated is not None and at - rule.last_evaluated < NOTED_EVERY
        if fresh and rule.last_error == one.error:
            continue
        rule.last_evaluated, rule.last_duration_ms, rule.last_lag_ms = at, one.seconds * 1000, lag
        rule.last_error, rule.last_series = one.error[:2000], one.series
        rows.append(rule)
    AlertRule.objects.bulk_update(rows, NOTED, batch_size=200)
    write_figures(rows, round(at.timestamp() * 1000))


# -- alerts about rules ----------------------------------------------------------------------------------------------------
def _failing(outcomes: Sequence[Outcome]) -> list[Observation]:
    """A rule that cannot be evaluated raises an alert of its own; it ends when the rule works again."""
    return [_about_rule(one) for one in outcomes if one.error or one.rule.last_error]


def _about_rule(one: Outcome) -> Observation:
    labels = {"alertname": FAILING, "rule": one.rule.name, "rule_group": one.rule.group.name, "severity": "high"}
    mark = fingerprint(f"self\xff{one.rule.group.file}\xff{one.rule.key}", labels)
    if not one.error:
        return Observation(mark, "resolved")
    summary = f"The rule {one.rule.name} cannot be evaluated: {one.error}"
    said = {"summary": summary, "description": "Its alerts stay as they were until it can be."}
    evidence = {"expr": one.rule.expr, "error": one.error}
    return Observation(
        mark, "firing", name=FAILING, labels=labels, annotations=said, severity="high", source="self", evidence=evidence
    )  # fmt: skip


def _late(groups: Sequence[RuleGroup], at: datetime, took_ms: float) -> list[Observation]:
    """Rules that took longer than the time between two evaluations."""
    interval = groups[0].interval
    labels = {"alertname": LATE, "interval": f"{interval}s", "severity": "high"}
    mark = fingerprint("self", labels)
    if took_ms <= interval * 1000:
        return [Observation(mark, "resolved")] if Alert.objects.filter(fingerprint=mark, state=Alert.State.FIRING).exists() else []
    summary = f"The rules evaluated each {interval} s took {took_ms / 1000:.1f} s: evaluations are left out"
    return [Observation(mark, "firing", name=LATE, labels=labels, annotations={"summary": summary}, severity="high", source="self")]
